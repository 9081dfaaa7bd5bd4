use std::convert::Infallible;
use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use signalbox_servers::Error;
use signalbox_telemetry::Chain;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::children::{Child, Plan};
use super::part::Part;
use super::readyz;
use crate::cli::EX_USAGE;

/// What a part gets to finish, before it is killed. Longer than a service's own grace period.
const GRACE: Duration = Duration::from_secs(20);

/// How often a part may fail to become ready, in a row.
const STARTS: usize = 5;

/// A part ended again and again without having become ready, or said that it is used wrongly.
#[derive(Debug, thiserror::Error)]
#[error("{part} cannot start: {last}")]
pub struct GaveUp {
    pub part: Part,
    last: End,
}

/// How one life of a part ended without having been asked for.
#[derive(Debug)]
enum End {
    NotStarted(Error),
    Ended { status: ExitStatus, log: Vec<String> },
}

/// One life of a part.
enum Life {
    Stopped,
    Over { end: End, was_ready: bool },
}

/// Keeps the part running until `stop`, then stops it. What is not needed is done without when it cannot start.
///
/// It has to be polled on the thread that lives as long as the process: children are started there.
pub async fn keep(plan: &Plan, part: Part, board: &Board, stop: &CancellationToken) -> Result<(), GaveUp> {
    match keep_running(plan, part, board, stop).await {
        Err(gave_up) if !part.is_needed() => {
            plan.output.say(format_args!("{gave_up}\ngoing on without {part}"));
            stop.cancelled().await;
            Ok(())
        }
        kept => kept,
    }
}

async fn keep_running(
    plan: &Plan,
    part: Part,
    board: &Board,
    stop: &CancellationToken,
) -> Result<(), GaveUp> {
    let mut delays = pauses();
    while let Life::Over { end, was_ready } = live(plan, part, board, stop).await {
        board.waiting(part, "starting again");
        if was_ready {
            delays = pauses();
        }
        let Some(delay) = delays.next().filter(|_| !end.is_misuse()) else {
            return Err(GaveUp { part, last: end });
        };
        plan.output.say(format_args!("{part} {}; starting it again", end.in_short()));
        if stop.run_until_cancelled(sleep(delay)).await.is_none() {
            break;
        }
    }
    Ok(())
}

fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(STARTS - 1)
        .build()
}

async fn live(plan: &Plan, part: Part, board: &Board, stop: &CancellationToken) -> Life {
    let start = async {
        if part.is_service() {
            board.servers_ready().await;
        }
        Child::start(plan, part).await
    };
    let mut child = match stop.run_until_cancelled(start).await {
        None => return Life::Stopped,
        Some(Err(error)) => return Life::Over { end: End::NotStarted(error), was_ready: false },
        Some(Ok(child)) => child,
    };
    let mut was_ready = false;
    let end = tokio::select! {
        biased;
        () = stop.cancelled() => None,
        status = child.process().ended() => Some(status),
        never = watch(plan, part, board, &mut was_ready) => match never {},
    };
    match end {
        None => stopped(plan, &mut child).await,
        Some(Ok(status)) => {
            let log = child.process().last_lines();
            Life::Over { end: End::Ended { status, log }, was_ready }
        }
        Some(Err(error)) => Life::Over { end: End::NotStarted(error), was_ready },
    }
}

/// Tells the board when the part becomes ready; never ends.
async fn watch(plan: &Plan, part: Part, board: &Board, was_ready: &mut bool) -> Infallible {
    if part.is_service() {
        readyz::until_ready(&plan.listen(part), |why| board.waiting(part, why)).await;
    }
    *was_ready = true;
    board.ready(part);
    std::future::pending().await
}

async fn stopped(plan: &Plan, child: &mut Child) -> Life {
    let process = child.process();
    if let Err(error) = process.stop(GRACE).await {
        plan.output.say(format_args!("{}: {error}", process.name()));
    }
    Life::Stopped
}

impl End {
    /// Its command line or environment is wrong, which does not mend itself.
    fn is_misuse(&self) -> bool {
        matches!(self, Self::Ended { status, .. } if status.code() == Some(EX_USAGE.into()))
    }

    /// On one line: the log has been shown, or will be.
    fn in_short(&self) -> String {
        match self {
            Self::NotStarted(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
            Self::Ended { status, .. } => format!("ended unexpectedly ({status})"),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(error) => write!(f, "{}", Chain(error)),
            Self::Ended { status, log } => {
                write!(f, "it ended with {status}")?;
                log.iter().try_for_each(|line| write!(f, "\n  {line}"))
            }
        }
    }
}
