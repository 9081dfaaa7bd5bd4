//! The only way to a 2xx for a command or an event: JetStream has it.

mod event;
mod progress;

use std::time::Duration;

use axum::{
    Extension, Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::Utc;
use futures::FutureExt;
use serde::Serialize;
use signalbox_bus::{Bus, Entry, PublishError, Stored, Waiters, Waiting};
use signalbox_domain::{
    Action, Command, EffectKey, EventId, EventRef, Origin, Outcome, OutcomeKind, Source, Terms, TraceContext,
    Trigger, WorkflowAction, WorkflowId,
};
use signalbox_telemetry::Chain;
use tokio::{sync::Semaphore, time};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use utoipa::ToSchema;

pub use event::HalfStored;
pub use progress::Progress;

use crate::{extract::Caller, links, metrics::Meters, problem::Problem};

/// The `source` of the events that direct calls stand for.
const SOURCE: &str = "/signalbox/http";

/// How often the ledger is read for a caller whose message was a duplicate: no reply comes for those.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long one look into the ledger may take.
const LOOK_AT_MOST: Duration = Duration::from_secs(2);

/// Readers of the ledger at a time: each makes a consumer on the server.
const LEDGER_READERS: usize = 32;

/// Events at a time that wait for JetStream to come back; one more is refused at once.
const PATIENT_EVENTS: usize = 256;

/// Takes commands and events in, and waits for what becomes of them.
pub struct Acceptor {
    bus: Bus,
    waiters: Waiters,
    wait: Duration,
    stop: CancellationToken,
    meters: Meters,
    readers: Semaphore,
    patient: Semaphore,
}

/// A command or event that JetStream has. Only an [`Acceptor`] makes one.
#[derive(Clone, Debug)]
pub struct Accepted {
    event_id: EventId,
    workflow_id: Option<WorkflowId>,
    /// Its place in the stream EVENTS, if it is an event.
    stream_sequence: Option<u64>,
}

/// What is known, when the wait is over, of something that was accepted.
#[derive(Debug)]
pub struct Answer {
    accepted: Accepted,
    progress: Progress,
    settled: bool,
}

/// The answer to a call that was accepted, but whose outcome is not known yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pending {
    /// The workflow that was named, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "hello")]
    workflow_id: Option<String>,
    /// `accepted`; or `parked`, when it waits for a workflow that does not run.
    #[schema(value_type = String, example = "accepted")]
    status: &'static str,
    /// Id of the event that the call stands for.
    #[schema(example = "0198c0de-0000-7000-8000-000000000000")]
    event_id: String,
    /// What it waits for.
    #[schema(example = "stored; what comes of it is not known yet")]
    detail: String,
    /// Where to look what came of it.
    #[schema(example = "/events/0198c0de-0000-7000-8000-000000000000")]
    look: String,
}

impl Acceptor {
    /// Takes in over `bus`; `wait` bounds how long a caller waits for an outcome.
    pub fn new(bus: Bus, waiters: Waiters, wait: Duration, stop: CancellationToken, meters: Meters) -> Self {
        let (readers, patient) = (Semaphore::new(LEDGER_READERS), Semaphore::new(PATIENT_EVENTS));
        Self { bus, waiters, wait, stop, meters, readers, patient }
    }

    /// Stores the command of a call that names its workflow, and waits for its outcome.
    ///
    /// # Errors
    /// A [`Problem`] when it was not stored, when nobody knows whether it was, or when it was refused.
    pub async fn command(
        &self,
        caller: Caller,
        workflow: WorkflowId,
        action: WorkflowAction,
    ) -> Result<Answer, Problem> {
        let mut waiting = self.waiters.expect()?;
        let Caller { call: id, keyed, trace, trigger, principal } = caller;
        principal.may_command(&action)?;
        let mut command = direct(&id, trace, trigger, workflow.clone(), action)?;
        command.reply_to = Some(waiting.reply_to());
        let (event, effect) = (command.origin.event.clone(), command.effect_key.to_string());
        let accepted = Accepted { event_id: id, workflow_id: Some(workflow), stream_sequence: None };
        let known = match keyed {
            true => self.known(&accepted, &command).boxed().await?,
            false => Progress::of(&event),
        };
        let answer = if known.has_happened(&effect) {
            Answer { accepted, progress: known, settled: true }
        } else {
            command.repeated = known.effect(&effect).is_some();
            let stored = self.store("command", &accepted, self.bus.publish_command(command)).await?;
            let until = time::Instant::now() + self.wait;
            self.follow(accepted, &event, stored, &mut waiting, until, |p| p.is_final(&effect)).await
        };
        match answer.progress.effect(&effect) {
            Some(outcome) if matches!(outcome.kind(), OutcomeKind::Refused | OutcomeKind::Dead) => {
                Err(Problem::refused(&outcome.reason, &outcome.detail).about(&answer.accepted.event_id))
            }
            _ => Ok(answer),
        }
    }

    /// The events of some places in the stream EVENTS; those that it has no more are left out.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub async fn events_at(&self, sequences: &[u64]) -> Result<Vec<Entry>, signalbox_bus::Error> {
        Ok(self.bus.events_at(sequences).await?.into_iter().flatten().collect())
    }

    /// All that the ledger knows of the events of this id.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn outcomes_of(&self, id: &str) -> Result<Vec<Outcome>, signalbox_bus::Error> {
        // The semaphore is never closed; a permit is all that its error could withhold.
        let _reader = self.readers.acquire().await.ok();
        self.bus.outcomes_of(id).await
    }

    /// What the ledger knows of a call that may be made again: JetStream knows its message for two minutes only, and
    /// one that is gone from a work queue not even that, if its server has died.
    async fn known(&self, accepted: &Accepted, command: &Command) -> Result<Progress, Problem> {
        self.connected(accepted)?;
        let recorded = self.bus.recorded_of(&command.origin.event_key()).await.map_err(|error| {
            warn!(event.id = %accepted.event_id, error = %Chain(&error), "ledger not read");
            Problem::disconnected().about(&accepted.event_id)
        })?;
        let mut progress = Progress::of(&command.origin.event);
        recorded.into_iter().for_each(|outcome| progress.learn(outcome));
        Ok(progress)
    }

    fn connected(&self, accepted: &Accepted) -> Result<(), Problem> {
        match self.bus.is_connected() {
            true => Ok(()),
            false => Err(Problem::disconnected().about(&accepted.event_id)),
        }
    }

    async fn store(
        &self,
        kind: &'static str,
        accepted: &Accepted,
        publish: impl Future<Output = Result<Stored, PublishError>>,
    ) -> Result<Stored, Problem> {
        // The client would keep the message and send it later, after the caller was told to send it again.
        self.connected(accepted)?;
        let stored = publish.await.map_err(|error| {
            warn!(event.id = %accepted.event_id, error = %Chain(&error), "{kind} not accepted");
            Problem::from(&error).followed_at(&accepted.event_id)
        })?;
        self.meters.accepted(kind);
        Ok(stored)
    }

    async fn follow(
        &self,
        accepted: Accepted,
        event: &EventRef,
        stored: Stored,
        waiting: &mut Waiting,
        until: time::Instant,
        settled: impl Fn(&Progress) -> bool,
    ) -> Answer {
        let _counted = self.meters.waiting();
        let mut progress = Progress::of(event);
        let mut over = std::pin::pin!(time::sleep_until(until));
        let mut look = time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        while !settled(&progress) && !progress.is_at_rest() {
            tokio::select! {
                outcome = waiting.next() => progress.learn(outcome),
                _ = look.tick(), if stored.duplicate => self.look(&mut progress).boxed().await,
                () = &mut over => {
                    // A reply may have been lost on its way; the ledger has it.
                    self.look(&mut progress).boxed().await;
                    break;
                }
                () = self.stop.cancelled() => break,
            }
        }
        Answer { accepted, settled: settled(&progress), progress }
    }

    /// Rare, and large: its callers box it, so that not every call carries it.
    async fn look(&self, progress: &mut Progress) {
        match time::timeout(LOOK_AT_MOST, self.outcomes_of(progress.event_id())).await {
            Ok(Ok(outcomes)) => outcomes.into_iter().for_each(|outcome| progress.learn(outcome)),
            Ok(Err(error)) => {
                warn!(event.id = progress.event_id(), error = %Chain(&error), "ledger not read");
            }
            Err(_) => warn!(event.id = progress.event_id(), "ledger not read in time"),
        }
    }
}

impl Accepted {
    /// Id of the event, or of the one that the call stands for.
    pub fn event_id(&self) -> &EventId {
        &self.event_id
    }

    /// Where to look what came of it.
    pub fn look(&self) -> String {
        match self.stream_sequence {
            Some(sequence) => links::stored_event(&self.event_id, sequence),
            None => links::event(&self.event_id),
        }
    }

    /// The workflow that was named, if one was.
    pub fn workflow_id(&self) -> Option<&WorkflowId> {
        self.workflow_id.as_ref()
    }
}

impl Answer {
    /// 200 with `body`, if all is settled, or 202 with a [`Pending`].
    pub fn respond<B: Serialize>(self, body: impl FnOnce(&Accepted, &Progress) -> B) -> Response {
        if self.settled {
            let body = Json(body(&self.accepted, &self.progress));
            return (Extension(self.accepted), body).into_response();
        }
        let pending = self.pending();
        (
            StatusCode::ACCEPTED,
            [(header::LOCATION, pending.look.clone())],
            Extension(self.accepted),
            Json(pending),
        )
            .into_response()
    }

    /// What was accepted.
    pub fn accepted(&self) -> &Accepted {
        &self.accepted
    }

    /// What is known of it.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What is known of it if it is settled; or what there is to say until then.
    pub fn told<B>(&self, body: impl FnOnce(&Accepted, &Progress) -> B) -> Result<B, Pending> {
        if self.settled { Ok(body(&self.accepted, &self.progress)) } else { Err(self.pending()) }
    }

    /// Where to look while it is not settled.
    fn pending(&self) -> Pending {
        let event_id = &self.accepted.event_id;
        Pending {
            workflow_id: self.accepted.workflow_id.as_ref().map(WorkflowId::to_string),
            status: if self.progress.is_parked() { "parked" } else { "accepted" },
            event_id: event_id.to_string(),
            detail: self.progress.pending_because(),
            look: self.accepted.look(),
        }
    }
}

/// The command of a call that names its workflow itself.
fn direct(
    id: &EventId,
    trace: TraceContext,
    trigger: Trigger,
    workflow: WorkflowId,
    action: WorkflowAction,
) -> Result<Command, Problem> {
    let source: Source = SOURCE.parse()?;
    let kind = action.kind();
    let action = Action::Workflow(workflow, action);
    Ok(Command {
        effect_key: EffectKey::derive(&source, id, "", 0, &action.label(), action.key()),
        origin: Origin {
            event: EventRef {
                id: id.to_string(),
                source: source.to_string(),
                r#type: format!("signalbox.http.{kind}"),
                ..Default::default()
            },
            route: None,
            route_set: String::new(),
            trigger,
        },
        reply_to: None,
        trace,
        accepted_at: Utc::now(),
        repeated: false,
        matching: None,
        terms: Terms::default(),
        action,
    })
}
