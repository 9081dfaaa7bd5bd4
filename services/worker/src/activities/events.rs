//! `emit_event`: publishes an event to NATS.

use std::sync::Arc;
use std::time::SystemTime;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use signalbox_bus::{Bus, PublishError};
use signalbox_domain::{BadId, Data, Event};
use signalbox_telemetry::current;
use signalbox_workflows::{Emit, EmitEvent, Emitted, INVALID_INPUT, Unreadable};
use temporalio_common::data_converters::RawValue;
use temporalio_common::error::ApplicationFailure;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError, ActivityInfo};
use tracing::debug;

/// The activity `emit_event`.
pub struct EventActivities {
    /// Where it publishes.
    pub bus: Bus,
}

#[activities]
impl EventActivities {
    /// Publishes one event and waits until it is stored. A further attempt publishes the same event again, which is
    /// stored once. What can never be published fails for good, with the type `InvalidInput`.
    #[activity(name = EmitEvent::NAME)]
    pub async fn emit_event(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: RawValue,
    ) -> Result<Emitted, ActivityError> {
        let event = Emit::read(&input).map_err(Unusable::from).and_then(|emit| event(emit, ctx.info()));
        let event = event.map_err(Unusable::failure)?;
        match self.bus.publish_event(&event).await {
            Ok(stored) => {
                debug!(event.id = %event.id, subject = %event.nats_subject, "event published");
                Ok(Emitted {
                    id: event.id.to_string(),
                    source: event.source.to_string(),
                    subject: event.nats_subject.to_string(),
                    stream_sequence: stored.stream_sequence,
                })
            }
            Err(why @ PublishError::TooLarge) => Err(Unusable::TooLarge(why).failure()),
            Err(why) => Err(why.into()),
        }
    }
}

/// Why an event is never published.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Input(#[from] Unreadable),
    #[error(transparent)]
    Id(#[from] BadId),
    #[error(transparent)]
    TooLarge(PublishError),
}

impl Unusable {
    fn failure(self) -> ActivityError {
        let failure = ApplicationFailure::builder(self).type_name(INVALID_INPUT.to_owned());
        failure.non_retryable(true).build().into()
    }
}

/// The event that an activity is to publish: the same at every attempt, but for its trace.
fn event(emit: Emit, activity: &ActivityInfo) -> Result<Event, Unusable> {
    let ActivityInfo { namespace, activity_id, .. } = activity;
    let (kind, owner, run) = match &activity.workflow_id {
        Some(workflow_id) => ("workflows", workflow_id, &activity.workflow_run_id),
        None => ("activities", activity_id, &activity.activity_run_id),
    };
    let [namespace, owner] = [namespace, owner].map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC));
    let nats_subject = emit.nats_subject()?;
    let id = format!("{}/{activity_id}", run.as_deref().unwrap_or_default()).parse()?;
    let source = format!("/temporal/namespaces/{namespace}/{kind}/{owner}").parse()?;
    let kind = emit.kind.unwrap_or_else(|| nats_subject.without_prefix().to_owned());
    let time = activity.scheduled_time.unwrap_or_else(SystemTime::now).into();
    Ok(Event {
        data: emit.data.map_or(Data::Empty, Data::Json),
        trace: current(),
        ..Event::new(id, source, kind, nats_subject, time)
    })
}
