use hmac::{Hmac, KeyInit, Mac};
use reqwest::RequestBuilder;
use serde_json::json;
use sha2::Sha256;
use uuid::Uuid;

/// A push to a repository that there was not before.
pub struct Push {
    /// The repository's name.
    pub repository: String,
    delivery: Uuid,
    body: String,
}

impl Push {
    /// Another one each time.
    pub fn fresh() -> Self {
        let delivery = Uuid::now_v7();
        let id = delivery.simple().to_string();
        // The last digits are random.
        let repository = format!("demo-{}", id.get(24..).unwrap_or_default());
        let body = json!({
            "ref": "refs/heads/main",
            "repository": { "name": repository, "full_name": format!("signalbox/{repository}") },
            "head_commit": { "message": "signalbox demo" },
            "pusher": { "name": "signalbox" },
        });
        Self { repository, delivery, body: body.to_string() }
    }

    /// As GitHub sends it, signed if there is a secret.
    pub fn sent(&self, call: RequestBuilder, secret: Option<&str>) -> RequestBuilder {
        let call = call
            .header("Content-Type", "application/json")
            .header("X-GitHub-Event", "push")
            .header("X-GitHub-Delivery", self.delivery.to_string());
        let call = match secret.and_then(|secret| signature(secret, &self.body)) {
            Some(signature) => call.header("X-Hub-Signature-256", signature),
            None => call,
        };
        call.body(self.body.clone())
    }
}

fn signature(secret: &str, body: &str) -> Option<String> {
    // A key may have any length.
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?.chain_update(body);
    Some(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_githubs() {
        // From GitHub's "Validating webhook deliveries".
        let expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(signature("It's a Secret to Everybody", "Hello, World!").as_deref(), Some(expected));
    }

    #[test]
    fn each_run_has_a_repository_of_its_own() {
        let (one, other) = (Push::fresh(), Push::fresh());
        assert_ne!(one.repository, other.repository);
        assert!(one.body.contains(&one.repository) && one.repository.len() == "demo-".len() + 8);
    }
}
