use std::time::Duration;

use serde::Deserialize;
use signalbox_servers::local_http;
use tokio::time::{MissedTickBehavior, interval};

#[derive(Deserialize)]
struct Body {
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    name: String,
    met: bool,
    #[serde(default)]
    detail: String,
}

/// Asks `http://<address>/readyz` until it answers 200, and tells `waiting` each reason why it does not.
pub async fn until_ready(address: &str, mut waiting: impl FnMut(String)) {
    const BETWEEN: Duration = Duration::from_millis(200);
    const TIMEOUT: Duration = Duration::from_secs(5);
    let http = local_http().timeout(TIMEOUT).build().unwrap_or_default();
    let url = format!("http://{address}/readyz");
    let mut ticks = interval(BETWEEN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match http.get(&url).send().await {
            Ok(answer) if answer.status().is_success() => return,
            Ok(answer) => waiting(reason(&answer.bytes().await.unwrap_or_default())),
            Err(_) => waiting("no answer yet".into()),
        }
    }
}

/// The conditions that are not met: `nats: connecting, streams`.
fn reason(body: &[u8]) -> String {
    let Ok(Body { conditions }) = serde_json::from_slice(body) else { return "not ready".into() };
    let unmet = conditions.iter().filter(|condition| !condition.met);
    let reasons: Vec<_> = unmet.map(|Condition { name, detail, .. }| format!("{name}: {detail}")).collect();
    reasons.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_are_what_is_not_met() {
        let body = br#"{"ready":false,"conditions":[{"name":"running","met":true,"detail":""},
            {"name":"nats","met":false,"detail":"connecting"}]}"#;
        assert_eq!(reason(body), "nats: connecting");
        assert_eq!(reason(b"<html>"), "not ready");
    }
}
