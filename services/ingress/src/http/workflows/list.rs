//! Which workflows there are.

use std::sync::Arc;

use axum::{Json, extract::State};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use signalbox_proto::v1::{ListLookup, LookupRequest, WorkflowList, lookup_reply, lookup_request::What};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::App,
    extract::Query,
    http::{
        refusals::{Away, BadInput},
        results::REPLY_WITHIN,
    },
    problem::{Problem, ProblemBody},
};

const MOST: u8 = 100;
const DEFAULT_LIMIT: u8 = 50;

/// The longest query, in bytes.
const LONGEST_QUERY: usize = 2048;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParameters {
    /// A visibility query of Temporal's; without it, all workflows are meant.
    #[serde(default)]
    #[param(required = false, max_length = 2048, example = "ExecutionStatus = 'Running'")]
    query: String,
    /// At most so many.
    #[serde(default = "default_limit")]
    #[param(required = false, default = 50, minimum = 1, maximum = 100)]
    limit: u8,
    /// `next_page_token` of the answer before.
    #[serde(default)]
    #[param(required = false)]
    page_token: String,
}

fn default_limit() -> u8 {
    DEFAULT_LIMIT
}

/// Workflows, those that began last first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Workflows {
    /// Each as its description has it.
    #[schema(value_type = Vec<serde_json::Value>)]
    workflows: Vec<Box<RawValue>>,
    /// `page_token` of the next call; without it, there are no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// List workflows
///
/// Temporal's index of them is a moment behind.
#[utoipa::path(
    get, path = "/workflows", operation_id = "list_workflows", tag = "results",
    params(ListParameters),
    responses(
        (status = 200, description = "A page of them", body = Workflows),
        (status = 400, description = "The query cannot be read; `detail` has Temporal's words", body = ProblemBody),
        (status = 431, description = "The query, as it is written in the address, is longer than the server reads"),
        BadInput, Away,
    )
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Query(parameters): Query<ListParameters>,
) -> Result<Json<Workflows>, Problem> {
    let query = parameters.query.clone();
    let what = Some(What::List(parameters.read()?));
    let request = LookupRequest { what, ..Default::default() };
    match app.look_up(&request, app.wait + REPLY_WITHIN).await.map_err(|error| Problem::from(&error))? {
        lookup_reply::What::Workflows(list) => Ok(Json(Workflows::of(&list, &query)?)),
        lookup_reply::What::Problem(problem) => Err(problem.into()),
        _ => Err(Problem::unreadable()),
    }
}

impl ListParameters {
    fn read(self) -> Result<ListLookup, Problem> {
        if !(1..=MOST).contains(&self.limit) {
            return Err(Problem::malformed(format!("limit is {}; it is 1 to {MOST}", self.limit)));
        }
        if self.query.len() > LONGEST_QUERY || self.query.contains('\0') {
            let rule = format!("query has at most {LONGEST_QUERY} bytes, and none of them is 0");
            return Err(Problem::malformed(rule));
        }
        let page_token = place(&self.page_token, &self.query);
        let page_token = page_token
            .ok_or_else(|| Problem::malformed("page_token is that of an answer to the same query"))?;
        Ok(ListLookup { query: self.query, limit: self.limit.into(), page_token: page_token.into() })
    }
}

impl Workflows {
    fn of(list: &WorkflowList, query: &str) -> Result<Self, Problem> {
        let workflows = list.workflows.iter().map(|text| serde_json::from_slice(text));
        let next = &list.next_page_token;
        Ok(Self {
            workflows: workflows.collect::<Result<_, _>>().map_err(|_| Problem::unreadable())?,
            next_page_token: (!next.is_empty()).then(|| token(next, query)),
        })
    }
}

/// A place in the answer to a query, as callers see it. Temporal fails on a place that is none, or in another answer, so
/// it goes with a mark by which it is known again.
fn token(place: &[u8], query: &str) -> String {
    URL_SAFE_NO_PAD.encode([mark(place, query).as_bytes(), place].concat())
}

/// The place that a token stands for; the first for no token, `None` if the token is none.
fn place(token: &str, query: &str) -> Option<Vec<u8>> {
    if token.is_empty() {
        return Some(Vec::new());
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (marked, place) = bytes.split_at_checked(size_of::<Uuid>())?;
    (marked == mark(place, query).as_bytes()).then(|| place.to_vec())
}

fn mark(place: &[u8], query: &str) -> Uuid {
    Uuid::new_v5(&Uuid::new_v5(&Uuid::NAMESPACE_OID, query.as_bytes()), place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_again_for_its_own_query_alone() {
        let token = token(b"place", "a");
        assert_eq!(place(&token, "a").as_deref(), Some(b"place".as_slice()));
        assert_eq!(place("", "a").as_deref(), Some(b"".as_slice()));
        for (odd, query) in
            [(token.as_str(), "b"), ("AAAA", "a"), ("?", "a"), (&token[1..], "a"), (&token[..21], "a")]
        {
            assert_eq!(place(odd, query), None, "{odd}");
        }
    }
}
