//! Which type the workflow has that a path names, for callers whose grants are limited to types.

use axum::{
    RequestExt,
    extract::{RawPathParams, Request},
};
use serde::Deserialize;
use signalbox_domain::WorkflowId;
use signalbox_proto::v1::{DescribeLookup, LookupRequest, lookup_reply, lookup_request};

use crate::{app::App, problem::Problem};

/// What is read of a description.
#[derive(Deserialize)]
struct Described {
    r#type: String,
}

/// The type of the workflow that the path names. One that is not there is answered as such: there is nothing to protect.
///
/// # Errors
/// A [`Problem`], if it cannot be told.
pub async fn type_of(app: &App, request: &mut Request) -> Result<String, Problem> {
    let parameters: RawPathParams =
        request.extract_parts().await.map_err(|rejection| Problem::malformed(format!("{rejection}")))?;
    let id = parameters.iter().find(|(name, _)| *name == "workflow_id").map(|(_, id)| id);
    let id: WorkflowId = id.unwrap_or_default().parse()?;
    let what = Some(lookup_request::What::Describe(DescribeLookup {}));
    let question = LookupRequest { workflow_id: id.to_string(), run_id: String::new(), what };
    match app.look_up(&question, app.wait).await.map_err(|error| Problem::from(&error))? {
        lookup_reply::What::Json(json) => {
            let described: Described = serde_json::from_slice(&json).map_err(|_| Problem::unreadable())?;
            Ok(described.r#type)
        }
        lookup_reply::What::Problem(problem) => Err(problem.into()),
        _ => Err(Problem::unreadable()),
    }
}
