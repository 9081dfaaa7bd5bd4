use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use futures::future::BoxFuture;
use signalbox_telemetry::Metrics;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::signals::Signals;
use crate::{Condition, OnEnd, Readiness, TaskFailure, Tasks, health};

/// What the close hooks get at least, together, when the tasks have used up the grace period.
const CLOSE_AT_LEAST: Duration = Duration::from_secs(2);

/// A longer grace period is as good as this one, and might not fit on the clock.
const LONGEST_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// A service's process: what it is made of, and how it ends. The crate's page tells the order of the shutdown.
#[derive(Debug)]
pub struct Process {
    /// Cancelled when the process is to stop: take nothing new, finish what was accepted.
    pub stop: CancellationToken,
    /// The tasks that a stop waits for.
    pub tasks: Tasks,
    /// Tasks that serve the others until these are done; a stop cuts them off at its end.
    pub background: Tasks,
    /// What `/readyz` tells. It has one condition of its own, `running`.
    pub readiness: Readiness,
    /// What `/metrics` tells.
    pub metrics: Arc<Metrics>,
    running: Condition,
    hooks: Mutex<Vec<Hook>>,
}

struct Hook {
    name: Cow<'static, str>,
    close: BoxFuture<'static, anyhow::Result<()>>,
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hook").field(&self.name).finish()
    }
}

/// A port cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (--listen)")]
pub struct BindError {
    /// The address that was asked for.
    pub address: SocketAddr,
    source: io::Error,
}

impl Process {
    /// The process of a service, in the state of being built.
    pub fn new(service: &'static str) -> Self {
        Self::with_stop(service, CancellationToken::new())
    }

    /// The same, stopped with a token that somebody else holds too.
    pub fn with_stop(service: &'static str, stop: CancellationToken) -> Self {
        let tasks = Tasks::new(stop.clone());
        let readiness = Readiness::default();
        let running = readiness.condition("running");
        Self {
            background: tasks.another_set(),
            tasks,
            stop,
            readiness,
            metrics: Arc::new(Metrics::new(service)),
            running,
            hooks: Mutex::default(),
        }
    }

    /// Stops on SIGTERM and SIGINT; a second one exits at once with code 130. For `main`, not for tests.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub fn stop_on_signals(&self) -> io::Result<()> {
        self.background.spawn("signals", OnEnd::StopService, Signals::listen()?.obey(self.stop.clone()));
        Ok(())
    }

    /// Binds `address` now, so that a taken port stops the start and the caller learns the port behind `:0`.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(&self, address: SocketAddr) -> Result<TcpListener, BindError> {
        TcpListener::bind(address).await.map_err(|source| BindError { address, source })
    }

    /// Serves `router` as a vital task. A stop closes the listener and lets open requests finish.
    pub fn serve(&self, listener: TcpListener, router: Router) {
        let stop = self.stop.clone();
        self.tasks.spawn("http server", OnEnd::StopService, async move {
            let server = axum::serve(listener, router);
            Ok(server.with_graceful_shutdown(stop.cancelled_owned()).await?)
        });
    }

    /// Binds `address` now and serves [`health::router`] there until the very end. Tells the bound address.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn serve_health(&self, address: SocketAddr) -> Result<SocketAddr, BindError> {
        let listener = self.bind(address).await?;
        let bound = listener.local_addr().map_err(|source| BindError { address, source })?;
        let router = health::router(self.readiness.clone(), Arc::clone(&self.metrics));
        self.background.spawn("health server", OnEnd::StopService, async move {
            Ok(axum::serve(listener, router).await?)
        });
        Ok(bound)
    }

    /// Runs `close` after the tasks are done, before hooks that were registered earlier: the drain of a connection.
    /// An error is logged.
    pub fn on_close<F>(&self, name: impl Into<Cow<'static, str>>, close: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.lock_hooks().push(Hook { name: name.into(), close: Box::pin(close) });
    }

    /// Runs until `stop` is cancelled, then shuts down in order; tasks have `grace` to finish.
    ///
    /// # Errors
    /// When a vital task ended before the stop.
    pub async fn run_until_stopped(self, grace: Duration) -> Result<(), TaskFailure> {
        self.running.met();
        self.stop.cancelled().await;
        self.running.retire("stopping");
        let deadline = Instant::now() + grace.min(LONGEST_GRACE);
        if timeout_at(deadline, self.tasks.idle()).await.is_err() {
            self.abandon("grace period over, abandoning tasks");
        }
        self.close(deadline.max(Instant::now() + CLOSE_AT_LEAST)).await;
        self.background.abort();
        info!("stopped");
        self.tasks.take_failure().map_or(Ok(()), Err)
    }

    async fn close(&self, deadline: Instant) {
        while let Some(Hook { name, close }) = self.pop_hook() {
            self.tasks.spawn(name, OnEnd::Log, close);
            if timeout_at(deadline, self.tasks.idle()).await.is_err() {
                self.abandon("no time left to close");
            }
        }
    }

    fn abandon(&self, message: &'static str) {
        warn!(tasks = self.tasks.running().join(", "), "{message}");
        self.tasks.abort();
    }

    fn pop_hook(&self) -> Option<Hook> {
        self.lock_hooks().pop()
    }

    fn lock_hooks(&self) -> std::sync::MutexGuard<'_, Vec<Hook>> {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
