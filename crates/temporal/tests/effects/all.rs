//! One signal to all that a query finds.

use std::time::Duration;

use signalbox_domain::{Fault, Reason, WorkflowAction};

use crate::lab::{Lab, of, signal_all, start, unique};

/// Open runs that a query finds, which is given too.
async fn runs(lab: &Lab, count: usize) -> (String, Vec<String>) {
    let prefix = unique("all");
    let ids: Vec<_> = (0..count).map(|n| format!("{prefix}-{n}")).collect();
    for id in &ids {
        lab.run(id).await;
    }
    let query = format!("WorkflowId STARTS_WITH '{prefix}-'");
    lab.indexed(&query, count).await;
    (query, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_open_run_that_was_there_is_signalled_once() {
    let lab = Lab::new().await;
    let (query, ids) = runs(&lab, 4).await;
    lab.end(&ids[0]).await;
    let ours = signal_all(query.clone(), 10);
    // Who comes later is not meant.
    let late = format!("{}-late", ids[0]);
    lab.run(&late).await;
    lab.indexed(&query, 5).await;
    lab.indexed(&format!("{query} AND ExecutionStatus = 'Running'"), 4).await;
    assert_eq!(lab.first(&ours).await.unwrap().workflows, 3);
    lab.end(&ids[1]).await;
    lab.run(&ids[1]).await;
    lab.indexed(&query, 6).await;
    lab.indexed(&format!("{query} AND ExecutionStatus = 'Running'"), 4).await;
    assert_eq!(lab.again(&ours).await.unwrap().workflows, 2);
    let mut signals = Vec::new();
    for id in ids.iter().chain([&late]) {
        signals.push(lab.signals(id, "").await);
    }
    assert_eq!(signals, [0, 0, 1, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_limit_are_refused_before_any_is_signalled() {
    let lab = Lab::new().await;
    let (query, ids) = runs(&lab, 3).await;
    let refused = lab.first(&signal_all(query.clone(), 2)).await.unwrap_err();
    assert_eq!((refused.fault, refused.reason), (Fault::Permanent, Reason::TooManyWorkflows));
    assert!(refused.detail.starts_with("3 workflows are found, more than 2"), "{refused}");
    for id in &ids {
        assert_eq!(lab.signals(id, "").await, 0);
    }
    assert_eq!(lab.first(&signal_all(query, 3)).await.unwrap().workflows, 3);
}

/// More than Temporal lists at once.
#[tokio::test(flavor = "multi_thread")]
async fn many_are_signalled_page_by_page() {
    let lab = Lab::new().await;
    let kind = unique("Many");
    let start = signalbox_domain::Start { workflow_type: kind.clone(), ..start() };
    for n in 0..230 {
        lab.first(&of(&format!("{kind}-{n}"), WorkflowAction::Start(start.clone()))).await.unwrap();
    }
    let query = format!("WorkflowType = '{kind}'");
    tokio::time::timeout(Duration::from_secs(60), lab.indexed(&query, 230)).await.unwrap();
    assert_eq!(lab.first(&signal_all(query, 1000)).await.unwrap().workflows, 230);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_none_is_refused() {
    let lab = Lab::new().await;
    for query in ["nonsense", "Nothing = 'known'", "WorkflowType = 'T') OR (WorkflowType = 'U' ORDER BY X"] {
        let refused = lab.first(&signal_all(query.into(), 10)).await.unwrap_err();
        assert_eq!((refused.fault, refused.reason), (Fault::Permanent, Reason::InvalidArgument), "{query}");
    }
    let nobody = lab.first(&signal_all("WorkflowType = 'NeverHeardOf'".into(), 10)).await.unwrap();
    assert_eq!(nobody.workflows, 0);
}
