//! What a worker has to answer: updates and queries. The worker is in Python, with Temporal's own SDK.

use std::sync::Arc;

use serde_json::{Value, json};
use signalbox_domain::{
    Command, Fault, JsonText, Query, Reason, Signal, Update,
    UpdateWait::{self, Accepted, Completed},
    WorkflowAction,
};
use signalbox_servers::Process;
use signalbox_temporal::Accepted as Answer;

use crate::lab::{Lab, cron_workflow, of, start, unique, worker};

async fn lab() -> (Lab, Arc<Process>) {
    let lab = Lab::new().await;
    let worker = worker(&lab).await;
    (lab, worker)
}

fn args(arg: impl Into<Value>) -> Vec<JsonText> {
    vec![JsonText::from_value(&arg.into())]
}

fn update(name: &str, arg: impl Into<Value>, wait: UpdateWait) -> Update {
    Update { name: name.into(), args: args(arg), wait }
}

fn add(id: &str, message: &str) -> Command {
    of(id, WorkflowAction::Update(update("add", message, Completed)))
}

fn query(id: &str, name: &str) -> Command {
    of(id, WorkflowAction::Query(Query { name: name.into(), args: vec![] }))
}

fn result(answer: &Answer) -> Option<Value> {
    answer.result.as_ref().map(|text| serde_json::from_slice(text.bytes()).unwrap())
}

async fn started(lab: &Lab, id: &str) -> String {
    lab.first(&of(id, WorkflowAction::Start(cron_workflow()))).await.unwrap().run_id
}

/// How many of its five messages the current run has.
async fn messages(lab: &Lab, id: &str) -> i64 {
    let answer = result(&lab.first(&query(id, "waiting_for")).await.unwrap()).unwrap();
    5 - answer["messages_to_come"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_made_once_and_answered_each_time() {
    let ((lab, _worker), id) = (lab().await, unique("update"));
    let run = started(&lab, &id).await;
    let ours = add(&id, "one");
    for answer in [lab.first(&ours).await, lab.first(&ours).await, lab.again(&ours).await] {
        let answer = answer.unwrap();
        assert_eq!((&answer.run_id, result(&answer)), (&run, Some(json!(1))));
    }
    assert_eq!(result(&lab.first(&add(&id, "two")).await.unwrap()), Some(json!(2)));
    assert_eq!(messages(&lab, &id).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_workflow_says_against_an_update() {
    let ((lab, _worker), id) = (lab().await, unique("rejected"));
    started(&lab, &id).await;
    let with_start =
        |id: &str| of(id, WorkflowAction::UpdateWithStart(cron_workflow(), update("add", "", Completed)));
    let other = unique("rejected");
    for (command, why) in [
        (add(&id, ""), "an empty message is none"),
        (add(&id, &"x".repeat(101)), "no message is that long"),
        (of(&id, WorkflowAction::Update(update("unheard", 1, Accepted))), "unheard"),
        (with_start(&other), "an empty message is none"),
    ] {
        for answer in [lab.first(&command).await, lab.again(&command).await] {
            let failure = answer.unwrap_err();
            assert_eq!((failure.fault, failure.reason), (Fault::Permanent, Reason::UpdateRejected));
            assert!(failure.detail.contains(why), "{failure}");
        }
    }
    let missing = lab.first(&add(&unique("missing"), "m")).await.unwrap_err();
    assert_eq!((missing.fault, missing.reason), (Fault::Permanent, Reason::WorkflowNotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_waited_for_as_asked() {
    let ((lab, _worker), id) = (lab().await, unique("wait"));
    started(&lab, &id).await;
    let taken = of(&id, WorkflowAction::Update(update("gather", 1, Accepted)));
    assert_eq!(result(&lab.first(&taken).await.unwrap()), None);
    let waiting = of(&id, WorkflowAction::Update(update("gather", 1, Completed)));
    let unanswered = lab.first(&waiting).await.unwrap_err();
    assert_eq!(unanswered.fault, Fault::Transient, "{unanswered}");
    let message = Signal { name: "add_message".into(), args: args("m") };
    lab.first(&of(&id, WorkflowAction::Signal(message))).await.unwrap();
    assert_eq!(result(&lab.again(&waiting).await.unwrap()), Some(json!(["m"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_whose_run_was_followed_by_another() {
    let ((lab, _worker), id) = (lab().await, unique("update"));
    let first = started(&lab, &id).await;
    let with_start =
        of(&id, WorkflowAction::UpdateWithStart(cron_workflow(), update("add", "two", Completed)));
    let commands = [add(&id, "one"), with_start];
    for command in &commands {
        assert_eq!(lab.first(command).await.unwrap().run_id, first, "the open run is used");
    }
    lab.end(&id).await;
    let check = async || {
        for (command, expected) in commands.iter().zip([1, 2]) {
            let again = lab.again(command).await.unwrap();
            assert_eq!((&again.run_id, again.deduplicated), (&first, true));
            assert_eq!(result(&again), Some(json!(expected)));
        }
    };
    check().await;
    let second = started(&lab, &id).await;
    check().await;
    assert_eq!((lab.current(&id).await, messages(&lab, &id).await), (second, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_with_start_whose_own_run_was_followed_by_another() {
    let ((lab, _worker), id) = (lab().await, unique("update"));
    let ours = of(&id, WorkflowAction::UpdateWithStart(cron_workflow(), update("add", "one", Completed)));
    let first = lab.first(&ours).await.unwrap();
    assert_eq!((first.deduplicated, result(&first)), (false, Some(json!(1))));
    let repeat = async || {
        let again = lab.again(&ours).await.unwrap();
        assert_eq!((&again.run_id, result(&again)), (&first.run_id, Some(json!(1))));
    };
    repeat().await;
    lab.end(&id).await;
    repeat().await;
    let second = started(&lab, &id).await;
    repeat().await;
    assert_eq!((lab.current(&id).await, messages(&lab, &id).await), (second, 0));
}

/// It was accepted, so no other run is to have it.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_whose_run_closed_in_the_middle_of_it() {
    let ((lab, _worker), id) = (lab().await, unique("middle"));
    started(&lab, &id).await;
    let gather = |wait| of(&id, WorkflowAction::Update(update("gather", 1, wait)));
    let (taken, waiting) = (gather(Accepted), gather(Completed));
    lab.first(&taken).await.unwrap();
    let (answer, ()) = tokio::join!(lab.first(&waiting), lab.end_after_updates(&id, 2));
    started(&lab, &id).await;
    for answer in [answer, lab.again(&waiting).await, lab.again(&taken).await] {
        let failure = answer.unwrap_err();
        assert_eq!((failure.fault, failure.reason), (Fault::Permanent, Reason::UpdateRejected), "{failure}");
        assert!(failure.detail.contains("completed before the Update"), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_answers_is_tried_again() {
    let (lab, id) = (Lab::new().await, unique("nobody"));
    lab.first(&of(&id, WorkflowAction::Start(start()))).await.unwrap();
    let (updating, asking) = (add(&id, "m"), query(&id, "waiting_for"));
    let (updated, answered) = tokio::join!(lab.first(&updating), lab.first(&asking));
    for failure in [updated.unwrap_err(), answered.unwrap_err()] {
        assert_eq!((failure.fault, failure.reason), (Fault::Transient, Reason::Refused), "{failure}");
    }
    // The run ends before anybody has taken the update.
    lab.end(&id).await;
    let missing = lab.again(&updating).await.unwrap_err();
    assert_eq!((missing.fault, missing.reason), (Fault::Permanent, Reason::WorkflowNotFound), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_answered_after_the_end_too() {
    let ((lab, _worker), id) = (lab().await, unique("query"));
    started(&lab, &id).await;
    lab.first(&add(&id, "one")).await.unwrap();
    assert_eq!(messages(&lab, &id).await, 1);
    let unknown = lab.first(&query(&id, "unheard")).await.unwrap_err();
    assert_eq!((unknown.fault, unknown.reason), (Fault::Permanent, Reason::InvalidArgument));
    assert!(unknown.detail.contains("unheard"), "{unknown}");
    lab.end(&id).await;
    assert_eq!(messages(&lab, &id).await, 1);
    let missing = lab.first(&query(&unique("missing"), "waiting_for")).await.unwrap_err();
    assert_eq!((missing.fault, missing.reason), (Fault::Permanent, Reason::WorkflowNotFound));
}
