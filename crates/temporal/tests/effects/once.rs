//! What is repeated has one effect, also when the run that had it is no longer the current one.

use std::time::Duration;

use anyhow::ensure;
use signalbox_domain::{
    ConflictPolicy, Fault, Reason, RetryPolicy, Start, StartOptions, Update, UpdateWait, WorkflowAction,
};
use signalbox_testkit::eventually;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;

use crate::lab::{Lab, SOON, of, signal, start, unique};

#[tokio::test(flavor = "multi_thread")]
async fn a_start_whose_run_was_followed_by_another() {
    let (lab, id) = (Lab::new().await, unique("start"));
    let ours = of(&id, WorkflowAction::Start(start()));
    let first = lab.first(&ours).await.unwrap();
    assert!(!first.deduplicated);
    lab.end(&id).await;
    let other = lab.run(&id).await;
    // Temporal would say that another run is open …
    let again = lab.again(&ours).await.unwrap();
    assert_eq!((&again.run_id, again.deduplicated), (&first.run_id, true));
    lab.end(&id).await;
    // … or start a third.
    let again = lab.again(&ours).await.unwrap();
    assert_eq!((&again.run_id, again.deduplicated), (&first.run_id, true));
    assert_eq!(lab.current(&id).await, other);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_whose_run_went_on_as_another() {
    let (lab, id) = (Lab::new().await, unique("chain"));
    let options = StartOptions {
        run_timeout: Some(Duration::from_secs(1)),
        retry_policy: Some(RetryPolicy { backoff_coefficient: 1.0, ..Default::default() }),
        ..Default::default()
    };
    let ours = of(&id, WorkflowAction::Start(Start { options, ..start() }));
    let first = lab.first(&ours).await.unwrap();
    eventually(SOON, async || {
        let current = lab.current(&id).await;
        ensure!(current != first.run_id, "{current}");
        Ok(())
    })
    .await;
    let again = lab.again(&ours).await.unwrap();
    assert_eq!((again.run_id, again.deduplicated), (first.run_id, true));
    lab.end(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_never_carried_out() {
    let (lab, id) = (Lab::new().await, unique("start"));
    let ours = of(&id, WorkflowAction::Start(start()));
    let first = lab.again(&ours).await.unwrap();
    assert!(!first.deduplicated, "no run had that id");
    let late = of(&id, WorkflowAction::Start(start()));
    let refused = lab.again(&late).await.unwrap_err();
    assert_eq!((refused.fault, refused.reason), (Fault::Permanent, Reason::WorkflowRunning));
    let policy = ConflictPolicy::UseExisting;
    let using = of(&id, WorkflowAction::Start(Start { conflict_policy: policy, ..start() }));
    let used = lab.again(&using).await.unwrap();
    assert_eq!((&used.run_id, used.deduplicated), (&first.run_id, true));
    let policy = ConflictPolicy::TerminateExisting;
    let replacing = of(&id, WorkflowAction::Start(Start { conflict_policy: policy, ..start() }));
    let second = lab.again(&replacing).await.unwrap();
    assert_ne!(second.run_id, first.run_id);
    let again = lab.again(&replacing).await.unwrap();
    assert_eq!((again.run_id, again.deduplicated), (second.run_id, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_whose_run_was_followed_by_another() {
    let lab = Lab::new().await;
    // No text finds the second and third in Temporal's index.
    for id in ["signal", "it's a \"signal\"", r"\signal"].map(unique) {
        let first = lab.run(&id).await;
        let ours = of(&id, WorkflowAction::Signal(signal("s")));
        lab.first(&ours).await.unwrap();
        lab.end(&id).await;
        let again = lab.again(&ours).await.unwrap();
        assert_eq!((&again.run_id, again.deduplicated), (&first, true), "{id}: it has closed");
        let second = lab.run(&id).await;
        let again = lab.again(&ours).await.unwrap();
        assert_eq!((&again.run_id, again.deduplicated), (&first, true), "{id}");
        assert_eq!((lab.signals(&id, &first).await, lab.signals(&id, &second).await), (1, 0), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_was_never_carried_out_reaches_the_open_run() {
    let (lab, id) = (Lab::new().await, unique("signal"));
    let ours = of(&id, WorkflowAction::Signal(signal("s")));
    let missing = lab.again(&ours).await.unwrap_err();
    assert_eq!((missing.fault, missing.reason), (Fault::Permanent, Reason::WorkflowNotFound));
    lab.run(&id).await;
    lab.end(&id).await;
    let closed = lab.again(&ours).await.unwrap_err();
    assert_eq!((closed.fault, closed.reason), (Fault::Permanent, Reason::WorkflowNotFound));
    let open = lab.run(&id).await;
    for _ in 0..3 {
        assert_eq!(lab.again(&ours).await.unwrap().run_id, open);
    }
    assert_eq!(lab.signals(&id, &open).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_with_start_whose_run_was_followed_by_another() {
    let (lab, id) = (Lab::new().await, unique("both"));
    let earlier = lab.run(&id).await;
    let joined = of(&id, WorkflowAction::SignalWithStart(start(), signal("joined")));
    assert_eq!(lab.first(&joined).await.unwrap().run_id, earlier);
    lab.end(&id).await;
    let started = of(&id, WorkflowAction::SignalWithStart(start(), signal("started")));
    let first = lab.first(&started).await.unwrap().run_id;
    lab.end(&id).await;
    let second = lab.run(&id).await;
    for (ours, run) in [(&joined, &earlier), (&started, &first)] {
        let again = lab.again(ours).await.unwrap();
        assert_eq!((&again.run_id, again.deduplicated), (run, true));
    }
    lab.end(&id).await;
    for (ours, run) in [(&joined, &earlier), (&started, &first)] {
        let again = lab.again(ours).await.unwrap();
        assert_eq!((&again.run_id, again.deduplicated), (run, true));
    }
    assert_eq!((lab.current(&id).await, lab.signals(&id, &second).await), (second, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_with_start_that_was_never_carried_out() {
    let (lab, id) = (Lab::new().await, unique("both"));
    let ours = of(&id, WorkflowAction::SignalWithStart(start(), signal("s")));
    let run = lab.again(&ours).await.unwrap().run_id;
    let late = of(&id, WorkflowAction::SignalWithStart(start(), signal("s")));
    for _ in 0..2 {
        assert_eq!(lab.again(&late).await.unwrap().run_id, run, "the open run is signalled");
    }
    assert_eq!(lab.signals(&id, &run).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_whose_run_was_followed_by_another() {
    let (lab, id) = (Lab::new().await, unique("cancel"));
    let first = lab.run(&id).await;
    let ours = of(&id, WorkflowAction::Cancel { reason: "enough".into() });
    lab.first(&ours).await.unwrap();
    assert_eq!(lab.again(&ours).await.unwrap().run_id, first, "it is open and knows of it");
    lab.end(&id).await;
    let second = lab.run(&id).await;
    let again = lab.again(&ours).await.unwrap();
    assert_eq!((&again.run_id, again.deduplicated), (&first, true));
    let asked = |found: &Attributes| matches!(found, Attributes::WorkflowExecutionCancelRequestedEventAttributes(asked) if asked.cause == "enough");
    assert_eq!((lab.events(&id, &first, asked).await, lab.events(&id, &second, asked).await), (1, 0));
    let late = of(&id, WorkflowAction::Cancel { reason: "enough".into() });
    assert_eq!(lab.again(&late).await.unwrap().run_id, second, "another cancellation is for the open run");
    assert_eq!(lab.events(&id, &second, asked).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_termination_whose_run_was_followed_by_another() {
    let (lab, id) = (Lab::new().await, unique("terminate"));
    let first = lab.run(&id).await;
    let ours = of(&id, WorkflowAction::Terminate { reason: "now".into() });
    lab.first(&ours).await.unwrap();
    let again = lab.again(&ours).await.unwrap();
    assert_eq!((&again.run_id, again.deduplicated), (&first, true), "no run is open");
    let second = lab.run(&id).await;
    let again = lab.again(&ours).await.unwrap();
    assert_eq!((&again.run_id, again.deduplicated), (&first, true));
    let ended = |found: &Attributes| matches!(found, Attributes::WorkflowExecutionTerminatedEventAttributes(ended) if ended.reason == "now");
    assert_eq!((lab.events(&id, &first, ended).await, lab.events(&id, &second, ended).await), (1, 0));
    let late = of(&id, WorkflowAction::Terminate { reason: "now".into() });
    assert_eq!(lab.again(&late).await.unwrap().run_id, second, "another termination is for the open run");
    assert_eq!(lab.events(&id, &second, ended).await, 1);
}

/// Nobody answers the update, but the run is started: it is not started again for the same update.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_with_start_of_which_only_the_start_took_place() {
    let (lab, id) = (Lab::new().await, unique("update"));
    let update = Update { name: "u".into(), args: vec![], wait: UpdateWait::Accepted };
    let ours = of(&id, WorkflowAction::UpdateWithStart(start(), update));
    let unanswered = lab.first(&ours).await.unwrap_err();
    assert_eq!(unanswered.fault, Fault::Transient, "{unanswered}");
    let run = lab.current(&id).await;
    lab.end(&id).await;
    let failed = lab.again(&ours).await.unwrap_err();
    assert_eq!((failed.fault, failed.reason), (Fault::Permanent, Reason::WorkflowNotFound), "{failed}");
    assert_eq!(lab.current(&id).await, run);
}

/// Earlier runs need not be asked, and may be many.
#[tokio::test(flavor = "multi_thread")]
async fn runs_that_closed_before_the_command_was_accepted_do_not_count() {
    let (lab, id) = (Lab::new().await, unique("past"));
    let first = lab.run(&id).await;
    let mut ours = of(&id, WorkflowAction::Signal(signal("s")));
    lab.first(&ours).await.unwrap();
    lab.end(&id).await;
    let second = lab.run(&id).await;
    ours.accepted_at += Duration::from_secs(3600);
    assert_eq!(lab.again(&ours).await.unwrap().run_id, second);
    assert_eq!((lab.signals(&id, &first).await, lab.signals(&id, &second).await), (1, 1));
}

/// What was used is not open any more. Temporal would start another run.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_used_an_open_run() {
    let (lab, id) = (Lab::new().await, unique("using"));
    let first = lab.run(&id).await;
    let policy = ConflictPolicy::UseExisting;
    let ours = of(&id, WorkflowAction::Start(Start { conflict_policy: policy, ..start() }));
    for answer in [lab.first(&ours).await, lab.first(&ours).await, lab.again(&ours).await] {
        let used = answer.unwrap();
        assert_eq!((&used.run_id, used.deduplicated), (&first, true));
    }
    lab.end(&id).await;
    let again = lab.again(&ours).await.unwrap();
    assert_eq!((&again.run_id, again.deduplicated), (&first, true), "it has closed");
    let second = lab.run(&id).await;
    let again = lab.again(&ours).await.unwrap();
    assert_eq!((&again.run_id, again.deduplicated), (&first, true));
    assert_eq!(lab.current(&id).await, second);
}

/// Whoever asks second, or too late, has what it wants.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_of_what_ends_already() {
    let (lab, id) = (Lab::new().await, unique("cancel"));
    let cancel = || of(&id, WorkflowAction::Cancel { reason: "enough".into() });
    let missing = lab.first(&cancel()).await.unwrap_err();
    assert_eq!((missing.fault, missing.reason), (Fault::Permanent, Reason::WorkflowNotFound));
    let run = lab.run(&id).await;
    lab.first(&cancel()).await.unwrap();
    lab.first(&cancel()).await.unwrap();
    lab.end(&id).await;
    lab.first(&cancel()).await.unwrap();
    let asked =
        |found: &Attributes| matches!(found, Attributes::WorkflowExecutionCancelRequestedEventAttributes(_));
    assert_eq!(lab.events(&id, &run, asked).await, 1);
}
