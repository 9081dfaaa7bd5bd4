//! Events that a route publishes. They come back by the stream EVENTS.

use signalbox_bus::PublishError;
use signalbox_domain::{BadId, Command, Event, Reason};
use signalbox_telemetry::Chain;
use signalbox_temporal::{Accepted, Failure};

use super::Applier;

impl Applier {
    /// The stream drops an event that comes twice within minutes. Of one that was published longer ago the ledger
    /// knows that it was matched.
    pub(super) async fn publish(
        &self,
        command: &Command,
        event: &Event,
        repeated: bool,
    ) -> Result<Accepted, Failure> {
        let event = Event {
            id: command.effect_key.as_str().parse().map_err(|error: BadId| never(error.to_string()))?,
            trace: command.trace.clone(),
            ..event.clone()
        };
        if repeated && self.was_matched(&event).await? {
            return Ok(Accepted { deduplicated: true, ..Accepted::default() });
        }
        match self.bus.publish_event(&event).await {
            Ok(stored) => Ok(Accepted { deduplicated: stored.duplicate, ..Accepted::default() }),
            Err(error @ PublishError::TooLarge) => Err(never(Chain(&error).to_string())),
            Err(error @ (PublishError::NotStored(_) | PublishError::Unknown(_))) => {
                Err(Failure::transient(Chain(&error).to_string()))
            }
        }
    }

    async fn was_matched(&self, event: &Event) -> Result<bool, Failure> {
        let known = self.bus.outcomes_of(event.id.as_str()).await;
        let known = known.map_err(|error| Failure::transient(Chain(&error).to_string()))?;
        let source = event.source.as_str();
        Ok(known.iter().any(|outcome| outcome.event.as_ref().is_some_and(|of| of.source == source)))
    }
}

fn never(detail: String) -> Failure {
    Failure::permanent(Reason::InvalidArgument, detail)
}
