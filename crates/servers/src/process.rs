use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::watch;

use crate::log::Tail;
use crate::{Error, LineSink, Wrapper};

/// What to run, and how.
#[derive(Clone)]
pub struct Launch {
    /// What to call it in errors.
    pub name: String,
    /// The program's path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Environment variables, on top of those of this process.
    pub env: Vec<(OsString, OsString)>,
    /// What runs in front of it, if anything.
    pub wrapper: Option<Wrapper>,
    /// Gets its standard output and error, line by line. The last lines are kept in any case.
    pub log: Option<LineSink>,
}

impl Launch {
    /// Runs `program` under the given name, without arguments.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        let (name, program) = (name.into(), program.into());
        Self { name, program, args: Vec::new(), env: Vec::new(), wrapper: None, log: None }
    }

    /// Adds arguments.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    fn command(&self) -> Command {
        let mut command = match &self.wrapper {
            Some(wrapper) => {
                let mut command = Command::new(&wrapper.program);
                command.args(&wrapper.args).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        // A group of its own: Ctrl-C in the terminal is the launcher's to handle.
        command.args(&self.args).envs(self.env.iter().cloned()).stdin(Stdio::null()).process_group(0);
        command
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch")
            .field("name", &self.name)
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

/// A running child process. Dropping it kills and reaps it.
pub struct Process {
    name: String,
    child: Child,
    pid: Pid,
    tail: Tail,
    ended: watch::Receiver<bool>,
}

impl Process {
    /// Starts a process, from the calling thread (which matters to a [`Wrapper`]).
    ///
    /// # Errors
    /// [`Error::Spawn`] when the program (or its wrapper) cannot be run.
    pub fn spawn(launch: Launch) -> Result<Self, Error> {
        let failed = |source| Error::Spawn { program: launch.program.clone(), source };
        let (reader, writer) = io::pipe().map_err(failed)?;
        let mut command = launch.command();
        command.stdout(writer.try_clone().map_err(failed)?).stderr(writer);
        let mut child = command.spawn().map_err(failed)?;
        drop(command); // its ends of the pipe would keep the reader waiting

        let (tell_end, ended) = watch::channel(false);
        let tail = Tail::default();
        let pid = Pid::from_child(&child);
        let watcher = {
            let tail = tail.clone();
            move || {
                tail.read(reader, launch.log.as_ref());
                // Without reaping: the pid stays the child's own until its owner reaps it.
                let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
                tell_end.send_replace(true);
            }
        };
        if let Err(source) = thread::Builder::new().name(launch.name.clone()).spawn(watcher) {
            let _ = child.kill().and_then(|()| child.wait());
            return Err(Error::Spawn { program: launch.program, source });
        }
        Ok(Self { name: launch.name, child, pid, tail, ended })
    }

    /// The name it was launched with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The last lines that it wrote to its standard output and error.
    pub fn last_lines(&self) -> Vec<String> {
        self.tail.lines()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end. May be cancelled and called again.
    ///
    /// # Errors
    /// [`Error::Signal`] when the system cannot tell.
    pub async fn ended(&mut self) -> Result<ExitStatus, Error> {
        // An error means that the watching thread is gone, which is its end too.
        let _ = self.ended.wait_for(|ended| *ended).await;
        self.reap()
    }

    /// Sends SIGTERM and waits; after `grace`, sends SIGKILL.
    ///
    /// # Errors
    /// [`Error::Signal`] when the system refuses.
    pub async fn stop(&mut self, grace: Duration) -> Result<ExitStatus, Error> {
        self.terminate()?;
        match tokio::time::timeout(grace, self.ended()).await {
            Ok(status) => status,
            Err(_) => self.kill(),
        }
    }

    /// Sends SIGTERM, without waiting.
    ///
    /// # Errors
    /// [`Error::Signal`] when the system refuses.
    pub fn terminate(&mut self) -> Result<(), Error> {
        if !self.is_running() {
            return Ok(());
        }
        kill_process(self.pid, Signal::TERM).map_err(|error| self.signal(error.into()))
    }

    /// Sends SIGKILL and reaps the process, which takes a few milliseconds.
    ///
    /// # Errors
    /// [`Error::Signal`] when the system refuses.
    pub fn kill(&mut self) -> Result<ExitStatus, Error> {
        self.child.kill().map_err(|error| self.signal(error))?;
        self.reap()
    }

    fn reap(&mut self) -> Result<ExitStatus, Error> {
        self.child.wait().map_err(|error| self.signal(error))
    }

    fn signal(&self, source: io::Error) -> Error {
        Error::Signal { name: self.name.clone(), source }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            tracing::warn!(error = %error, pid = self.id(), "a child process may be left behind");
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("name", &self.name).field("pid", &self.pid).finish_non_exhaustive()
    }
}
