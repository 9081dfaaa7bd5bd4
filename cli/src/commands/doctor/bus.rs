use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use signalbox_bus::{Bus, ConsumerState, Error, Expected, StreamState, expected, shown};
use signalbox_proto::names::{bucket, stream};
use signalbox_service::NatsArgs;
use signalbox_telemetry::Chain;

use super::{Examined, Finding, clock::Reading, routes};
use crate::nats;
use crate::text::time;

/// More messages than this that wait to be worked on are worth a look.
const MUCH: u64 = 1000;

/// A dead letter that is younger than this is news.
const NEWS: TimeDelta = TimeDelta::hours(1);

/// Between two looks at a consumer that nobody reads from: its reader may be about to ask again.
const ANOTHER_LOOK: Duration = Duration::from_millis(400);

const START_A_SERVICE: &str =
    "start the services, which make it: `signalbox up`, or `signalbox serve signal-router`";

/// NATS, JetStream and what the services need there.
pub async fn examine(args: &NatsArgs) -> Examined {
    let bus = match nats::connect(args).await {
        Ok(bus) => bus,
        Err(error) => {
            let advice = error.tip().unwrap_or_default();
            return Examined {
                findings: vec![Finding::fault("NATS", error.to_string(), advice)],
                clock: None,
            };
        }
    };
    let mut findings = vec![server(&bus, &args.nats_url).await];
    let account = account(&bus).await;
    let there = account.advice.is_none();
    findings.push(account);
    if there {
        for wanted in expected() {
            findings.extend(stream_and_consumers(&bus, &wanted).await);
        }
        for name in [bucket::SCHEDULES, bucket::ROUTES, bucket::REPLAYS] {
            findings.push(is_there(&bus, name).await);
        }
        findings.extend(memory(&bus).await);
        findings.extend(routes::examine(&bus).await);
    }
    Examined { findings, clock: clock(&bus).await }
}

async fn server(bus: &Bus, url: &str) -> Finding {
    match bus.server().await {
        Ok(server) => {
            let away = server.round_trip.as_secs_f64() * 1000.0;
            let detail = format!("{}, nats-server {}, {away:.1} ms away", shown(url), server.version);
            Finding::ok("NATS", detail).with(json!({ "version": server.version, "round_trip_ms": away }))
        }
        Err(error) => failed("NATS", &error),
    }
}

async fn account(bus: &Bus) -> Finding {
    match bus.account().await {
        Ok(account) => {
            let limit = account.limit.map_or("no limit".to_owned(), |limit| format!("of {}", bytes(limit)));
            let full = account.limit.is_some_and(|limit| account.stored > limit / 10 * 9);
            let detail = format!("{} stored, {limit}", bytes(account.stored));
            match full {
                true => Finding::warning(
                    "JetStream",
                    detail,
                    "give it more room before it takes no more messages",
                ),
                false => Finding::ok("JetStream", detail),
            }
        }
        Err(error) => {
            let detail = Chain(&error).to_string();
            Finding::fault(
                "JetStream",
                detail,
                "start nats-server with --jetstream, and allow it for this account",
            )
        }
    }
}

async fn stream_and_consumers(bus: &Bus, wanted: &Expected) -> Vec<Finding> {
    let check = format!("stream {}", wanted.stream);
    let state = match bus.stream_state(&wanted.stream).await {
        Ok(Some(state)) => state,
        Ok(None) => return vec![Finding::fault(check, "is not there", START_A_SERVICE)],
        Err(error) => return vec![failed(&check, &error)],
    };
    let mut findings = vec![judged(check, &wanted.subjects, &state)];
    if !wanted.consumers.is_empty() {
        findings.extend(consumers(bus, wanted, &state).await);
    }
    findings
}

fn judged(check: String, subjects: &[String], state: &StreamState) -> Finding {
    let StreamState { messages, bytes: size, last_at, last_sequence, .. } = state;
    let detail = format!("{messages} messages, {}", bytes(*size));
    let ago = Utc::now() - last_at;
    let finding = if subjects.iter().any(|subject| !state.subjects.contains(subject)) {
        let detail = format!("it collects {}, and not {}", state.subjects.join(", "), subjects.join(", "));
        Finding::fault(
            check,
            detail,
            "something else has made it: delete or rename that one, and start a service",
        )
    } else if check.ends_with(stream::DEAD_LETTERS) && *messages > 0 && ago < NEWS {
        let detail = format!("{detail}, the last {} ago", time::span(ago));
        Finding::warning(check, detail, "`signalbox events --outcomes` tells what died and why")
    } else {
        Finding::ok(check, detail)
    };
    finding.with(json!({ "messages": messages, "bytes": size, "last_sequence": last_sequence }))
}

/// One finding for those of a stream that are well, and one for each that is not.
async fn consumers(bus: &Bus, wanted: &Expected, of: &StreamState) -> Vec<Finding> {
    let (mut findings, mut well) = (Vec::new(), Vec::new());
    for name in &wanted.consumers {
        let check = format!("consumer {}/{name}", wanted.stream);
        match state(bus, &wanted.stream, name).await {
            Ok(Some(state)) => match trouble(&state) {
                Some((detail, advice)) => {
                    findings.push(Finding::fault(check, detail, advice).with(numbers(name, &state)));
                }
                None => well.push((name, state)),
            },
            Ok(None) => findings.push(Finding::fault(check, "is not there", START_A_SERVICE)),
            Err(error) => findings.push(failed(&check, &error)),
        }
    }
    findings.extend(all_well(&wanted.stream, &well, of));
    findings
}

/// A consumer; looked at again if nobody seems to read from it.
async fn state(bus: &Bus, stream: &str, name: &str) -> Result<Option<ConsumerState>, Error> {
    let state = bus.consumer_state(stream, name).await?;
    if state.is_none_or(|state| state.readers > 0) {
        return Ok(state);
    }
    tokio::time::sleep(ANOTHER_LOOK).await;
    bus.consumer_state(stream, name).await
}

fn trouble(state: &ConsumerState) -> Option<(String, &'static str)> {
    // Who has much in hand asks for no more until some of it is done.
    let unread = state.readers == 0 && state.unacknowledged == 0;
    let advice = "is the signal-router running? `signalbox serve signal-router` starts one";
    unread.then(|| (format!("nobody reads from it, {} messages wait", state.lag), advice))
}

fn all_well(stream: &str, well: &[(&String, ConsumerState)], of: &StreamState) -> Option<Finding> {
    let (first, _) = well.first()?;
    let check = match well.len() {
        1 => format!("consumer {stream}/{first}"),
        count => format!("{count} consumers of {stream}"),
    };
    let sum = |part: fn(&ConsumerState) -> u64| well.iter().map(|(_, state)| part(state)).sum::<u64>();
    let (lag, in_hand) = (sum(|state| state.lag), sum(|state| state.unacknowledged as u64));
    let floor = well.iter().map(|(_, state)| state.ack_floor).min().unwrap_or_default();
    let detail = match well.len() {
        1 => format!("lag {lag}, {in_hand} in hand, acknowledged up to {floor} of {}", of.last_sequence),
        _ => format!("lag {lag}, {in_hand} in hand"),
    };
    let finding = match lag > MUCH {
        true => Finding::warning(
            check,
            detail,
            "is Temporal slow or away? `signalbox events --outcomes` shows retries",
        ),
        false => Finding::ok(check, detail),
    };
    Some(finding.with(well.iter().map(|(name, state)| numbers(name, state)).collect()))
}

fn numbers(name: &str, state: &ConsumerState) -> Value {
    json!({
        "consumer": name, "lag": state.lag, "unacknowledged": state.unacknowledged,
        "ack_floor": state.ack_floor, "readers": state.readers,
    })
}

async fn is_there(bus: &Bus, name: &str) -> Finding {
    let check = format!("bucket {name}");
    match bus.has_bucket(name).await {
        Ok(true) => Finding::ok(check, "is there"),
        Ok(false) => Finding::fault(check, "is not there", START_A_SERVICE),
        Err(error) => failed(&check, &error),
    }
}

/// Whether the ledger outlives the log. Nothing, where one of them is the fault.
async fn memory(bus: &Bus) -> Option<Finding> {
    Some(match bus.memory().await.ok()? {
        Ok(kept) => Finding::ok("ledger", kept),
        Err(error) => {
            let advice = format!("`{}`; no signal-router starts until then", error.remedy);
            Finding::fault("ledger", format!("{}: effects could happen twice", error.detail), advice)
        }
    })
}

async fn clock(bus: &Bus) -> Option<Reading> {
    let asked = Utc::now();
    // Whatever keeps it from telling the time is a finding of its own.
    let told = bus.clock(stream::EVENTS).await.ok()??;
    Some(Reading::new("NATS", told, asked))
}

/// What could not be looked at.
pub fn failed(check: &str, error: &Error) -> Finding {
    let advice = "look into the log of nats-server; may this user ask JetStream?";
    Finding::fault(check, Chain(error).to_string(), advice)
}

fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut size, mut unit) = (count as f64, 0);
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} B"),
        unit => format!("{size:.1} {}", units[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn stream(subjects: &[&str], messages: u64, last_at: TimeDelta) -> StreamState {
        StreamState {
            subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
            messages,
            bytes: 0,
            last_sequence: messages,
            last_at: Utc::now() - last_at,
            created: Utc::now(),
        }
    }

    #[test]
    fn streams_of_others_and_fresh_dead_letters_are_told() {
        let level = |name: &str, state| judged(format!("stream {name}"), &["a.>".to_owned()], &state).level;
        assert_eq!(level("EVENTS", stream(&["a.>", "b"], 9, TimeDelta::zero())), Level::Ok);
        assert_eq!(level("EVENTS", stream(&["b"], 9, TimeDelta::zero())), Level::Fault);
        assert_eq!(level("DEADLETTERS", stream(&["a.>"], 9, TimeDelta::minutes(5))), Level::Warning);
        assert_eq!(level("DEADLETTERS", stream(&["a.>"], 9, TimeDelta::days(5))), Level::Ok);
        assert_eq!(level("DEADLETTERS", stream(&["a.>"], 0, TimeDelta::zero())), Level::Ok);
    }

    #[test]
    fn a_consumer_that_nobody_reads_is_a_fault_and_a_long_lag_a_warning() {
        let state = ConsumerState { lag: 5, unacknowledged: 0, ack_floor: 7, readers: 1 };
        let told = |state| trouble(&state).is_some();
        assert!(told(ConsumerState { readers: 0, ..state }));
        assert!(!told(state) && !told(ConsumerState { readers: 0, unacknowledged: 1, ..state }));
        let name = "match".to_owned();
        let of = stream(&[], 9, TimeDelta::zero());
        let finding = |lag| all_well("EVENTS", &[(&name, ConsumerState { lag, ..state })], &of).unwrap();
        assert_eq!((finding(1).level, finding(1001).level), (Level::Ok, Level::Warning));
        assert_eq!(finding(1).detail, "lag 1, 0 in hand, acknowledged up to 7 of 9");
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!([0, 1023, 1536, 1 << 30].map(bytes), ["0 B", "1023 B", "1.5 KiB", "1.0 GiB"]);
    }
}
