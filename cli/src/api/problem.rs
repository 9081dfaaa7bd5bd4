use std::fmt;

use serde_json::Value;

use crate::exit::Exit;

/// What the API says when it does not do what was asked.
#[derive(Clone, Debug)]
pub struct Problem {
    status: u16,
    body: Value,
}

impl Problem {
    /// From an answer's status and body; `None` if it is of another form.
    pub fn read(status: u16, body: &Value) -> Option<Self> {
        let known = body.get("detail").is_some() && body.get("code").is_some_and(Value::is_string);
        known.then(|| Self { status, body: body.clone() })
    }

    /// A stable code.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Whether to send the call again: `never`, `same-key` or `later`.
    pub fn repeat(&self) -> &str {
        self.body["repeat"].as_str().unwrap_or_default()
    }

    /// The event that the call stands for.
    pub fn event_id(&self) -> Option<&str> {
        self.body["event_id"].as_str()
    }

    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match (self.status, self.code()) {
            // The workflow is there, and has failed.
            (_, "workflow-without-result") => Exit::Failed,
            (404, code) if code != "no-such-path" => Exit::NotFound,
            (408 | 429 | 502..=504, _) => Exit::Unavailable,
            (400..=499, _) => Exit::Refused,
            _ => Exit::Failed,
        }
    }

    /// What to do about it.
    pub fn tip(&self) -> Option<String> {
        let tip = match (self.repeat(), self.event_id(), self.code()) {
            ("same-key", Some(id), _) => {
                format!("it may have been done; with --idempotency-key {id} it can be repeated safely")
            }
            (_, _, "no-such-path" | "no-such-method") => {
                "the API is of another version than this program".to_owned()
            }
            (_, _, "unauthenticated" | "bad-key" | "bad-token" | "forbidden") => {
                "--api-key or SIGNALBOX_API_KEY gives a key; `signalbox keys create` makes one".to_owned()
            }
            (_, _, "bad-signature") => "--github-secret gives the secret that ingress was given".to_owned(),
            _ if self.exit() == Exit::Unavailable => "`signalbox doctor` looks for what is wrong".to_owned(),
            _ => return None,
        };
        Some(tip)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.body["detail"] {
            Value::String(text) => f.write_str(text),
            Value::Array(faults) => {
                for (n, fault) in faults.iter().enumerate() {
                    let name = fault["loc"].as_array().and_then(|loc| loc.last()?.as_str()).unwrap_or("?");
                    let separator = if n == 0 { "" } else { "; " };
                    write!(f, "{separator}{name}: {}", fault["msg"].as_str().unwrap_or("wrong"))?;
                }
                Ok(())
            }
            other => write!(f, "{other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(status: u16, code: &str) -> Problem {
        Problem::read(status, &json!({"detail": "d", "code": code, "repeat": "never"})).unwrap()
    }

    #[test]
    fn scripts_can_tell_refusals_apart() {
        for (status, code, exit) in [
            (404, "workflow-not-found", Exit::NotFound),
            (404, "schedule-not-found", Exit::NotFound),
            (404, "workflow-without-result", Exit::Failed),
            (404, "no-such-path", Exit::Refused),
            (400, "workflow-running", Exit::Refused),
            (401, "bad-signature", Exit::Refused),
            (422, "invalid-input", Exit::Refused),
            (503, "nats-away", Exit::Unavailable),
            (504, "may-be-stored", Exit::Unavailable),
            (500, "internal", Exit::Failed),
        ] {
            assert_eq!(problem(status, code).exit(), exit, "{status} {code}");
        }
    }

    #[test]
    fn details_are_words_or_a_list() {
        let list = json!({"detail": [{"loc": ["query", "message"], "msg": "Field required"}], "code": "invalid-input"});
        assert_eq!(Problem::read(422, &list).unwrap().to_string(), "message: Field required");
        assert!(Problem::read(404, &json!({"message": "another server"})).is_none());
    }

    #[test]
    fn what_may_have_been_done_is_repeated_with_its_key() {
        let body = json!({"detail": "d", "code": "may-be-stored", "repeat": "same-key", "event_id": "e-1"});
        let tip = Problem::read(504, &body).unwrap().tip().unwrap();
        assert!(tip.contains("--idempotency-key e-1"), "{tip}");
    }
}
