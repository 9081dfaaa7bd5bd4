//! Everything that needs no server: NATS is away for these.

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Request, StatusCode},
    routing::get,
};
use clap::Parser;
use serde_json::{Value, json};
use signalbox_bus::Bus;
use signalbox_service::Process;
use tower::ServiceExt;

mod guarded;
mod limited;

use super::*;
use crate::{Options, body, limits};

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    options: Options,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

async fn service() -> Router {
    router(app(&[]).await)
}

async fn app(more: &[&str]) -> Arc<App> {
    // Nothing listens on port 1.
    let arguments = ["x", "--nats-url", "nats://127.0.0.1:1", "--wait", "300ms"];
    let unsigned = if more.contains(&"--github-secrets") { &[][..] } else { &["--github-secrets", ""] };
    let options = Flags::parse_from(arguments.iter().chain(unsigned).chain(more)).options;
    let process = Process::new("ingress");
    let bus = Bus::open(&process, "ingress", &options.nats).await.unwrap();
    let (waiters, _hand_over) = bus.waiters().await.unwrap();
    Arc::new(App::new(&process, &options, crate::DEFAULT_LISTEN, bus, waiters).unwrap())
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: to_bytes(response.into_body(), usize::MAX).await.unwrap() }
}

fn request(call: &str, headers: &[(&str, &[u8])], body: impl Into<Body>) -> Request<Body> {
    let (method, uri) = call.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(uri);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(body.into()).unwrap()
}

async fn call(call: &str) -> Answer {
    send(&service().await, request(call, &[], "")).await
}

#[tokio::test]
async fn every_endpoint_is_documented() {
    let api = call("GET /openapi.json").await.json();
    let paths = api["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    let (mut names, mut ids) = (Vec::new(), std::collections::BTreeSet::new());
    for (name, operation) in operations {
        // OpenAPI 3.1, 4.8.10: generated clients call operations by it.
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{name}");
        assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(["200", "201"].iter().any(|done| responses.contains_key(*done)), "{name}");
        for (status, response) in responses {
            assert!(!response["description"].as_str().unwrap().is_empty(), "{name}: {status}");
            let content = response["content"].as_object();
            if ["204", "431"].contains(&status.as_str()) {
                assert!(content.is_none(), "{name}");
                continue;
            }
            assert!(
                content.is_some_and(|types| types.values().all(|t| t["schema"].is_object())),
                "{name}: {status}"
            );
        }
        names.push(name);
    }
    names.sort();
    insta::assert_snapshot!(names.join("\n"));
}

#[tokio::test]
async fn the_documentation_needs_nobody_else() {
    let service = service().await;
    let page = send(&service, request("GET /docs", &[], "")).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<base href=\"/docs/\" />"), "{}", page.text());
    assert!(!page.text().contains("//cdn") && !page.text().contains("https://"), "{}", page.text());
    for file in ["", "swagger-ui.css", "swagger-ui-bundle.js"] {
        let answer = send(&service, request(&format!("GET /docs/{file}"), &[], "")).await;
        assert_eq!(answer.status, 200, "{file}");
    }
    let settings = send(&service, request("GET /docs/swagger-initializer.js", &[], "")).await;
    assert!(settings.text().contains("/openapi.json"));
    assert_eq!(send(&service, request("GET /docs/nothing", &[], "")).await.status, 404);
}

#[tokio::test]
async fn the_page_tells_what_to_type() {
    let service = service().await;
    let page = send(&service, request("GET /", &[("accept", b"text/html,*/*")], "")).await;
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    for needed in [
        "/trigger-workflow/hello?name=",
        "/schedule-workflow/tick?cron=",
        "-X DELETE \"http://localhost:8000/schedule-workflow/tick\"",
        "/signal-workflow/hello?message=",
        "/stop-workflow/hello",
        "/workflow-result/hello",
        "/webhook/github",
        "nats pub events.lab.trigger.hello",
        "href=\"/docs\"",
        "href=\"http://localhost:8233\"",
    ] {
        assert!(page.text().contains(needed), "{needed}");
    }
    assert!(!page.text().contains("{{"), "a placeholder was left");
    let json = send(&service, request("GET /", &[("accept", b"application/json")], "")).await.json();
    assert_eq!((&json["docs"], &json["temporal_ui"]), (&json!("/docs"), &json!("http://localhost:8233")));
}

#[tokio::test]
async fn malformed_input_is_refused_with_the_rule() {
    let service = service().await;
    let long = format!("POST /trigger-workflow/{}", "x".repeat(300));
    let long_note = format!("POST /schedule-workflow/a/pause?note={}", "x".repeat(1001));
    for (call, rule) in [
        (long.as_str(), "workflow id has 300 bytes; at most 255 are allowed"),
        ("POST /trigger-workflow/%20a", "workflow id starts or ends with white space"),
        ("POST /trigger-workflow/a%0Ab", "workflow id has the character '\\n'"),
        ("POST /trigger-workflow/%ff", "UTF-8"),
        ("POST /trigger-workflow/a?name=", "name is empty"),
        ("POST /trigger-workflow/a?name=%ff", "the query is not UTF-8"),
        ("POST /trigger-workflow/a?name=b&name=c", "duplicate field"),
        ("POST /stop-workflow/%00", "workflow id has the character '\\0'"),
        ("POST /schedule-workflow/%20", "schedule id starts or ends"),
        ("POST /schedule-workflow/a?name=", "name is empty"),
        ("DELETE /schedule-workflow/%0A", "schedule id has the character"),
        ("PUT /schedule-workflow/a", "nothing to change"),
        ("PUT /schedule-workflow/a?name=", "name is empty"),
        ("PUT /schedule-workflow/%0A?name=x", "schedule id has the character"),
        ("POST /schedule-workflow/%0A/trigger", "schedule id has the character"),
        (long_note.as_str(), "note has 1001 bytes; at most 1000 are allowed"),
        ("POST /schedule-workflow/a/backfill?from=soon&to=2026-01-01T00:00:00Z", "from: "),
        ("POST /schedule-workflow/a/backfill?from=2026-01-01T00:00:00Z&to=2026-01-01T02:00:00+01:00", "to: "),
        ("POST /schedule-workflow/a/backfill?from=2026-01-01T00:00:00Z&to=2026-01-01T02:00:00+01:00", "%2B"),
        ("GET /workflow-result/a?wait=soon", "wait: "),
        ("GET /workflows/a/queries/%07", "control characters"),
        ("POST /workflows", "missing field `type`"),
        ("POST /workflows/a/signals/%07", "control characters"),
        ("POST /workflows/%00/cancel", "workflow id has the character"),
        ("GET /workflows?limit=0", "limit is 0; it is 1 to 100"),
        ("GET /workflows?page_token=%21", "page_token is that of an answer to the same query"),
        ("GET /dead-letters?limit=0", "limit is 0; it is 1 to 1000"),
        ("GET /dead-letters?reason=none", "\"none\" is no reason; there are workflow-running"),
        ("GET /dead-letters?since=soon", "since: "),
        ("GET /dead-letters?event_id=%07", "event id has the character"),
        ("GET /dead-letters/first", "Cannot parse `first` to a `u64`"),
        ("POST /dead-letters/redrive?until=then", "until: "),
        ("DELETE /dead-letters", "all=true says that this is meant"),
        ("DELETE /dead-letters?all=false", "all=true says that this is meant"),
        ("GET /events/%07", "event id has the character"),
    ] {
        let answer = send(&service, request(call, &[], "")).await;
        let body = answer.json();
        assert_eq!(
            (answer.status, &body["code"], &body["repeat"]),
            (422, &json!("invalid-input"), &json!("never"))
        );
        assert!(body["detail"].as_str().unwrap().contains(rule), "{call}: {body}");
    }
}

#[tokio::test]
async fn a_signal_without_message_is_refused_as_fastapi_does() {
    let answer = call("POST /signal-workflow/a").await;
    let detail =
        json!([{"type": "missing", "loc": ["query", "message"], "msg": "Field required", "input": null}]);
    assert_eq!((answer.status, &answer.json()["detail"]), (422, &detail));
}

#[tokio::test]
async fn a_backfill_without_its_times_is_refused_as_fastapi_does() {
    for (call, missing) in
        [("", "from"), ("?to=2026-01-01T00:00:00Z", "from"), ("?from=2026-01-01T00:00:00Z", "to")]
    {
        let answer = self::call(&format!("POST /schedule-workflow/a/backfill{call}")).await;
        assert_eq!((answer.status, &answer.json()["detail"][0]["loc"]), (422, &json!(["query", missing])));
    }
}

#[tokio::test]
async fn what_is_not_there_is_json_too() {
    let service = service().await;
    for (call, status, detail) in [
        ("GET /nothing", 404, "Not Found"),
        ("POST /trigger-workflow/", 404, "Not Found"),
        ("GET /trigger-workflow/a", 405, "Method Not Allowed"),
        ("PATCH /schedule-workflow/a", 405, "Method Not Allowed"),
        ("POST /docs", 405, "Method Not Allowed"),
        ("BREW /", 405, "Method Not Allowed"),
    ] {
        let answer = send(&service, request(call, &[], "")).await;
        assert_eq!((answer.status, &answer.json()["detail"]), (status, &json!(detail)), "{call}");
    }
}

#[tokio::test]
async fn while_nats_is_away_nothing_is_accepted() {
    let service = service().await;
    for call in [
        "POST /trigger-workflow/a",
        "POST /signal-workflow/a?message=hi",
        "POST /stop-workflow/a",
        "POST /schedule-workflow/a",
        "DELETE /schedule-workflow/a",
        "PUT /schedule-workflow/a?name=b",
        "POST /schedule-workflow/a/pause",
        "POST /schedule-workflow/a/resume",
        "POST /schedule-workflow/a/trigger",
        "POST /schedule-workflow/a/backfill?from=2026-01-01T00:00:00Z&to=2026-01-01T02:00:00%2B01:00",
        "GET /schedule-workflow",
        "GET /workflow-result/a",
        "GET /workflows/a",
        "GET /workflows/a/queries/state",
        "GET /workflows/a/result",
        "GET /workflows",
        "POST /workflows/a/signals/s",
        "POST /workflows/a/updates/u",
        "POST /workflows/a/cancel",
        "POST /workflows/a/terminate",
        "POST /events/a.b",
        "GET /dead-letters",
        "GET /dead-letters/1",
        "DELETE /dead-letters?all=true",
    ] {
        let answer = send(&service, request(call, &[("idempotency-key", b"k-1")], "")).await;
        let body = answer.json();
        assert_eq!(
            (answer.status, &body["code"], &body["repeat"]),
            (503, &json!("nats-away"), &json!("later")),
            "{call}"
        );
        assert!(answer.headers.contains_key("retry-after"), "{call}");
        if !call.starts_with("GET") && !call.contains("dead-letters") {
            assert_eq!(body["event_id"], "k-1", "{call}");
        }
    }
    let push = br#"{"action": "push", "repository": {"name": "website"}}"#.as_slice();
    let answer = send(&service, request("POST /webhook/github", &[], push)).await;
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("nats-away")));
}

#[tokio::test]
async fn refusals_have_the_media_type_of_their_path() {
    let service = service().await;
    let api = send(&service, request("GET /openapi.json", &[], "")).await.json();
    for (call, path, media_type) in [
        ("POST /stop-workflow/%00", "/stop-workflow/{workflow_id}", "application/json"),
        ("POST /workflows/%00/cancel", "/workflows/{workflow_id}/cancel", "application/problem+json"),
    ] {
        let answer = send(&service, request(call, &[], "")).await;
        assert_eq!((answer.status, &answer.headers["content-type"]), (422, &media_type.parse().unwrap()));
        let content = &api["paths"][path]["post"]["responses"]["422"]["content"];
        assert!(content[media_type].is_object(), "{content}");
    }
    let page = send(&service, request("GET /docs/errors.md", &[], "")).await;
    assert!(page.text().contains("<a id=\"invalid-input\"></a>"));
}

#[tokio::test]
async fn bodies_that_are_no_events_are_refused_with_the_rule() {
    let service = service().await;
    for (headers, body, rule) in [
        (&[("content-type", b"application/json".as_slice())][..], "{}", "no CloudEvent"),
        (&[("content-type", b"application/cloudevents+json")], "{}", "`specversion`"),
        (&[("content-type", b"application/cloudevents-batch+json")], "{}", "JSON array"),
        (&[("content-type", b"application/cloudevents-batch+json")], "[{}]", "event 0 of the batch"),
        (&[("ce-specversion", b"1.0"), ("ce-id", b"\xff")], "{}", "percent-encoded"),
    ] {
        let answer = send(&service, request("POST /events", headers, body)).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["code"]), (422, &json!("invalid-input")), "{body}");
        assert!(body["detail"].as_str().unwrap().contains(rule), "{body}");
    }
}

#[tokio::test]
async fn keys_that_cannot_be_event_ids_are_refused() {
    let service = service().await;
    for bad in [b"".as_slice(), b"\xff", b"caf\xc3\xa9", &[b'k'; 600]] {
        let answer = send(&service, request("POST /stop-workflow/a", &[("idempotency-key", bad)], "")).await;
        assert_eq!(
            (answer.status, answer.json()["detail"].as_str().unwrap().contains("Idempotency-Key")),
            (422, true)
        );
    }
}

#[tokio::test]
async fn callers_get_their_trace_back() {
    let service = service().await;
    let parent = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".as_slice();
    let answer = send(&service, request("POST /stop-workflow/a", &[("traceparent", parent)], "")).await;
    assert_eq!(answer.headers["traceparent"].as_bytes(), parent);
    for bad in [b"00-0-0-0".as_slice(), b"\xff"] {
        let answer = send(&service, request("GET /healthz", &[("traceparent", bad)], "")).await;
        assert_eq!((answer.status, answer.headers.get("traceparent")), (200, None));
    }
}

#[tokio::test]
async fn bodies_have_a_limit() {
    let service = service().await;
    let large = vec![b' '; body::BODY_LIMIT + 1];
    let answer = send(&service, request("POST /webhook/github", &[], large)).await;
    assert_eq!((answer.status, &answer.json()["code"]), (413, &json!("too-large")));
    for bad in ["", "{", "\u{7}", &"[".repeat(10_000)] {
        let answer = send(&service, request("POST /webhook/github", &[], bad.to_owned())).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_that_never_end_are_cut_off() {
    let endless = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let answer = send(&service().await, request("POST /webhook/github", &[], endless)).await;
    assert_eq!((answer.status, &answer.json()["code"]), (408, &json!("too-slow")));
}

#[tokio::test]
async fn probes_tell_the_state() {
    let service = service().await;
    assert_eq!(send(&service, request("GET /healthz", &[], "")).await.status, 200);
    let ready = send(&service, request("GET /readyz", &[], "")).await;
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &json!(false)));
    let conditions = ready.json()["conditions"].clone();
    let nats = conditions.as_array().unwrap().iter().find(|condition| condition["name"] == "nats").unwrap();
    assert_eq!((&nats["met"], nats["detail"].as_str().unwrap().is_empty()), (&json!(false), false));
    let metrics = send(&service, request("GET /metrics", &[], "")).await;
    let sample =
        r#"signalbox_http_requests_total{service="ingress",route="/readyz",method="GET",status="503"} 1"#;
    assert!(metrics.text().contains(sample), "{}", metrics.text());
}

/// A service with room for so many requests.
async fn guarded(room: usize) -> Router {
    let app = app(&[]).await;
    app.limits.requests.forget_permits(limits::REQUESTS_AT_MOST - room);
    Router::new()
        .route("/fine", get(async || StatusCode::OK))
        .route("/panics", get(async || -> StatusCode { panic!("on purpose") }))
        .layer(middleware::from_fn_with_state(app, guard::guard))
}

#[tokio::test]
async fn a_panic_is_one_callers_problem() {
    let router = guarded(1).await;
    let answer = send(&router, request("GET /panics", &[], "")).await;
    assert_eq!((answer.status, &answer.json()["code"]), (500, &json!("internal")));
    assert!(!answer.text().contains("on purpose"));
    // The only permit came back.
    assert_eq!(send(&router, request("GET /fine", &[], "")).await.status, 200);
}

#[tokio::test]
async fn too_many_at_once_are_told_to_come_again() {
    let answer = send(&guarded(0).await, request("GET /fine", &[], "")).await;
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("too-busy")));
    assert!(answer.headers.contains_key("retry-after"));
}
