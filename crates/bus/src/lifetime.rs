//! Whether the ledger remembers for as long as an event may come again.

use std::time::Duration;

use async_nats::jetstream::stream::Config;
use signalbox_proto::names::stream;
use signalbox_telemetry::Chain;

use crate::{Bus, Error, at_last};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Why the ledger may have forgotten what came of an event that the log still has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{detail}: an event that comes again after that would have its effects a second time. `{remedy}` mends it"
)]
pub struct ForgetsTooSoon {
    /// What keeps what for how long.
    pub detail: String,
    /// The command that mends it.
    pub remedy: String,
}

impl Bus {
    /// Whether the ledger keeps outcomes for as long as the log keeps events; says for how long.
    ///
    /// # Errors
    /// When one of the streams is not there, or JetStream is away.
    pub async fn memory(&self) -> Result<Result<String, ForgetsTooSoon>, Error> {
        let of = Error::when("tell for how long a stream keeps messages");
        let config = async |name: &str| {
            let stream = self.jetstream.get_stream(name).await.map_err(|e| of(e.into()))?;
            Ok::<_, Error>(stream.cached_info().config.clone())
        };
        Ok(judge(&config(stream::EVENTS).await?, &config(stream::OUTCOMES).await?))
    }

    /// The same, however long JetStream is away; what is missing is made.
    ///
    /// # Errors
    /// What is to be changed.
    pub async fn remembers(&self) -> Result<(), ForgetsTooSoon> {
        let memory = || async {
            if let Err(error) = self.ensure_streams().await {
                tracing::debug!(error = %Chain(&error), "streams are not there yet");
            }
            self.memory().await
        };
        at_last(memory).await.map(|kept| tracing::debug!(kept, "the ledger outlives the log"))
    }
}

fn judge(events: &Config, ledger: &Config) -> Result<String, ForgetsTooSoon> {
    let (name, log) = (&ledger.name, &events.name);
    let fault = |detail: String, change: String| {
        Err(ForgetsTooSoon { detail, remedy: format!("nats stream edit {name} {change}") })
    };
    for (limit, of, flag) in
        [(ledger.max_messages, "messages", "--max-msgs"), (ledger.max_bytes, "bytes", "--max-bytes")]
    {
        if limit > 0 {
            let detail = format!("the ledger, {name}, keeps no more than {limit} {of}, whatever their age");
            return fault(detail, format!("{flag}=-1"));
        }
    }
    let (kept, needed) = (ledger.max_age, events.max_age);
    if kept.is_zero() || (!needed.is_zero() && kept >= needed) {
        return Ok(format!("outcomes are kept {}, events {}", lasting(kept), lasting(needed)));
    }
    let detail =
        format!("the ledger, {name}, keeps outcomes {}, {log} events {}", lasting(kept), lasting(needed));
    let change = if needed.is_zero() { "0s".to_owned() } else { length(needed + DAY) };
    fault(detail, format!("--max-age={change}"))
}

fn lasting(age: Duration) -> String {
    if age.is_zero() { "for ever".to_owned() } else { format!("for {}", length(age)) }
}

/// As `nats` takes it.
fn length(age: Duration) -> String {
    let seconds = age.as_secs();
    match (seconds % 86_400, seconds % 3600) {
        (0, _) => format!("{}d", seconds / 86_400),
        (_, 0) => format!("{}h", seconds / 3600),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::streams;

    fn judged(change: impl Fn(&mut Config, &mut Config)) -> Result<String, ForgetsTooSoon> {
        let [mut events, _, _, mut ledger, ..] = streams();
        change(&mut events, &mut ledger);
        judge(&events, &ledger)
    }

    fn remedy(change: impl Fn(&mut Config, &mut Config)) -> String {
        judged(change).unwrap_err().remedy
    }

    #[test]
    fn what_the_services_make_lasts() {
        assert_eq!(judged(|_, _| {}).unwrap(), "outcomes are kept for 8d, events for 7d");
        assert!(judged(|events, ledger| events.max_age = ledger.max_age).is_ok());
        assert!(judged(|_, ledger| ledger.max_age = Duration::ZERO).is_ok(), "for ever");
    }

    #[test]
    fn what_forgets_too_soon_is_told_with_what_mends_it() {
        assert_eq!(remedy(|_, l| l.max_age = DAY), "nats stream edit OUTCOMES --max-age=8d");
        assert_eq!(remedy(|e, _| e.max_age = 30 * DAY), "nats stream edit OUTCOMES --max-age=31d");
        assert_eq!(remedy(|e, _| e.max_age = Duration::ZERO), "nats stream edit OUTCOMES --max-age=0s");
        assert_eq!(remedy(|_, l| l.max_messages = 1000), "nats stream edit OUTCOMES --max-msgs=-1");
        assert_eq!(remedy(|_, l| l.max_bytes = 1), "nats stream edit OUTCOMES --max-bytes=-1");
        let told = judged(|_, ledger| ledger.max_age = DAY).unwrap_err().to_string();
        assert!(
            told.starts_with("the ledger, OUTCOMES, keeps outcomes for 1d, EVENTS events for 7d"),
            "{told}"
        );
    }
}
