use std::time::{Duration, Instant};

use signalbox_bus::{Bus, RequestError};
use signalbox_proto::{
    names::subject,
    v1::{ReplayReply, ReplayRequest, Replayed, replay_reply::What},
};
use signalbox_telemetry::Chain;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;

/// What has no answer by then is asked again: it is done once.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const BETWEEN: Duration = Duration::from_millis(500);
/// No answer for so long, and it is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// A router, whichever answers.
pub struct Router<'a> {
    bus: &'a Bus,
    stop: CancellationToken,
    has_answered: bool,
}

impl<'a> Router<'a> {
    pub fn new(bus: &'a Bus, stop: CancellationToken) -> Self {
        Self { bus, stop, has_answered: false }
    }

    /// Asks until there is an answer; `None` if it is stopped while there is none.
    ///
    /// # Errors
    /// When it is refused, or nobody answers for long.
    pub async fn ask(
        &mut self,
        mut request: ReplayRequest,
        progress: &Progress,
    ) -> Result<Option<Replayed>, Failure> {
        let began = Instant::now();
        loop {
            let why = match self.bus.request::<_, ReplayReply>(subject::REPLAY, &request, ANSWER_WITHIN).await
            {
                Ok(reply) => match answer(reply)? {
                    Ok(replayed) => {
                        self.has_answered = true;
                        return Ok(Some(replayed));
                    }
                    Err(away) => away,
                },
                Err(error @ (RequestError::NoResponders(_) | RequestError::Unreadable(_)))
                    if !self.has_answered =>
                {
                    return Err(Failure::other(Exit::Unavailable, error.to_string())
                        .with_tip("is a signal-router of this version running? `signalbox doctor` tells"));
                }
                Err(error) => Chain(&error).to_string(),
            };
            if began.elapsed() > PATIENCE {
                return Err(Failure::other(Exit::Unavailable, format!("no answer to a batch: {why}")));
            }
            progress.show(format_args!("{why}; asking again"));
            request.repeated = true;
            tokio::select! {
                () = self.stop.cancelled() => return Ok(None),
                () = tokio::time::sleep(BETWEEN) => {}
            }
        }
    }
}

/// What was replayed, or why it may work the next time.
fn answer(reply: ReplayReply) -> Result<Result<Replayed, String>, Failure> {
    match reply.what {
        Some(What::Replayed(replayed)) => Ok(Ok(replayed)),
        Some(What::Problem(problem)) if problem.code == "jetstream-away" => Ok(Err(problem.detail)),
        Some(What::Problem(problem)) => {
            let refused = Failure::other(Exit::Refused, problem.detail);
            Err(match problem.code.as_str() {
                "unknown-route" => refused.with_tip("`signalbox routes` tells which run"),
                "no-routes" => refused.with_tip("`signalbox apply` has a router run those of a folder"),
                _ => refused,
            })
        }
        None => Err(Failure::other(Exit::Failed, "the router's answer is none that is known here")),
    }
}
