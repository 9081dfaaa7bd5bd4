use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// What a shell reports for a process ended by an interrupt.
const INTERRUPTED: i32 = 130;

/// The two signals that ask a process to stop.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The first signal cancels `stop`, the second ends the process on the spot.
    pub(crate) async fn obey(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let signal = self.next().await;
        info!(signal, "stopping");
        stop.cancel();
        let signal = self.next().await;
        warn!(signal, "second signal, exiting at once");
        std::process::exit(INTERRUPTED)
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
