use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use signalbox_bus::RouteSets;
use signalbox_proto::v1::{RoutesAnswer, routes_answer::What};
use tokio::time::timeout;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::nats::NatsError;

/// How long to wait for the router.
#[derive(Clone, Copy, Debug, Args)]
pub struct WaitArgs {
    /// How long to wait until the router has taken it up or refused it; with 0s it is only applied
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_value = "10s",
          default_missing_value = "10s", value_parser = humantime::parse_duration)]
    pub wait: Duration,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It holds from this event on.
    From(u64),
    /// The router cannot use it.
    Refused(String),
    /// Somebody applied another one before the router came to it.
    Overtaken,
    /// Not known yet.
    Pending,
    /// Nobody waited.
    Applied,
}

/// Waits for what the router says to the change of that number.
pub async fn taken(sets: &RouteSets, number: u64, within: Duration) -> Result<Taken, Failure> {
    if within.is_zero() {
        return Ok(Taken::Applied);
    }
    let answered = async {
        let mut answers = sets.watch_answer().await?;
        while let Some(answer) = answers.next().await? {
            if let Some(taken) = judge(&answer.value, number) {
                return Ok(Some(taken));
            }
        }
        Ok::<_, signalbox_bus::Error>(None)
    };
    let taken = match timeout(within, answered).await {
        Err(_) => Taken::Pending,
        Ok(answered) => answered?.ok_or_else(|| {
            NatsError::JetStream("the answers of the router can no longer be watched".to_owned())
        })?,
    };
    match taken {
        Taken::Overtaken => from_timeline(sets, number).await,
        taken => Ok(taken),
    }
}

fn judge(answer: &RoutesAnswer, number: u64) -> Option<Taken> {
    match &answer.what {
        _ if answer.change > number => Some(Taken::Overtaken),
        Some(What::FromSequence(from)) if answer.change == number => Some(Taken::From(*from)),
        Some(What::Refused(why)) if answer.change == number => Some(Taken::Refused(why.clone())),
        _ => None,
    }
}

/// A later change was answered; this one may have run before.
async fn from_timeline(sets: &RouteSets, number: u64) -> Result<Taken, Failure> {
    let timeline = sets.timeline().await?.unwrap_or_default().value;
    let period = timeline.periods.iter().find(|period| period.change == number);
    Ok(period.map_or(Taken::Overtaken, |period| Taken::From(period.from_sequence)))
}

impl Taken {
    /// In a word, as statuses are everywhere.
    pub fn word(&self) -> &'static str {
        match self {
            Self::From(_) => "running",
            Self::Refused(_) => "refused",
            Self::Overtaken => "overtaken",
            Self::Pending => "pending",
            Self::Applied => "applied",
        }
    }

    /// What is to be said of it.
    pub fn detail(&self) -> String {
        match self {
            Self::From(sequence) => format!("from event {sequence} of EVENTS on"),
            Self::Refused(why) => why.clone(),
            Self::Overtaken => "another set was applied before the router came to this one".to_owned(),
            Self::Pending => {
                "no router has answered; it is taken up when one runs: `signalbox routes`".to_owned()
            }
            Self::Applied => "`signalbox routes` tells when it runs".to_owned(),
        }
    }

    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::From(_) | Self::Applied => Exit::Done,
            Self::Refused(_) | Self::Overtaken => Exit::Refused,
            Self::Pending => Exit::Pending,
        }
    }

    /// For scripts.
    pub fn value(&self, version: &str, number: u64) -> Value {
        let from = match self {
            Self::From(sequence) => Some(sequence),
            _ => None,
        };
        json!({
            "status": self.word(), "version": version, "change": number, "from_sequence": from,
            "detail": self.detail(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_to_this_change_or_a_later_one_ends_the_wait() {
        let answer = |change, what| RoutesAnswer { change, what: Some(what), ..Default::default() };
        assert_eq!(judge(&answer(6, What::FromSequence(3)), 7), None);
        assert_eq!(judge(&answer(7, What::FromSequence(3)), 7), Some(Taken::From(3)));
        assert_eq!(judge(&answer(7, What::Refused("x".into())), 7), Some(Taken::Refused("x".into())));
        assert_eq!(judge(&answer(8, What::Refused("x".into())), 7), Some(Taken::Overtaken));
    }
}
