//! What came of an event, for a publisher that waits for it.

use futures::future::join_all;
use serde::Serialize;
use serde_json::value::RawValue;
use signalbox_domain::{Outcome, OutcomeKind};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{OutcomeView, RouteVerdict};
use crate::{
    accept::{Accepted, Answer, Pending, Progress},
    app::App,
    http::results::{End, end_of},
    links::Elsewhere,
};

/// Started workflows of one event whose results are waited for.
const MOST_RESULTS: usize = 16;

/// An event, and all that it led to.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventDone {
    #[schema(example = "0198c0de-0000-7000-8000-000000000000")]
    event_id: String,
    #[schema(value_type = String, example = "processed")]
    status: &'static str,
    /// What each route said of it.
    verdicts: Vec<RouteVerdict>,
    /// What was done.
    effects: Vec<OutcomeView>,
    /// The ends of the workflows that it started, if they were waited for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    results: Vec<WorkflowEnd>,
    /// Where all that is known of it can be read.
    #[schema(example = "/events/0198c0de-0000-7000-8000-000000000000?sequence=42")]
    look: String,
}

/// How a workflow that an event started ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkflowEnd {
    #[schema(example = "hello")]
    workflow_id: String,
    #[schema(example = "0198c0de-1111-7000-8000-000000000000")]
    run_id: String,
    /// `completed`; `without-result`, if it failed or was ended; `running`; or `unknown`, if nobody could say.
    #[schema(value_type = String, example = "completed")]
    status: &'static str,
    /// Its own result.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    result: Option<Box<RawValue>>,
    /// Why it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// An event of a batch: what came of it, or where to look.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "it goes straight into the answer")]
pub enum Told {
    /// All that it led to has happened.
    Done(EventDone),
    /// It is stored.
    Pending(Pending),
}

impl Told {
    /// What is known of an event.
    pub fn of(answer: &Answer, elsewhere: &Elsewhere) -> Self {
        let done = answer.told(|accepted, progress| EventDone::of(accepted, progress, elsewhere));
        done.map_or_else(Self::Pending, Self::Done)
    }

    /// Whether all that it led to has happened.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl EventDone {
    fn of(accepted: &Accepted, progress: &Progress, elsewhere: &Elsewhere) -> Self {
        let verdicts = progress.matching().map(|matching| matching.verdicts.clone()).unwrap_or_default();
        Self {
            event_id: accepted.event_id().to_string(),
            status: "processed",
            verdicts: verdicts.into_iter().map(RouteVerdict::from).collect(),
            effects: progress.effects().map(|outcome| OutcomeView::of(outcome.clone(), elsewhere)).collect(),
            results: Vec::new(),
            look: accepted.look(),
        }
    }
}

/// Adds the ends of the workflows that were started, as far as they have come by `until`.
pub async fn with_results(told: Told, answer: &Answer, app: &App, until: Instant) -> Told {
    let Told::Done(mut done) = told else { return told };
    let started = answer.progress().effects().filter(|outcome| has_started(outcome)).take(MOST_RESULTS);
    done.results = join_all(started.map(|outcome| end(app, outcome, until))).await;
    Told::Done(done)
}

fn has_started(outcome: &Outcome) -> bool {
    let done = !matches!(outcome.kind(), OutcomeKind::Refused | OutcomeKind::Dead);
    done && matches!(outcome.action.as_str(), "start" | "signal-with-start" | "update-with-start")
}

async fn end(app: &App, outcome: &Outcome, until: Instant) -> WorkflowEnd {
    let mut end = WorkflowEnd {
        workflow_id: outcome.workflow_id.clone(),
        run_id: outcome.run_id.clone(),
        status: "unknown",
        result: None,
        detail: None,
    };
    let Ok(id) = outcome.workflow_id.parse() else { return end };
    let found = app.stop.run_until_cancelled(end_of(app, &id, outcome.run_id.clone(), Some(until))).await;
    match found {
        Some(Ok(End::Result(json))) => {
            end.status = "completed";
            end.result = serde_json::from_slice(&json).ok();
        }
        Some(Ok(End::Running(_))) => end.status = "running",
        Some(Err(problem)) => {
            end.status = if problem.is_transient() { "unknown" } else { "without-result" };
            end.detail = Some(problem.to_string());
        }
        None => end.detail = Some("the service stops; ask again".to_owned()),
    }
    end
}
