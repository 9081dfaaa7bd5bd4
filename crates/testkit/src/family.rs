//! The processes that a process started, as `/proc` tells them.

use std::fs;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

/// A descendant of a process.
#[derive(Clone, Debug)]
pub struct Relative {
    pid: Pid,
    started: u64,
    /// Its command line, with spaces between the arguments.
    pub command: String,
    /// Its priority: the higher, the more it yields to others.
    pub nice: i32,
}

impl Relative {
    /// Whether it runs still. A later process with the same id is another one.
    pub fn runs(&self) -> bool {
        Stat::of(self.pid).is_some_and(|stat| stat.started == self.started && stat.runs())
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When the system refuses, or when it is gone already.
    pub fn kill(&self) -> anyhow::Result<()> {
        kill_process(self.pid, Signal::KILL).with_context(|| format!("cannot kill {}", self.command))
    }
}

/// The children of a process, their children, and so on.
pub fn descendants(of: u32) -> Vec<Relative> {
    let running: Vec<_> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            Some((pid, Stat::of(pid).filter(Stat::runs)?))
        })
        .collect();
    let mut family: Vec<Relative> = Vec::new();
    let mut parents = vec![of.cast_signed()];
    while let Some(parent) = parents.pop() {
        for (pid, stat) in running.iter().filter(|(_, stat)| stat.parent == parent) {
            parents.push(pid.as_raw_pid());
            let Stat { started, nice, .. } = *stat;
            family.push(Relative { pid: *pid, started, command: command(*pid), nice });
        }
    }
    family
}

/// SIGINT, as Ctrl-C sends it, to this one process.
///
/// # Errors
/// When the system refuses.
pub fn interrupt(pid: u32) -> anyhow::Result<()> {
    send(pid, Signal::INT)
}

/// SIGSTOP: it does nothing until it is woken up.
///
/// # Errors
/// When the system refuses.
pub fn put_to_sleep(pid: u32) -> anyhow::Result<()> {
    send(pid, Signal::STOP)
}

/// SIGCONT.
///
/// # Errors
/// When the system refuses.
pub fn wake_up(pid: u32) -> anyhow::Result<()> {
    send(pid, Signal::CONT)
}

fn send(pid: u32, signal: Signal) -> anyhow::Result<()> {
    let pid = Pid::from_raw(pid.cast_signed()).context("not a process id")?;
    Ok(kill_process(pid, signal)?)
}

fn command(pid: Pid) -> String {
    let line = fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ").trim_end().to_owned()
}

struct Stat {
    state: char,
    parent: i32,
    nice: i32,
    threads: u32,
    started: u64,
}

impl Stat {
    /// `pid (name) state parent …`, where the name may have spaces and brackets.
    fn of(pid: Pid) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
        let fields: Vec<_> = text.rsplit_once(')')?.1.split_whitespace().collect();
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            nice: fields.get(16)?.parse().ok()?,
            threads: fields.get(17)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
        })
    }

    /// A zombie does not, once its other threads have ended: until then it holds its sockets.
    fn runs(&self) -> bool {
        self.state != 'Z' || self.threads > 1
    }
}
