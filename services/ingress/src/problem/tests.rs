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

#[test]
fn every_code_is_told_with_a_remedy() {
    let page = include_str!("../../../../docs/errors.md");
    let rows = page.lines().filter(|line| line.starts_with("| <a id="));
    let told: Vec<_> = rows
        .map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [code, status, repeat, meaning, remedy] = cells[..] else { panic!("{row}") };
            assert!(!meaning.is_empty() && !remedy.is_empty(), "{row}");
            (code.to_owned(), status.to_owned(), repeat.to_owned())
        })
        .collect();
    let known = Code::ALL.iter().map(|code| {
        let name = code.as_str();
        (
            format!("<a id=\"{name}\"></a>`{name}`"),
            code.status().as_str().to_owned(),
            code.repeat().to_string(),
        )
    });
    assert_eq!(told, known.collect::<Vec<_>>());
}

#[test]
fn every_reason_of_an_outcome_is_a_code() {
    for reason in signalbox_domain::Reason::ALL {
        assert!(Code::read(reason.code()).is_some(), "{reason}");
    }
}

#[tokio::test]
async fn refusals_are_problem_details() {
    let problem = Problem::new(Code::WorkflowNotFound, "no workflow has the id `a`");
    let mut response = problem.into_response();
    as_its_path_has_it("/workflows/{workflow_id}", &mut response);
    assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
    as_its_path_has_it("/trigger-workflow/{workflow_id}", &mut response);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    let (_, _, body) = answered(Problem::new(Code::WorkflowNotFound, "why")).await;
    assert_eq!(
        (&body["type"], &body["title"], &body["status"]),
        (&json!("/docs/errors.md#workflow-not-found"), &json!("There is no such workflow"), &json!(404))
    );
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
        ("a-thing-not-found", 404),
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
