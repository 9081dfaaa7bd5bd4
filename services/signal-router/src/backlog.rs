//! How much waits: messages in the streams, what their consumers have not done yet, workflows that run.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
};
use signalbox_bus::{Bus, Error, expected};
use signalbox_telemetry::{Chain, Metrics};
use signalbox_temporal::Temporal;
use tokio::{sync::watch, time};
use tokio_util::sync::CancellationToken;

/// How old a number may be.
const EVERY: Duration = Duration::from_secs(5);

/// What waits, as metrics.
pub(crate) struct Backlog {
    bus: Bus,
    temporal: watch::Receiver<Option<Temporal>>,
    messages: Family<OfStream, Gauge>,
    pending: Family<OfConsumer, Gauge>,
    unacknowledged: Family<OfConsumer, Gauge>,
    running: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStream {
    stream: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfConsumer {
    stream: String,
    consumer: String,
}

impl Backlog {
    pub(crate) fn new(metrics: &Metrics, bus: Bus, temporal: watch::Receiver<Option<Temporal>>) -> Self {
        Self {
            bus,
            temporal,
            messages: metrics.register("stream_messages", "Messages in the stream", Family::default()),
            pending: metrics.register(
                "consumer_pending_messages",
                "Messages that the consumer was not given yet",
                Family::default(),
            ),
            unacknowledged: metrics.register(
                "consumer_unacknowledged_messages",
                "Messages that the consumer was given and has not settled",
                Family::default(),
            ),
            running: metrics.register(
                "workflows_running",
                "Workflows that run in the namespace, whoever started them",
                Gauge::default(),
            ),
        }
    }

    /// Measures until `stop`. What cannot be measured keeps its last number.
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut ticks = time::interval(EVERY);
        ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let measured = async {
                if let Err(error) = self.measure_streams().await {
                    tracing::debug!(error = %Chain(&error), "the streams cannot be measured now");
                }
                self.count_workflows().await;
            };
            stop.run_until_cancelled(measured).await;
        }
        Ok(())
    }

    async fn measure_streams(&self) -> Result<(), Error> {
        for wanted in expected() {
            let Some(state) = self.bus.stream_state(&wanted.stream).await? else { continue };
            let stream = OfStream { stream: wanted.stream.clone() };
            self.messages.get_or_create(&stream).set(number(state.messages));
            for consumer in wanted.consumers {
                let Some(state) = self.bus.consumer_state(&wanted.stream, &consumer).await? else { continue };
                let consumer = OfConsumer { stream: wanted.stream.clone(), consumer };
                self.pending.get_or_create(&consumer).set(number(state.lag));
                self.unacknowledged.get_or_create(&consumer).set(number(state.unacknowledged as u64));
            }
        }
        Ok(())
    }

    async fn count_workflows(&self) {
        let Some(temporal) = self.temporal.borrow().clone() else { return };
        match temporal.running_workflows().await {
            Ok(count) => drop(self.running.set(count)),
            Err(error) => tracing::debug!(error = %Chain(&error), "the workflows cannot be counted now"),
        }
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
