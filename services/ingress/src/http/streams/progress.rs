//! The progress of a workflow.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response, sse},
};
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use signalbox_bus::{Entry, Feed, Start};
use signalbox_domain::{Outcome, OutcomeExt, WorkflowId};
use signalbox_telemetry::Chain;
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use super::{Source, last_event_id, message, streamed, wants_stream};
use crate::{
    app::App,
    extract::Path,
    http::{
        events::OutcomeView,
        refusals::{Away, BadInput, NoStream},
        results::{End, description, end_of},
    },
    problem::{Code, Problem, ProblemBody},
};

/// How long the router is asked to wait for the end at a time; as often the status is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Pause after a look that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The id of the last message. Who has it is told that there is nothing more.
const ENDED: &str = "ended";

/// Follow a workflow
///
/// Server-sent events (`Accept: text/event-stream`): `status`, its description, at first and when it has changed; `outcome`
/// for each call and each event's effect on it, as `GET /events/{event}` tells it; and at last `end` with its result, or why
/// it has none. `Last-Event-ID` goes on behind an outcome; after the end it gets 204, on which a browser does not connect
/// again.
#[utoipa::path(
    get, path = "/workflows/{workflow_id}/events", operation_id = "follow_workflow", tag = "results",
    params(("workflow_id" = String, Path, description = "Id of the workflow", max_length = 255, example = "hello"),
           super::super::LastEventId),
    responses(
        (status = 200, description = "What happens to it, as it happens", body = String, content_type = "text/event-stream",
         example = "event: status\ndata: {\"workflow_id\":\"hello\",\"status\":\"running\"}\n\n"),
        (status = 204, description = "It has ended, and the client has been told"),
        (status = 404, description = "There is no such workflow", body = ProblemBody),
        NoStream, BadInput, Away,
    )
)]
pub async fn follow(
    State(app): State<Arc<App>>,
    Path(workflow_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id: WorkflowId = workflow_id.parse()?;
    let after = match last_event_id(&headers) {
        Some(ENDED) => return Ok(StatusCode::NO_CONTENT.into_response()),
        given => given.map(str::parse).transpose(),
    };
    let after =
        after.map_err(|_| Problem::malformed("Last-Event-ID is the id of a message of this stream"))?;
    wants_stream(&headers)?;
    let place = app.streams.take()?;
    // Opened before the first look: what happens in between is told.
    let outcomes = timeout(app.wait, app.follow_outcomes(after.map(Start::After))).await;
    let outcomes = outcomes.map_err(|_| away())?.map_err(|error| {
        warn!(error = %Chain(&error), "outcomes not read");
        away()
    })?;
    let described = description(&app, &id).await?;
    let stop = app.stop.clone();
    Ok(streamed(Progress::new(app, id, outcomes, described), place, stop))
}

fn away() -> Problem {
    Problem::new(Code::LedgerAway, "the ledger cannot be read now; connect again")
}

struct Progress {
    app: Arc<App>,
    id: WorkflowId,
    outcomes: Feed,
    /// Status and run that were told last.
    told: (Value, Value),
    /// To be told next.
    next: VecDeque<sse::Event>,
    look: BoxFuture<'static, Look>,
    ended: bool,
}

/// What a look at the workflow found.
struct Look {
    described: Result<Value, Problem>,
    /// Its result or why it has none, if it has ended.
    end: Option<Value>,
}

impl Progress {
    fn new(app: Arc<App>, id: WorkflowId, outcomes: Feed, described: Value) -> Self {
        let look = look(Arc::clone(&app), id.clone()).boxed();
        let (told, next) = (standing(&described), VecDeque::from([message("status", &described)]));
        Self { app, id, outcomes, told, next, look, ended: false }
    }

    fn learn(&mut self, look: Look) {
        if let Ok(described) = look.described {
            let standing = standing(&described);
            if standing != self.told {
                self.told = standing;
                self.next.push_back(message("status", &described));
            }
        }
        match look.end {
            Some(end) => {
                self.ended = true;
                self.next.push_back(message("end", &end).id(ENDED));
            }
            None => self.look = self::look(Arc::clone(&self.app), self.id.clone()).boxed(),
        }
    }

    fn tell(&mut self, entry: &Entry) {
        let Ok(mut outcome) = entry.outcome() else { return };
        outcome.take_matching();
        if outcome.workflow_id == self.id.as_str() {
            self.next.push_back(self.of(outcome).id(entry.stream_sequence.to_string()));
        }
    }

    fn of(&self, outcome: Outcome) -> sse::Event {
        let event_id = outcome.event.as_ref().map(|event| event.id.clone()).unwrap_or_default();
        let mut told =
            serde_json::to_value(OutcomeView::of(outcome, &self.app.elsewhere)).unwrap_or_default();
        told["event_id"] = event_id.into();
        message("outcome", &told)
    }
}

impl Source for Progress {
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if let Some(message) = self.next.pop_front() {
                return Some(message);
            }
            if self.ended {
                return None;
            }
            tokio::select! {
                // What was done is told before that it has ended.
                biased;
                entry = self.outcomes.next() => match entry {
                    Ok(Some(entry)) => self.tell(&entry),
                    Ok(None) => return None,
                    Err(error) => {
                        warn!(error = %Chain(&error), "outcomes not read on");
                        return None;
                    }
                },
                look = &mut self.look => self.learn(look),
            }
        }
    }
}

fn standing(described: &Value) -> (Value, Value) {
    (described["status"].clone(), described["run_id"].clone())
}

/// Waits a while for the end of the workflow, and looks at it then.
async fn look(app: Arc<App>, id: WorkflowId) -> Look {
    let end = match end_of(&app, &id, String::new(), Some(Instant::now() + LOOK_EVERY)).await {
        Ok(End::Running(_)) => None,
        Ok(End::Result(json)) => {
            let result: Value = serde_json::from_slice(&json).unwrap_or_default();
            Some(json!({"workflow_id": id.as_str(), "result": result}))
        }
        Err(problem) if problem.is_transient() => {
            sleep(PAUSE).await;
            None
        }
        Err(problem) => Some(json!({"workflow_id": id.as_str(), "detail": problem.to_string()})),
    };
    Look { described: description(&app, &id).await, end }
}
