use axum::body::to_bytes;
use serde_json::{Value, json};

use super::*;

async fn answered(problem: Problem) -> (u16, Option<String>, Value) {
    let response = problem.into_response();
    let retry_after =
        response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, retry_after, serde_json::from_slice(&body).unwrap())
}

fn cause() -> Box<dyn std::error::Error + Send + Sync> {
    "gone".into()
}

#[tokio::test]
async fn each_problem_says_whether_to_send_again() {
    let publish = |error: PublishError| Problem::from(&error);
    let request = |error: RequestError| Problem::from(&error);
    let table = [
        (Problem::malformed("no"), 422, "invalid-input", "never"),
        (Problem::missing("message"), 422, "invalid-input", "never"),
        (Problem::no_such_path(), 404, "no-such-path", "never"),
        (Problem::no_such_method(), 405, "no-such-method", "never"),
        (Problem::too_busy(), 503, "too-busy", "later"),
        (Problem::stopping(), 503, "stopping", "later"),
        (Problem::disconnected(), 503, "nats-away", "later"),
        (Problem::internal(), 500, "internal", "same-key"),
        (Problem::unreadable(), 502, "unreadable-answer", "same-key"),
        (publish(PublishError::TooLarge), 413, "too-large", "never"),
        (publish(PublishError::NotStored(cause())), 503, "not-stored", "later"),
        (publish(PublishError::Unknown(cause())), 504, "may-be-stored", "same-key"),
        (request(RequestError::NoResponders("s")), 503, "no-service", "later"),
        (request(RequestError::NotSent("s", cause())), 503, "nats-away", "later"),
        (request(RequestError::TimedOut("s")), 504, "no-answer", "same-key"),
        (request(RequestError::Unreadable("s")), 502, "unreadable-answer", "same-key"),
    ];
    for (problem, status, code, repeat) in table {
        let (got, retry_after, body) = answered(problem).await;
        assert_eq!((got, &body["code"], &body["repeat"]), (status, &json!(code), &json!(repeat)), "{body}");
        assert_eq!(retry_after.is_some(), matches!(status, 503 | 504), "{body}");
    }
}

#[tokio::test]
async fn codes_of_others_have_the_status_that_the_lab_reads() {
    for (code, status) in [
        ("workflow-running", 400),
        ("schedule-exists", 400),
        ("bad-cron", 400),
        ("bad-query", 400),
        ("invalid-argument", 400),
        ("a-code-of-tomorrow", 400),
        ("bad-event", 409),
        ("bad-command", 409),
        ("may-be-stored", 504),
        ("letter-left", 503),
        ("dead-letter-not-found", 404),
        ("permission-denied", 403),
        ("workflow-not-found", 404),
        ("schedule-not-found", 404),
        ("workflow-without-result", 404),
        ("temporal-away", 503),
        ("nats-away", 503),
        ("no-worker", 503),
    ] {
        let (got, _, body) = answered(Problem::refused(code, "why")).await;
        assert_eq!((got, &body["code"], &body["detail"]), (status, &json!(code), &json!("why")));
    }
    let (_, _, body) = answered(Problem::refused("bad-cron", "")).await;
    assert_eq!(body["detail"], "bad-cron", "a refusal is never silent");
}

#[tokio::test]
async fn a_missing_parameter_is_told_as_fastapi_does() {
    let (_, _, body) = answered(Problem::missing("message")).await;
    let detail =
        json!([{"type": "missing", "loc": ["query", "message"], "msg": "Field required", "input": null}]);
    assert_eq!(body["detail"], detail);
}

#[tokio::test]
async fn what_may_be_stored_can_be_looked_up() {
    let event: EventId = "e 1".parse().unwrap();
    let (_, _, body) = answered(Problem::from(&PublishError::Unknown(cause())).followed_at(&event)).await;
    assert_eq!((&body["event_id"], &body["look"]), (&json!("e 1"), &json!("/events/e%201")));
    let (_, _, body) = answered(Problem::disconnected().followed_at(&event)).await;
    assert_eq!((&body["event_id"], body.get("look")), (&json!("e 1"), None));
}
