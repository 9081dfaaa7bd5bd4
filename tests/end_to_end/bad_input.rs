//! Whatever comes in: a clear 4xx or a recorded verdict, never a 5xx, a crash or a stuck consumer.

use reqwest::Method;
use serde_json::json;

use crate::{expect, shared, unique};

#[tokio::test(flavor = "multi_thread")]
async fn odd_ids_are_refused_or_work() {
    let (_stack, api) = shared().await;
    let long = "x".repeat(5000);
    let odd =
        ["a b", "a/b", "a*", ">", "a\nb", "\u{0}", " a", "%", "ü", "..", ".", "?", "#", "'", "\"", &long];
    for id in odd {
        let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for (method, path) in [
            (Method::POST, format!("/trigger-workflow/{encoded}")),
            (Method::POST, format!("/signal-workflow/{encoded}?message=x")),
            (Method::POST, format!("/stop-workflow/{encoded}")),
            (Method::GET, format!("/workflow-result/{encoded}?wait=1s")),
            (Method::POST, format!("/schedule-workflow/{encoded}?cron=0%200%201%201%20*")),
            (Method::DELETE, format!("/schedule-workflow/{encoded}")),
            (Method::GET, format!("/events/{encoded}")),
        ] {
            let response = api.request(method.clone(), &path).send().await.unwrap();
            let status = response.status().as_u16();
            let body: serde_json::Value = response.json().await.unwrap_or_default();
            assert!((200..500).contains(&status), "{method} {id:?}: {status} {body}");
            assert!(status < 400 || !body["detail"].is_null(), "{method} {id:?}: {status} {body}");
        }
    }
    for id in ["a%20b", "%FF", "a%0Ab", &long] {
        let answer = api.post(&format!("/trigger-workflow/{id}")).await.unwrap();
        assert!(answer.status == 422 || id == "a%20b", "{}: {}", answer.status, answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_names_wrong_methods_and_unknown_paths_are_explained() {
    let (_stack, api) = shared().await;
    for (method, path, status) in [
        (Method::POST, "/trigger-workflow/", 404),
        (Method::GET, "/trigger-workflow/a", 405),
        (Method::POST, "/trigger-workflow/a/b", 404),
        (Method::POST, "/trigger-workflow/a?name=", 422),
        (Method::POST, "/trigger-workflow/a?name=%FF", 422),
        (Method::DELETE, "/signal-workflow/a", 405),
        (Method::GET, "/nothing", 404),
    ] {
        let response = api.request(method.clone(), path).send().await.unwrap();
        let got = response.status().as_u16();
        let body: serde_json::Value = response.json().await.unwrap_or_default();
        assert!((400..500).contains(&got), "{method} {path}: {got}");
        assert_eq!(got, status, "{method} {path}: {body}");
        assert!(!body["detail"].is_null(), "{method} {path}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_bodies_are_refused() {
    let (_stack, api) = shared().await;
    let json = [("content-type", "application/json"), ("x-github-event", "push")];
    let big = vec![b'x'; 10 * 1024 * 1024];
    let answer = api.post_body("/webhook/github", &json, big).await;
    // The server may close while the client still sends; then there is no answer to read.
    assert!(answer.is_err() || answer.unwrap().status == 413);
    let deep = "[".repeat(100_000);
    let bodies: [&[u8]; 6] =
        [b"", b"{", &[0xff, 0xfe], b"[]", b"{\"repository\":{\"name\":7}}", deep.as_bytes()];
    for body in bodies {
        let answer = api.post_body("/webhook/github", &json, body.to_vec()).await.unwrap();
        assert!(
            (400..500).contains(&answer.status),
            "{:?}: {} {}",
            body.get(..20),
            answer.status,
            answer.body
        );
        assert!(!answer.body["detail"].is_null());
    }
    for event in ["push.*", ">", "Ünïcode", "a b"] {
        let request = api.request(Method::POST, "/webhook/github").header("x-github-event", event.as_bytes());
        let response = request.json(&json!({"repository": {"name": "x"}})).send().await.unwrap();
        assert!((400..500).contains(&response.status().as_u16()), "{event}: {}", response.status());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_and_messages_arrive_whole() {
    let (_stack, api) = shared().await;
    let id = unique("odd");
    let name = "naïve \"name\" with \\ and \n and 🚂 and ${ event.data }";
    let request = api.request(Method::POST, &format!("/trigger-workflow/{id}"));
    assert_eq!(request.query(&[("name", name)]).send().await.unwrap().status(), 200);
    let request = api.request(Method::POST, &format!("/signal-workflow/{id}"));
    assert_eq!(request.query(&[("message", name)]).send().await.unwrap().status(), 200);
    expect(&api.post(&format!("/stop-workflow/{id}")).await.unwrap(), 200);
    let result = api.get(&format!("/workflow-result/{id}")).await.unwrap();
    assert_eq!((result.text("task"), &result.body["messages"]), (name, &json!([name])));
}
