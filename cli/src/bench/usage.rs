//! What a process has used, as `/proc` tells it.

use procfs::process::Process;

use crate::exit::Exit;
use crate::failure::Failure;

/// A process to look at.
pub struct Used {
    process: Process,
}

impl Used {
    /// The process of this id.
    pub fn by(pid: u32) -> Result<Self, Failure> {
        Ok(Self { process: Process::new(pid.cast_signed()).map_err(unknown)? })
    }

    /// CPU time in seconds, of all its threads.
    pub fn cpu(&self) -> Result<f64, Failure> {
        let stat = self.process.stat().map_err(unknown)?;
        Ok((stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
    }

    /// The most resident memory that it ever had, in MB.
    pub fn most_memory(&self) -> Result<f64, Failure> {
        let status = self.process.status().map_err(unknown)?;
        Ok(status.vmhwm.unwrap_or_default() as f64 * 1024.0 / 1e6)
    }
}

fn unknown(error: procfs::ProcError) -> Failure {
    Failure::other(Exit::Failed, format!("/proc does not tell what a process uses: {error}"))
}
