//! Look-ups: result, description and query of a workflow, by NATS request-reply.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::Value;
use signalbox_bus::{Bus, Call, Offer, status};
use signalbox_domain::{JsonText, WorkflowId};
use signalbox_proto::{
    names::{service, subject},
    v1::{
        ListLookup, LookupReply, LookupRequest, Problem, QueryLookup, ResultLookup, StillRunning,
        WorkflowList, lookup_reply, lookup_request,
    },
};
use signalbox_service::Readiness;
use signalbox_temporal::{LookupError, Temporal, WorkflowResult};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{redrive::Redrive, replay::Replay};

/// Calls that are answered at once; most of them wait for the end of a workflow.
const AT_ONCE: usize = 1024;

/// A caller that wants to wait longer asks again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Workflows of one page.
const LONGEST_LIST: u32 = 100;

/// The largest page, in bytes: NATS must take it in one message.
const LARGEST_LIST: usize = 900 * 1024;

const OFFER: Offer = Offer {
    name: service::ROUTER,
    description: "Looks up results, descriptions, queries and lists of workflows, replays events and redrives dead letters",
    endpoints: &[
        ("lookup", subject::LOOKUP),
        ("redrive", subject::REDRIVE),
        ("replay", subject::REPLAY),
        ("status", subject::ROUTER_STATUS),
    ],
};

pub(crate) struct Lookups {
    pub(crate) bus: Bus,
    pub(crate) redrive: Redrive,
    pub(crate) temporal: watch::Receiver<Option<Temporal>>,
    pub(crate) readiness: Readiness,
    pub(crate) replay: Arc<Replay>,
    pub(crate) stop: CancellationToken,
}

impl Lookups {
    /// Answers until the service stops; who waits for a workflow then hears that it still runs.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        self.bus.serve(&OFFER, AT_ONCE, &self.stop, |call| self.answer(call)).await;
        Ok(())
    }

    async fn answer(&self, call: Call) {
        match call.subject {
            subject::ROUTER_STATUS => return call.answer(&status(&self.readiness)).await,
            subject::REPLAY => return self.replay.answer(&call).await,
            subject::REDRIVE => return self.redrive.answer(&call).await,
            _ => {}
        }
        match call.question::<LookupRequest>() {
            Ok(request) => call.answer(&LookupReply { what: Some(self.look_up(request).await) }).await,
            Err(error) => call.refuse(&error.to_string()).await,
        }
    }

    async fn look_up(&self, request: LookupRequest) -> lookup_reply::What {
        let Some(temporal) = self.temporal.borrow().clone() else {
            return problem("temporal-away", "Temporal is not connected yet");
        };
        if let Some(lookup_request::What::List(list)) = request.what {
            return self::list(&temporal, list).await;
        }
        let id: WorkflowId = match request.workflow_id.parse() {
            Ok(id) => id,
            Err(error) => return problem("bad-workflow-id", &format!("{error}")),
        };
        let run_id = (!request.run_id.is_empty()).then_some(request.run_id.as_str());
        let found = match request.what {
            Some(lookup_request::What::Result(ResultLookup { wait_ms })) => {
                return self.result(&temporal, &id, run_id, Duration::from_millis(wait_ms.into())).await;
            }
            Some(lookup_request::What::Query(QueryLookup { name, args })) => match JsonText::read_all(args) {
                Ok(args) => temporal.query(&id, run_id, &name, &args).await,
                Err(error) => return problem("bad-query", &error.to_string()),
            },
            Some(lookup_request::What::Describe(_)) => temporal.describe(&id, run_id).await,
            Some(lookup_request::What::List(_)) | None => {
                return problem("bad-request", "the request names nothing to look up");
            }
        };
        found.map_or_else(|error| failed(&error), |value| json(&value))
    }

    async fn result(
        &self,
        temporal: &Temporal,
        id: &WorkflowId,
        run_id: Option<&str>,
        wait: Duration,
    ) -> lookup_reply::What {
        let result = temporal.result(id, run_id, wait.min(LONGEST_WAIT));
        match self.stop.run_until_cancelled(result).await {
            Some(Ok(WorkflowResult::Completed(value))) => json(&value),
            Some(Ok(WorkflowResult::Running)) | None => {
                lookup_reply::What::Running(StillRunning { run_id: run_id.unwrap_or_default().to_owned() })
            }
            Some(Err(error)) => failed(&error),
        }
    }
}

async fn list(temporal: &Temporal, list: ListLookup) -> lookup_reply::What {
    let limit = i32::try_from(list.limit.clamp(1, LONGEST_LIST)).unwrap_or(1);
    match temporal.list(&list.query, limit, list.page_token.into()).await {
        Ok((workflows, next_page_token)) => {
            let workflows: Vec<Bytes> =
                workflows.iter().map(|workflow| workflow.to_string().into()).collect();
            if workflows.iter().map(Bytes::len).sum::<usize>() > LARGEST_LIST {
                return problem(
                    "bad-query",
                    "their memos are too large for one page; ask for fewer at a time",
                );
            }
            lookup_reply::What::Workflows(WorkflowList { workflows, next_page_token: next_page_token.into() })
        }
        Err(error) => failed(&error),
    }
}

fn json(value: &Value) -> lookup_reply::What {
    lookup_reply::What::Json(value.to_string().into())
}

fn failed(error: &LookupError) -> lookup_reply::What {
    problem(error.code(), &error.to_string())
}

fn problem(code: &str, detail: &str) -> lookup_reply::What {
    lookup_reply::What::Problem(Problem { code: code.to_owned(), detail: detail.to_owned() })
}
