use chrono::Utc;
use reqwest::Method;
use serde_json::json;
use signalbox_domain::{Data, Event, Outcome, OutcomeExt, OutcomeKind, Verdict};

use crate::stack::{Reaction, Stack};

const PUSH: &str = r#"{"action": "push", "repository": {"name": "website"}}"#;

/// Matched by one of two routes, which starts two workflows.
fn matched(event: &Event) -> Reaction {
    let effect = |key: &str, workflow: &str| Outcome {
        effect_key: key.into(),
        kind: OutcomeKind::Started.into(),
        route: "deploy-on-push".into(),
        workflow_id: workflow.into(),
        run_id: format!("run-of-{workflow}"),
        ..Outcome::of_matching(event, "v1", Utc::now())
    };
    let mut matching = Outcome::of_matching(event, "v1", Utc::now());
    matching.set_kind(OutcomeKind::Matched);
    matching.effect_keys = vec!["aa".into(), "bb".into()];
    matching.verdicts = vec![
        Verdict { route: "deploy-on-push".into(), matched: true, detail: String::new() },
        Verdict { route: "other".into(), matched: false, detail: "not its subject".into() },
    ];
    // An effect may be told before the matching.
    Reaction::Tell(vec![effect("aa", "deploy-website"), matching, effect("bb", "audit-website")])
}

#[tokio::test]
async fn the_labs_push_is_published_and_followed_to_its_end() {
    let mut stack = Stack::start("10s").await;
    stack.on_event(matched);
    let answer = stack.send(Method::POST, "/webhook/github", &[], PUSH).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let event_id = answer.body["event_id"].clone();
    let effect = |workflow: &str| json!({"workflow_id": workflow, "run_id": format!("run-of-{workflow}"), "result": "started", "route": "deploy-on-push"});
    assert_eq!(
        answer.body,
        json!({
            "status": "processed", "event_id": event_id, "matched": 1,
            "workflows": [effect("deploy-website"), effect("audit-website")]
        })
    );
    let event = stack.events.lock().unwrap().pop().unwrap();
    assert_eq!((event.nats_subject.as_str(), event.kind.as_str()), ("events.github.push", "com.github.push"));
    assert_eq!((event.id.as_str(), event.source.as_str()), (event_id.as_str().unwrap(), "github"));
    assert_eq!(event.data, Data::Json(serde_json::from_str(PUSH).unwrap()));
}

#[tokio::test]
async fn a_push_that_no_route_wants_is_processed_too() {
    let mut stack = Stack::start("10s").await;
    stack.on_event(|event| {
        let mut outcome = Outcome::of_matching(event, "v1", Utc::now());
        outcome.set_kind(OutcomeKind::Unmatched);
        Reaction::Tell(vec![outcome])
    });
    let answer = stack.send(Method::POST, "/webhook/github", &[], PUSH).await;
    assert_eq!(
        (answer.status, &answer.body["matched"], &answer.body["workflows"]),
        (200, &json!(0), &json!([]))
    );
}

#[tokio::test]
async fn a_delivery_that_comes_again_has_one_effect() {
    let mut stack = Stack::start("10s").await;
    stack.on_event(matched);
    let headers = [
        ("x-github-event", "push"),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("content-type", "application/json"),
    ];
    let body = r#"{"repository": {"name": "website", "html_url": "https://example.com/website"}}"#;
    let first = stack.send(Method::POST, "/webhook/github", &headers, body).await;
    let again = stack.send(Method::POST, "/webhook/github", &headers, body).await;
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.body, again.body);
    assert_eq!(first.body["event_id"], "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    let events = stack.events.lock().unwrap();
    assert_eq!((events.len(), events[0].source.as_str()), (1, "https://example.com/website"));
}

#[tokio::test]
async fn past_the_wait_a_webhook_is_pending() {
    let stack = Stack::start("300ms").await;
    let answer = stack.send(Method::POST, "/webhook/github", &[], PUSH).await;
    let look = format!("/events/{}?sequence=1", answer.body["event_id"].as_str().unwrap());
    assert_eq!((answer.status, answer.location), (202, Some(look)));
    assert_eq!((&answer.body["status"], answer.body.get("workflow_id")), (&json!("accepted"), None));
}

#[tokio::test]
async fn with_secrets_only_what_one_of_them_signed_is_taken() {
    const SECRETS: &str = "an older one,It's a Secret to Everybody";
    const BODY: &str = r#"{"zen":"Keep it logically awesome."}"#;
    const SIGNED: &str = "sha256=b9f180c4171a9926a5055962b54ec47b0ebee85e62e76c83ebdbb382f77b05ac";
    let mut stack = Stack::start_with(&["--wait", "10s", "--github-secrets", SECRETS]).await;
    stack.on_event(matched);
    let send = async |signature: Option<&str>, body: &'static str| {
        let mut headers = vec![("x-github-event", "ping"), ("content-type", "application/json")];
        headers.extend(signature.map(|value| ("x-hub-signature-256", value)));
        stack.send(Method::POST, "/webhook/github", &headers, body).await
    };
    assert_eq!(send(Some(SIGNED), BODY).await.status, 200);
    for (signature, body) in
        [(None, BODY), (Some(SIGNED), PUSH), (Some("sha256=00"), BODY), (Some("sha1=x"), BODY)]
    {
        let refused = send(signature, body).await;
        assert_eq!((refused.status, &refused.body["code"]), (401, &json!("bad-signature")));
    }
    assert_eq!(stack.events.lock().unwrap().len(), 1);
}
