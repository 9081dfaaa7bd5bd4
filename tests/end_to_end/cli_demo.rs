//! `signalbox demo`.

use serde_json::json;
use signalbox_servers::{Launch, Process, free_port};
use signalbox_testkit::{Api, Stack, eventually, isolated};

use crate::{SIGNALBOX, SOON, cli::Cli, shared};

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_driven_to_a_result_again_and_again() {
    let (stack, api) = shared().await;
    let cli = Cli::to(&stack).with("SIGNALBOX_TEMPORAL_UI", "http://temporal.example/");
    let first = cli.json(&["demo"]).await;
    let (id, run) = (first["workflow_id"].as_str().unwrap(), first["run_id"].as_str().unwrap());
    assert_eq!(id, format!("deploy-{}", first["repository"].as_str().unwrap()));
    assert_eq!(first["result"]["messages"], json!(["the build passed", "the tests passed"]));
    let steps = first["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap());
    assert_eq!(steps.collect::<Vec<_>>(), ["push", "signal", "signal", "query", "stop", "result"]);
    let link = format!("http://temporal.example/namespaces/default/workflows/{id}/{run}");
    // Nothing is traced here, so there is no trace to look at.
    assert_eq!(first["links"], json!({"temporal": link, "trace": null}));
    let described = api.get(&format!("/workflows/{id}")).await.unwrap();
    assert_eq!((described.text("status"), described.text("run_id")), ("completed", run));

    let again = cli.run(&["demo"]).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(again.stdout.lines().filter(|line| line.starts_with("✓ ")).count(), 6, "{again:?}");
    assert!(
        !again.stdout.contains(id) && again.stdout.contains("http://temporal.example/namespaces/"),
        "{again:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_with_a_secret_is_signed() {
    let (stack, _) = shared().await;
    let (_ingress, cli) = another_ingress(&stack, ("SIGNALBOX_GITHUB_SECRETS", "hush,quiet")).await;
    let unsigned = cli.run(&["demo"]).await;
    assert_eq!(unsigned.code, 3, "{unsigned:?}");
    assert!(
        unsigned.stdout.starts_with("✗ push") && unsigned.stderr.contains("--github-secret"),
        "{unsigned:?}"
    );
    assert_eq!(cli.run(&["demo", "--github-secret", "wrong"]).await.code, 3);
    assert_eq!(cli.run(&["demo", "--github-secret", "quiet"]).await.code, 0);
    assert_eq!(cli.with("SIGNALBOX_GITHUB_SECRETS", "hush,other").run(&["demo"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_linked_where_there_is_one() {
    let (stack, _) = shared().await;
    // Whether somebody collects it is another question.
    let (_ingress, cli) =
        another_ingress(&stack, ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")).await;
    let told = cli.json(&["demo", "--jaeger-ui", "http://jaeger.example"]).await;
    let trace_id = told["trace_id"].as_str().unwrap();
    assert_eq!(trace_id.len(), 32);
    assert_eq!(told["links"]["trace"], format!("http://jaeger.example/trace/{trace_id}"));
    let people = cli.run(&["demo", "--jaeger-ui", "http://jaeger.example"]).await;
    assert!(people.stdout.contains("  at the trace  http://jaeger.example/trace/"), "{people:?}");
}

/// One with something set that the others have not, and a command line that asks it.
async fn another_ingress(stack: &Stack, (name, value): (&str, &str)) -> (Process, Cli) {
    let listen = format!("127.0.0.1:{}", free_port().unwrap());
    let mut launch = Launch::new("ingress", SIGNALBOX).args(["serve", "ingress", "--listen", &listen]);
    launch.env = vec![("NATS_URL".into(), stack.nats.url().into()), (name.into(), value.into())];
    let ingress = Process::spawn(isolated(launch)).unwrap();
    let api = Api::new(format!("http://{listen}"));
    eventually(SOON, async || api.ready().await).await;
    (ingress, Cli::to(stack).with("SIGNALBOX_API", api.url("")))
}
