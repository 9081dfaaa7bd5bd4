//! `signalbox bench trigger`: that it measures, not what.

use anyhow::ensure;
use serde_json::Value;
use signalbox_testkit::{Api, Stack, eventually};

use crate::{SIGNALBOX, SOON, cli::Cli, shared};

const SHORT: [&str; 6] = ["bench", "trigger", "--count", "3", "--rounds", "2"];

/// How many workflows Temporal lists.
async fn count(stack: &Stack, query: &str) -> anyhow::Result<usize> {
    let temporal = Api::new(format!("http://127.0.0.1:{}", stack.temporal.http_port()));
    let query: String = query.replace(' ', "%20").replace('\'', "%27");
    let answer = temporal.get(&format!("/api/v1/namespaces/default/workflow-count?query={query}")).await?;
    ensure!(answer.status == 200, "{}", answer.body);
    Ok(answer.body["count"].as_str().unwrap_or("0").parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_start_as_many_and_all_of_them_end() {
    let stack = Stack::start(SIGNALBOX).await.unwrap();
    let report = Cli::to(&stack).json(&[&SHORT[..], &["--concurrency", "1,2"]].concat()).await;
    assert_eq!((&report["rounds"], &report["starts_per_turn"]), (&2.into(), &3.into()));
    let comparisons = report["comparisons"].as_array().unwrap();
    for (comparison, concurrency) in comparisons.iter().zip([1, 2]) {
        assert_eq!(comparison["concurrency"], concurrency, "{comparison}");
        let medians = ["measured", "baseline"].map(|side| comparison[side]["median_ms"].as_f64().unwrap());
        let ratio = comparison["latency_ratio"].as_f64().unwrap();
        assert!(medians[1] > 0.0 && (ratio - medians[0] / medians[1]).abs() < 1e-9, "{comparison}");
        assert!(comparison["throughput_ratio"]["median"].as_f64().unwrap() > 0.0, "{comparison}");
    }
    assert_eq!(comparisons.len(), 2);

    // Two concurrencies, three rounds with the one that does not count, three starts, of each side. Both do the same.
    eventually(SOON, async || {
        let query = "WorkflowType = 'CronWorkflow' AND ExecutionStatus = 'Completed'";
        let all = count(&stack, query).await?;
        let marked = count(&stack, &format!("{query} AND SignalboxTrigger = 'cli'")).await?;
        ensure!((all, marked) == (36, 36), "{all} in all, {marked} that say what triggered them");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stacks_can_be_compared() {
    let (stack, api) = shared().await;
    let against = api.url("/");
    // No direct client is asked for, so none is needed.
    let cli = Cli::to(&stack).with("TEMPORAL_ADDRESS", "127.0.0.1:1");
    let told = cli.run(&[&SHORT[..], &["--concurrency", "1", "--against", &against]].concat()).await;
    assert_eq!((told.code, told.stderr.as_str()), (0, ""), "{told:?}");
    assert_eq!(told.stdout.matches(against.trim_end_matches('/')).count(), 2, "{told:?}");
    assert!(told.stdout.contains("ratio") && told.stdout.contains("2 rounds of 3 starts"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_away_or_somewhere_else_is_named() {
    let (stack, _) = shared().await;
    let nobody = format!("127.0.0.1:{}", signalbox_servers::free_port().unwrap());
    let elsewhere = Stack::start(SIGNALBOX).await.unwrap();
    for (name, value, expected) in [
        ("SIGNALBOX_API", format!("http://{nobody}"), (5, nobody.as_str(), "SIGNALBOX_API")),
        ("TEMPORAL_ADDRESS", nobody.clone(), (5, &nobody, "--temporal-address")),
        ("TEMPORAL_ADDRESS", elsewhere.temporal.address(), (1, "does not know bench-", "--temporal-address")),
    ] {
        let cli = Cli::to(&stack).with(name, value);
        let told = cli.run(&[&SHORT[..], &["--json"]].concat()).await;
        let error: Value = told.error();
        let (code, detail, tip) = expected;
        assert!(told.code == code && error["detail"].to_string().contains(detail), "{told:?}");
        assert!(error["tip"].to_string().contains(tip), "{told:?}");
    }
}
