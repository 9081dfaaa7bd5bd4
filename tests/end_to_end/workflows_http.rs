//! Any workflow over HTTP, of any type and task queue: no SDK is needed.

use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};
use signalbox_testkit::{Answer, Api, eventually};

use crate::{SOON, expect, shared, unique};

async fn post(api: &Api, path: &str, body: Value) -> Answer {
    api.post_body(path, &[("content-type", "application/json")], body.to_string()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_started_signalled_asked_and_gives_its_result() {
    let (_stack, api) = shared().await;
    let id = unique("any");
    let new = json!({"workflow_id": id, "type": "CronWorkflow", "task_queue": "lab6-queue", "args": ["Any"],
                     "memo": {"note": "from a test"}, "execution_timeout": "10m"});
    let started = post(&api, "/workflows", new.clone()).await;
    expect(&started, 200);
    assert_eq!((started.text("workflow_id"), started.text("status")), (id.as_str(), "started"));
    let again = post(&api, "/workflows", new).await;
    expect(&again, 400);
    assert_eq!(
        (again.text("code"), again.text("type")),
        ("workflow-running", "/docs/errors.md#workflow-running")
    );
    let joined = json!({"workflow_id": id, "type": "CronWorkflow", "id_conflict_policy": "use_existing"});
    let joined = post(&api, "/workflows", joined).await;
    expect(&joined, 200);
    assert_eq!(joined.text("run_id"), started.text("run_id"));

    let signalled =
        post(&api, &format!("/workflows/{id}/signals/add_message"), json!({"args": ["hi"]})).await;
    expect(&signalled, 200);
    assert_eq!(signalled.text("status"), "signalled");
    let asked = post(&api, &format!("/workflows/{id}/queries/progress"), json!({"args": []})).await;
    expect(&asked, 200);
    assert_eq!(asked.body["messages"], json!(["hi"]));
    let described = api.get(&format!("/workflows/{id}")).await.unwrap();
    assert_eq!(
        (described.text("status"), &described.body["memo"]["note"]),
        ("running", &json!("from a test"))
    );
    expect(&api.post(&format!("/workflows/{id}/signals/stop_processing")).await.unwrap(), 200);
    let result = api.get(&format!("/workflows/{id}/result")).await.unwrap();
    expect(&result, 200);
    assert_eq!((result.text("task"), &result.body["messages"]), ("Any", &json!(["hi"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_signals_or_starts() {
    let (_stack, api) = shared().await;
    let (id, path) = (unique("either"), |id: &str| format!("/workflows/{id}/signal-with-start"));
    let call = |text: &str| json!({"start": {"type": "CronWorkflow", "args": ["Either"]}, "signal": {"name": "add_message", "args": [text]}});
    let first = post(&api, &path(&id), call("one")).await;
    expect(&first, 200);
    let second = post(&api, &path(&id), call("two")).await;
    expect(&second, 200);
    assert_eq!(first.text("run_id"), second.text("run_id"));
    expect(&api.post(&format!("/stop-workflow/{id}")).await.unwrap(), 200);
    let result = api.get(&format!("/workflow-result/{id}")).await.unwrap();
    assert_eq!(result.body["messages"], json!(["one", "two"]));
    let other = json!({"start": {"workflow_id": "another", "type": "T"}, "signal": {"name": "s"}});
    expect(&post(&api, &path(&id), other).await, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_names_the_workflow_and_makes_the_call_one() {
    let (_stack, api) = shared().await;
    let key = unique("key");
    let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
    let body = json!({"type": "CronWorkflow", "args": ["Keyed"]}).to_string();
    let first = api.post_body("/workflows", &headers, body.clone()).await.unwrap();
    expect(&first, 200);
    assert_eq!((first.text("workflow_id"), first.text("event_id")), (key.as_str(), key.as_str()));
    let second = api.post_body("/workflows", &headers, body).await.unwrap();
    expect(&second, 200);
    assert_eq!(second.text("run_id"), first.text("run_id"));
    expect(&api.post(&format!("/workflows/{key}/terminate")).await.unwrap(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn workflows_are_ended_and_listed_page_by_page() {
    let (_stack, api) = shared().await;
    let name = unique("Listed");
    // A type of its own, which no worker knows: it runs until somebody ends it.
    let ids = [unique("listed"), unique("listed"), unique("listed")];
    for id in &ids {
        let new = json!({"workflow_id": id, "type": name, "task_queue": "nobody-works-here"});
        expect(&post(&api, "/workflows", new).await, 200);
    }
    let query = format!("WorkflowType = '{name}' AND ExecutionStatus = 'Running'");
    let page = async |limit: &str, token: &str| {
        let request = api.request(Method::GET, "/workflows");
        let request = request.query(&[("query", query.as_str()), ("limit", limit), ("page_token", token)]);
        request.send().await?.json::<Value>().await.map_err(anyhow::Error::from)
    };
    let all = eventually(SOON, async || {
        let page = page("10", "").await?;
        ensure!(page["workflows"].as_array().is_some_and(|found| found.len() == 3), "{page}");
        Ok(page)
    })
    .await;
    assert_eq!(
        (&all["workflows"][0]["type"], &all["workflows"][0]["task_queue"]),
        (&json!(name), &json!("nobody-works-here"))
    );
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let page = page("2", &token).await.unwrap();
        let ids = page["workflows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|workflow| workflow["workflow_id"].as_str().unwrap().to_owned());
        found.extend(ids);
        match page["next_page_token"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    found.sort();
    let mut expected = ids.to_vec();
    expected.sort();
    assert_eq!(found, expected);

    let cancelled = post(&api, &format!("/workflows/{}/cancel", ids[0]), json!({"reason": "why not"})).await;
    expect(&cancelled, 200);
    assert_eq!(cancelled.text("status"), "cancelled");
    for id in &ids {
        let terminated =
            post(&api, &format!("/workflows/{id}/terminate"), json!({"reason": "a test is over"})).await;
        expect(&terminated, 200);
        let described = api.get(&format!("/workflows/{id}")).await.unwrap();
        assert_eq!(described.text("status"), "terminated");
        let none = api.get(&format!("/workflows/{id}/result")).await.unwrap();
        assert_eq!((none.status, none.text("code")), (404, "workflow-without-result"));
    }
    let bad = api.get("/workflows?query=this%20is%20no%20query").await.unwrap();
    assert_eq!((bad.status, bad.text("code")), (400, "bad-query"), "{}", bad.body);
    let bad = api.get("/workflows?page_token=AAAA").await.unwrap();
    assert_eq!((bad.status, bad.text("code")), (422, "invalid-input"), "{}", bad.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_a_problem() {
    let (_stack, api) = shared().await;
    let gone = unique("gone");
    for call in ["signals/s", "updates/u", "cancel", "terminate"] {
        let answer = api.post(&format!("/workflows/{gone}/{call}")).await.unwrap();
        assert_eq!(
            (answer.status, answer.text("code")),
            (404, "workflow-not-found"),
            "{call}: {}",
            answer.body
        );
        assert_eq!(answer.body["status"], 404);
    }
    let form =
        api.post_body("/workflows", &[("content-type", "text/plain")], r#"{"type":"T"}"#).await.unwrap();
    assert_eq!((form.status, form.text("code")), (415, "not-json"));
    // The lab's endpoints keep their media type.
    for (path, media_type) in
        [("/workflow-result/", "application/json"), ("/workflows/", "application/problem+json")]
    {
        let answer = api.request(Method::GET, &format!("{path}{gone}")).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (404, &media_type.parse().unwrap())
        );
    }
}

/// Updates a workflow that gathers messages, of which it has two.
pub async fn updates(api: &Api, id: &str) {
    let updated = post(api, &format!("/workflows/{id}/updates/add"), json!({"args": ["three"]})).await;
    expect(&updated, 200);
    assert_eq!((updated.text("status"), &updated.body["result"]), ("updated", &json!(3)));
    let rejected = post(api, &format!("/workflows/{id}/updates/add"), json!({"args": [""]})).await;
    assert_eq!((rejected.status, rejected.text("code")), (400, "update-rejected"), "{}", rejected.body);
}
