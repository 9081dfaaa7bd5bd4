use std::fmt::Write;
use std::process::ExitCode;

/// How a command ended, as a script reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It did what was asked.
    Done = 0,
    /// It failed in a way that has no number of its own.
    Failed = 1,
    /// What it is about is not there.
    NotFound = 2,
    /// It was understood, and is not done.
    Refused = 3,
    /// It was accepted, and its end is not known yet.
    Pending = 4,
    /// Somebody who is needed cannot be reached.
    Unavailable = 5,
    /// The command line, the environment or a file does not say what to do.
    Usage = 64,
}

impl Exit {
    const ALL: [Self; 7] = [
        Self::Done,
        Self::Failed,
        Self::NotFound,
        Self::Refused,
        Self::Pending,
        Self::Unavailable,
        Self::Usage,
    ];

    fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed: the workflow did, doctor found a fault, or another error",
            Self::NotFound => "not found: no such workflow, schedule or event",
            Self::Refused => "refused, and again if repeated: it runs already, a bad cron, a dead letter",
            Self::Pending => "accepted, but not at its end when the wait was over",
            Self::Unavailable => "unavailable: the API, NATS, Temporal or a service is away; try later",
            Self::Usage => "usage: the command line, a variable or a file is wrong; nothing is tried",
        }
    }

    /// What the numbers mean, for a help text.
    pub fn table() -> String {
        Self::ALL.iter().fold("Exit codes:".to_owned(), |mut text, exit| {
            let _ = write!(text, "\n  {:>2}  {}", *exit as u8, exit.meaning());
            text
        })
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        (exit as u8).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_may_rely_on_the_numbers() {
        insta::assert_snapshot!(Exit::table(), @r"
        Exit codes:
           0  done
           1  failed: the workflow did, doctor found a fault, or another error
           2  not found: no such workflow, schedule or event
           3  refused, and again if repeated: it runs already, a bad cron, a dead letter
           4  accepted, but not at its end when the wait was over
           5  unavailable: the API, NATS, Temporal or a service is away; try later
          64  usage: the command line, a variable or a file is wrong; nothing is tried
        ");
    }
}
