//! Who may call: keys that are made, limited and revoked while the service runs, and what its logs say of them.

use reqwest::Method;
use serde_json::{Value, json};
use signalbox_testkit::{Answer, Service, Stack, eventually};

use crate::{SIGNALBOX, SOON, cli::Cli, unique};

/// A stack whose API asks everybody.
async fn guarded() -> Stack {
    let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
    stack.set("SIGNALBOX_AUTH", "on");
    stack.set("SIGNALBOX_LOG", "trace");
    stack.launch_all(&Service::ALL).await.unwrap();
    stack
}

async fn key(cli: &Cli, args: &[&str]) -> (String, String) {
    let made = cli.json(&[&["keys", "create", "a test"], args].concat()).await;
    (made["id"].as_str().unwrap().to_owned(), made["key"].as_str().unwrap().to_owned())
}

async fn call(stack: &Stack, method: Method, path: &str, key: &str) -> Answer {
    let request = stack.api.request(method, path);
    let request = if key.is_empty() { request } else { request.bearer_auth(key) };
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.json().await.unwrap_or(Value::Null);
    Answer { status, body, traceparent: String::new() }
}

/// Calls until the gate knows the key: the bucket tells the service, not this test.
async fn at_last(stack: &Stack, path: &str, key: &str, status: u16) {
    eventually(SOON, async || {
        let answer = call(stack, Method::GET, path, key).await;
        anyhow::ensure!(answer.status == status, "{path}: {} {}", answer.status, answer.body);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_open_what_they_name_until_they_are_revoked() {
    let stack = guarded().await;
    let cli = Cli::to(&stack);
    for (path, status) in
        [("/healthz", 200), ("/readyz", 200), ("/metrics", 401), ("/docs", 401), ("/events/1", 401)]
    {
        assert_eq!(call(&stack, Method::GET, path, "").await.status, status, "{path}");
    }
    let told = cli.run(&["trigger", "nobody", "--json"]).await;
    assert_eq!((told.code, &told.error()["code"]), (3, &json!("unauthenticated")), "{told:?}");

    let lab = ["--action", "start", "--action", "signal", "--action", "read", "--workflow-type", "Cron*"];
    let (lab_id, lab) = key(&cli, &lab).await;
    let (_, other) = key(&cli, &["--action", "signal", "--action", "read", "--workflow-type", "Order"]).await;
    at_last(&stack, "/docs", &lab, 200).await;
    at_last(&stack, "/docs", &other, 200).await;

    let id = unique("guarded");
    let mine = cli.with("SIGNALBOX_API_KEY", &lab);
    assert_eq!(mine.json(&["trigger", &id]).await["status"], "started");
    let signal = format!("/signal-workflow/{id}?message=hi");
    let refused = call(&stack, Method::POST, &signal, &other).await;
    assert_eq!((refused.status, refused.text("code")), (403, "forbidden"), "{}", refused.body);
    let gone = call(&stack, Method::POST, "/signal-workflow/nobody-is-called-so?message=hi", &other).await;
    assert_eq!((gone.status, gone.text("code")), (404, "workflow-not-found"), "{}", gone.body);
    assert_eq!(call(&stack, Method::POST, &signal, &lab).await.status, 200);
    let refused = call(&stack, Method::DELETE, "/schedule-workflow/any", &lab).await;
    assert_eq!((refused.status, refused.text("code")), (403, "forbidden"), "{}", refused.body);
    assert_eq!(call(&stack, Method::POST, &format!("/stop-workflow/{id}"), &lab).await.status, 200);

    let listed = mine.json(&["keys", "list"]).await;
    assert_eq!(listed["keys"].as_array().unwrap().len(), 2, "{listed}");
    assert_eq!(mine.json(&["keys", "show", &lab_id]).await["workflow_types"], json!(["Cron*"]));
    assert_eq!(mine.run(&["keys", "show", "nobody"]).await.code, 2);
    assert_eq!(mine.json(&["keys", "revoke", &lab_id]).await["status"], "revoked");
    at_last(&stack, "/docs", &lab, 401).await;
    assert_eq!(mine.run(&["keys", "revoke", &lab_id]).await.code, 2);
    assert_eq!(call(&stack, Method::GET, "/docs", &other).await.status, 200);

    for secret in [&lab, &other] {
        let secret = secret.rsplit_once('_').unwrap().1;
        assert!(!listed.to_string().contains(secret));
        for service in Service::ALL {
            let lines = stack.log(service);
            assert!(!lines.is_empty(), "{service:?}");
            assert!(!lines.iter().any(|line| line.contains(secret)), "{service:?}");
        }
    }
}
