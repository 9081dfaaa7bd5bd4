use chrono::Utc;
use serde_json::Value;

use super::{Examined, Finding, clock::Reading};
use crate::api::{Api, ApiArgs, ApiError};

/// The API, and what it says of the way behind it.
pub async fn examine(args: &ApiArgs) -> Examined {
    let asking = async {
        let api = Api::new(args)?;
        let asked = Utc::now();
        Ok::<_, ApiError>((api.shown(), asked, api.ready().await?))
    };
    let (base, asked, ready) = match asking.await {
        Ok(told) => told,
        Err(error) => {
            let advice = error.tip().unwrap_or_default();
            return Examined {
                findings: vec![Finding::fault("ingress", error.to_string(), advice)],
                clock: None,
            };
        }
    };
    let clock = ready.date.map(|told| Reading::new("ingress", told, asked));
    Examined { findings: findings(&base, &ready.body), clock }
}

fn findings(base: &str, body: &Value) -> Vec<Finding> {
    let conditions = body["conditions"].as_array().into_iter().flatten();
    let mut findings: Vec<_> = conditions
        .filter(|condition| condition["met"] != Value::Bool(true))
        .map(|condition| {
            let name = condition["name"].as_str().unwrap_or("?");
            let detail = condition["detail"].as_str().unwrap_or_default();
            Finding::fault(format!("ingress: {name}"), detail, advice(name))
        })
        .collect();
    if findings.is_empty() {
        findings.push(Finding::ok("ingress", format!("{base} is ready")));
    }
    findings
}

fn advice(condition: &str) -> String {
    match condition {
        "signal-router" | "scheduler-manager" => {
            format!(
                "is it running, with the same NATS and Temporal? `signalbox serve {condition}` starts one"
            )
        }
        "nats" | "streams" => "is ingress told of the same NATS, and is NATS running?".to_owned(),
        other => format!("look into the log of ingress for `{other}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_met_is_named() {
        let ready = json!({"ready": true, "conditions": [{"name": "nats", "met": true, "detail": ""}]});
        assert_eq!(findings("http://h", &ready)[0].detail, "http://h is ready");
        let unready = json!({"ready": false, "conditions": [
            {"name": "nats", "met": true, "detail": ""},
            {"name": "signal-router", "met": false, "detail": "no service answers"},
        ]});
        let told = findings("http://h", &unready);
        assert_eq!((told.len(), told[0].check.as_str()), (1, "ingress: signal-router"));
        assert!(
            told[0].advice.as_ref().is_some_and(|advice| advice.contains("signalbox serve signal-router"))
        );
    }
}
