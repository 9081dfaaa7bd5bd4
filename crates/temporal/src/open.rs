//! The connection as part of a service's process.

use std::time::Duration;

use signalbox_service::{Condition, OnEnd, Process, TemporalArgs};
use signalbox_telemetry::Chain;
use tokio::time::{MissedTickBehavior, interval};

use crate::{ConnectError, Options, Temporal};

/// How often Temporal is asked whether it is there.
const WATCH_EVERY: Duration = Duration::from_secs(2);

impl Temporal {
    /// Connects for a process, as soon as Temporal is there with what runs need. The process is ready while
    /// Temporal answers (`temporal`). Drop the future when the process stops before that.
    ///
    /// # Errors
    /// [`ConnectError`], for what waiting does not mend.
    pub async fn open(process: &Process, service: &str, args: &TemporalArgs) -> Result<Self, ConnectError> {
        let condition = process.readiness.condition("temporal");
        let options = Options::new(args, &format!("signalbox-{service}"));
        let temporal = Self::connect_when_up(&options, |why| condition.unmet(Chain(why).to_string())).await?;
        condition.met();
        let (watched, stop) = (temporal.clone(), process.stop.clone());
        process.tasks.spawn("watch Temporal", OnEnd::StopService, async move {
            stop.run_until_cancelled(watched.watch(&condition)).await;
            Ok(())
        });
        Ok(temporal)
    }

    async fn watch(&self, condition: &Condition) {
        let mut ticks = interval(WATCH_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.check().await {
                Ok(()) => condition.met(),
                Err(error) => condition.unmet(Chain(&error).to_string()),
            }
        }
    }
}
