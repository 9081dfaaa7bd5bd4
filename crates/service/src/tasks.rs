use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use signalbox_telemetry::Chain;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::apart;

/// What the end of a task means for its process, as long as nobody asked the process to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnEnd {
    /// The task is vital: its end, however it came, stops the service with an error.
    StopService,
    /// The task may end; an error or a panic is logged.
    Log,
}

/// Why a service stopped without having been asked to.
#[derive(Debug, thiserror::Error)]
pub enum TaskFailure {
    /// A vital task returned without an error.
    #[error("task `{task}` ended too early")]
    Ended {
        /// The task's name.
        task: Cow<'static, str>,
    },
    /// A vital task returned an error.
    #[error("task `{task}` failed")]
    Failed {
        /// The task's name.
        task: Cow<'static, str>,
        /// What it returned.
        source: anyhow::Error,
    },
    /// A vital task panicked.
    #[error("task `{task}` panicked: {message}")]
    Panicked {
        /// The task's name.
        task: Cow<'static, str>,
        /// What it said.
        message: String,
    },
}

/// The tasks of a process: each has a name, and its end has a meaning. Cheap to clone; a task may spawn others.
#[derive(Clone, Debug)]
pub struct Tasks {
    running: Arc<watch::Sender<Running>>,
    failure: Arc<Mutex<Option<TaskFailure>>>,
    stop: CancellationToken,
}

#[derive(Debug, Default)]
struct Running {
    next: u64,
    tasks: HashMap<u64, (Cow<'static, str>, AbortHandle)>,
}

impl Tasks {
    /// No tasks yet. The end of a vital one will cancel `stop`.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { running: Arc::default(), failure: Arc::default(), stop }
    }

    /// Another set of tasks in the same process, with the same stop and the same failure.
    pub(crate) fn another_set(&self) -> Self {
        Self { running: Arc::default(), failure: Arc::clone(&self.failure), stop: self.stop.clone() }
    }

    /// Runs `future` as the task `name`. It should end soon after the process was told to stop.
    pub fn spawn<F>(&self, name: impl Into<Cow<'static, str>>, on_end: OnEnd, future: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let name = name.into();
        self.running.send_modify(|running| {
            let id = running.next;
            running.next += 1;
            let (tasks, task) = (self.clone(), name.clone());
            // The list is locked until the task is on it, so the task cannot take itself off before.
            #[allow(clippy::disallowed_methods, reason = "the one place where tasks get name and end policy")]
            let handle = tokio::spawn(async move {
                let end = AssertUnwindSafe(future).catch_unwind().await;
                tasks.ended(task, on_end, end);
                tasks.running.send_modify(|running| drop(running.tasks.remove(&id)));
            });
            running.tasks.insert(id, (name, handle.abort_handle()));
        });
    }

    /// Runs what `make` makes as the task `name` on a thread of its own, where it holds up no other task, nor they it.
    /// A connection is served by the thread that made it: one that is to be its own is made there.
    pub fn spawn_apart<F>(&self, name: &'static str, on_end: OnEnd, make: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = anyhow::Result<()>> + 'static,
    {
        self.spawn(name, on_end, apart::run(name.to_owned(), make));
    }

    /// The names of the tasks that still run, sorted.
    pub fn running(&self) -> Vec<Cow<'static, str>> {
        let mut names: Vec<_> = self.running.borrow().tasks.values().map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    /// Waits until no task runs.
    pub async fn idle(&self) {
        // It fails only without a sender, and `self` holds one.
        let _ = self.running.subscribe().wait_for(|running| running.tasks.is_empty()).await;
    }

    /// Ends all tasks where they stand.
    pub(crate) fn abort(&self) {
        self.running.send_modify(|running| {
            running.tasks.drain().for_each(|(_, (_, handle))| handle.abort());
        });
    }

    /// The first end of a vital task, if one ended.
    pub(crate) fn take_failure(&self) -> Option<TaskFailure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn ended(
        &self,
        task: Cow<'static, str>,
        on_end: OnEnd,
        end: Result<anyhow::Result<()>, Box<dyn Any + Send>>,
    ) {
        let stopping = self.stop.is_cancelled();
        let failure = match end {
            Ok(Ok(())) if stopping || on_end == OnEnd::Log => {
                debug!(%task, "task ended");
                return;
            }
            Ok(Ok(())) => TaskFailure::Ended { task },
            Ok(Err(source)) => TaskFailure::Failed { task, source },
            Err(panic) => TaskFailure::Panicked { task, message: panic_message(panic.as_ref()) },
        };
        if on_end == OnEnd::StopService && !stopping {
            self.fail(failure);
        } else if matches!(failure, TaskFailure::Panicked { .. }) {
            error!(error = %Chain(&failure), "task ended");
        } else {
            warn!(error = %Chain(&failure), "task ended");
        }
    }

    fn fail(&self, failure: TaskFailure) {
        error!(error = %Chain(&failure), "stopping");
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.stop.cancel();
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
