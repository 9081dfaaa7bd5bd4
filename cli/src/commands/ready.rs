//! One question for health checks and scripts.

use clap::Args;
use serde_json::Value;

use super::{LookArgs, Run};
use crate::api::Api;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Ask whether the whole way is open, or whether one service can do its work
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox ready
  signalbox ready --json

The API answers for the whole way; --api http://localhost:8101 asks the signal-router alone, by the address that it
listens on. Exits with 5 and says what is waited for, if it is not ready.")]
pub struct Ready {
    #[command(flatten)]
    look: LookArgs,
}

impl Run for Ready {
    fn output(&self) -> Output {
        self.look.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let told = Api::new(&self.look.api)?.ready().await?.body;
        if told["ready"] != true {
            return Err(Failure::other(Exit::Unavailable, format!("not ready: {}", unmet(&told))));
        }
        self.look.output.show(&told, || "ready".to_owned())?;
        Ok(Exit::Done)
    }
}

/// `nats: connecting, streams: not looked at yet`.
fn unmet(told: &Value) -> String {
    let conditions = told["conditions"].as_array().into_iter().flatten();
    let text = |condition: &Value, field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    let unmet = conditions
        .filter(|condition| condition["met"] != true)
        .map(|condition| format!("{}: {}", text(condition, "name"), text(condition, "detail")));
    unmet.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_waited_for_is_named() {
        let told = json!({"ready": false, "conditions": [
            {"name": "running", "met": true, "detail": ""},
            {"name": "nats", "met": false, "detail": "connecting"},
            {"name": "temporal", "met": false, "detail": "not looked at yet"}]});
        assert_eq!(unmet(&told), "nats: connecting, temporal: not looked at yet");
    }
}
