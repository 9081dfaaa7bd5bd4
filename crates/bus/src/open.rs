//! The connection as part of a service's process.

use signalbox_service::{Condition, NatsArgs, OnEnd, Process};
use signalbox_telemetry::Chain;
use tokio_util::sync::CancellationToken;

use crate::{
    Bus, ConnectError, LinkState, Options,
    pause::{LONGEST_PAUSE, patient},
};

impl Bus {
    /// Connects for a process and returns at once, whether or not a server is there yet. The process is ready
    /// while the connection stands (`nats`) and once JetStream has what the services need (`streams`); the
    /// connection is drained when the process stops.
    ///
    /// # Errors
    /// [`ConnectError`], for what waiting does not mend.
    pub async fn open(process: &Process, service: &str, args: &NatsArgs) -> Result<Self, ConnectError> {
        let link = process.readiness.condition("nats");
        let bus = Self::open_another(link, process.stop.clone(), service, args).await?;
        let (streams, preparing) = (process.readiness.condition("streams"), bus.clone());
        streams.unmet("not looked at yet");
        let stop = process.stop.clone();
        process.tasks.spawn("set up streams", OnEnd::Log, async move {
            stop.run_until_cancelled(preparing.ensure_streams_until_there(&streams)).await;
            Ok(())
        });
        let closing = bus.clone();
        process.on_close("close NATS", async move {
            closing.close().await;
            Ok(())
        });
        Ok(bus)
    }

    /// The same, for a thread that has a connection of its own: `link` says whether it stands. It closes the connection.
    ///
    /// # Errors
    /// [`ConnectError`], for what waiting does not mend.
    pub async fn open_another(
        link: Condition,
        stopping: CancellationToken,
        service: &str,
        args: &NatsArgs,
    ) -> Result<Self, ConnectError> {
        link.unmet("no NATS server answers yet");
        let options = Options::new(args, format!("signalbox-{service}"));
        Self::connect(&options, move |state| match state {
            LinkState::Up => link.met(),
            LinkState::Down if stopping.is_cancelled() => {}
            LinkState::Down => link.unmet("the connection to NATS is lost; trying again"),
        })
        .await
    }

    async fn ensure_streams_until_there(&self, condition: &Condition) {
        let mut pauses = patient();
        while let Err(error) = self.ensure_streams().await {
            condition.unmet(Chain(&error).to_string());
            tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
        }
        condition.met();
    }
}
