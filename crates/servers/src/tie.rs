use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Command};

/// A program that is run in front of another one and becomes it: `<program> <args…> <wrapped> <its args…>`.
#[derive(Clone, Debug)]
pub struct Wrapper {
    /// The wrapping program.
    pub program: PathBuf,
    /// What it is given before the wrapped program.
    pub args: Vec<OsString>,
}

impl Wrapper {
    /// Ties what is launched to the life of this process, even if this process is killed with SIGKILL:
    /// `signalbox` (the path of the binary) calls [`exec_tied`] under its hidden subcommand `tied-to-launcher`.
    ///
    /// The kernel watches the *thread* that launched, so launch from one that lives as long as the process,
    /// such as the main thread.
    pub fn tied_to_this_process(signalbox: PathBuf) -> Self {
        let pid = process::id().to_string();
        Self { program: signalbox, args: vec!["tied-to-launcher".into(), pid.into(), "--".into()] }
    }

    /// What is launched so leaves the processors to others of this machine where they are not enough for all.
    pub fn yielding(mut self) -> Self {
        self.args.insert(1, "--yielding".into());
        self
    }

    /// The timers of what is launched so go by the millisecond (on Linux). It is for a program in Go that has one processor:
    /// while it works, a thread of its runtime looks every 20 µs whether it does so for too long. With more processors one
    /// waits for 3 µs before it takes work from another, and that would be a millisecond too.
    pub fn with_timer_slack(mut self) -> Self {
        self.args.insert(1, "--timer-slack".into());
        self
    }
}

/// What is changed for a program before it is run. It runs also where the system refuses.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// See [`Wrapper::yielding`].
    pub yielding: bool,
    /// See [`Wrapper::with_timer_slack`].
    pub timer_slack: bool,
}

/// How much nicer than its launcher is what yields, by `nice(2)`.
const NICER: i32 = 10;

/// Nanoseconds, for `PR_SET_TIMERSLACK` of `prctl(2)`.
#[cfg(target_os = "linux")]
const TIMER_SLACK: Option<std::num::NonZeroU64> = std::num::NonZeroU64::new(1_000_000);

impl Manners {
    fn take_on(self) {
        if self.yielding {
            rustix::process::nice(NICER).ok();
        }
        #[cfg(target_os = "linux")]
        if self.timer_slack {
            rustix::thread::set_current_timer_slack(TIMER_SLACK).ok();
        }
    }
}

/// Becomes `command` (a program and its arguments), which gets SIGTERM when the launcher dies (on Linux). Returns only if that fails.
///
/// `launcher` is the pid of the process that started this one; if that is gone already, nothing is run.
pub fn exec_tied(launcher: i32, manners: Manners, command: &[OsString]) -> io::Error {
    let Some((program, args)) = command.split_first() else {
        return io::Error::new(io::ErrorKind::InvalidInput, "there is nothing to run");
    };
    manners.take_on();
    let failed = match tie(launcher) {
        Ok(()) => Command::new(program).args(args).exec(),
        Err(error) => error,
    };
    io::Error::new(failed.kind(), format!("cannot run {}: {failed}", program.display()))
}

#[cfg(target_os = "linux")]
fn tie(launcher: i32) -> io::Result<()> {
    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

    set_parent_process_death_signal(Some(Signal::TERM))?;
    // The launcher may have died before the line above.
    if getppid().map(Pid::as_raw_pid) == Some(launcher) {
        Ok(())
    } else {
        Err(io::Error::other(format!("the launcher (pid {launcher}) is gone")))
    }
}

#[cfg(not(target_os = "linux"))]
fn tie(_launcher: i32) -> io::Result<()> {
    Ok(())
}
