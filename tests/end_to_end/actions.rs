//! Every action, as a command on NATS, through to its effect and its outcome.

use std::time::Duration;

use anyhow::ensure;
use async_nats::jetstream;
use futures::StreamExt;
use prost::Message;
use serde_json::{Value, json};
use signalbox_domain::{
    Action, Command, ConflictPolicy, Data, EffectKey, Event, EventRef, HOPS, JsonText, Origin, Outcome,
    OutcomeExt,
    OutcomeKind::{self, *},
    Query, ScheduleCall, Signal, SignalAll, Start, StartOptions, Terms, TraceContext, Trigger, Update,
    UpdateWait, WorkflowAction, partition, wire_time,
};
use signalbox_proto::{
    names::{PARTITIONS, header, stream, subject},
    v1,
};
use signalbox_testkit::{Api, Service, Stack, eventually, python_worker};

use crate::{SIGNALBOX, SOON, described, expect, other_sdk::WITHOUT_WORKER, shared, unique};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Whoever sends commands, with an ordinary NATS client.
struct Sender {
    client: async_nats::Client,
    api: Api,
}

/// A command of an event of its own.
fn command(action: Action) -> Command {
    let (source, id) = ("/actions".parse().unwrap(), unique("action").parse().unwrap());
    Command {
        effect_key: EffectKey::derive(&source, &id, "", 0, &action.label(), action.key()),
        origin: Origin {
            event: EventRef { id: id.to_string(), source: source.to_string(), ..Default::default() },
            route: None,
            route_set: String::new(),
            trigger: Trigger::Event,
        },
        reply_to: None,
        trace: TraceContext::from_headers(Some(TRACEPARENT), None),
        accepted_at: chrono::Utc::now(),
        repeated: false,
        matching: None,
        terms: Terms::default(),
        action,
    }
}

impl Sender {
    async fn to(stack: &Stack) -> Self {
        Self { client: stack.nats_client().await.unwrap(), api: stack.api() }
    }

    async fn send(&self, command: &Command) {
        let subject = subject::commands(partition(command.key(), PARTITIONS));
        let batch = v1::CommandBatch { commands: vec![command.clone().into()], planned_at: None };
        let jetstream = jetstream::new(self.client.clone());
        let sent = jetstream.publish(subject, batch.encode_to_vec().into()).await.unwrap();
        sent.await.expect("it is stored");
    }

    /// Sends a command, and waits for what comes of it.
    async fn carry_out(&self, command: &Command) -> Outcome {
        let inbox = self.client.new_inbox();
        let mut replies = self.client.subscribe(inbox.clone()).await.unwrap();
        self.send(&Command { reply_to: Some(inbox.parse().unwrap()), ..command.clone() }).await;
        let reply = tokio::time::timeout(SOON, replies.next()).await.expect("an outcome").unwrap();
        let outcome = Outcome::decode(reply.payload).unwrap();
        assert!(outcome.is_final());
        outcome
    }

    async fn done(&self, action: Action, kind: OutcomeKind) -> Outcome {
        let outcome = self.carry_out(&command(action)).await;
        assert_eq!(outcome.kind(), kind, "{outcome:?}");
        outcome
    }

    async fn to_workflow(&self, id: &str, action: WorkflowAction, kind: OutcomeKind) -> Outcome {
        let outcome = self.done(Action::Workflow(id.parse().unwrap(), action), kind).await;
        assert_eq!(outcome.workflow_id, id);
        outcome
    }

    async fn refused(&self, action: Action, reason: &str) -> Outcome {
        let outcome = self.done(action, Refused).await;
        assert_eq!(outcome.reason, reason, "{outcome:?}");
        outcome
    }

    /// What `GET /events/{id}` says of the effect.
    async fn in_ledger(&self, outcome: &Outcome) -> Value {
        let id = &outcome.event.as_ref().unwrap().id;
        eventually(SOON, async || {
            let answer = self.api.get(&format!("/events/{id}")).await?;
            ensure!(answer.status == 200, "{}", answer.body);
            Ok(answer.body["outcomes"][0].clone())
        })
        .await
    }

    async fn has_status(&self, id: &str, status: &str) -> Value {
        eventually(SOON, async || {
            let answer = self.api.get(&format!("/workflows/{id}")).await?;
            ensure!(answer.body["status"] == status, "{}", answer.body);
            Ok(answer.body)
        })
        .await
    }
}

fn args(arg: impl Into<Value>) -> Vec<JsonText> {
    vec![JsonText::from_value(&arg.into())]
}

fn start() -> Start {
    let memo = [("note".to_owned(), JsonText::from_value(&json!("kept")))].into();
    Start {
        workflow_type: "CronWorkflow".into(),
        task_queue: "lab6-queue".into(),
        args: args("t"),
        conflict_policy: ConflictPolicy::Fail,
        options: StartOptions {
            run_timeout: Some(Duration::from_secs(300)),
            memo,
            ..StartOptions::default()
        },
    }
}

fn message(text: &str) -> Signal {
    Signal { name: "add_message".into(), args: args(text) }
}

fn update(name: &str, arg: impl Into<Value>, wait: UpdateWait) -> Update {
    Update { name: name.into(), args: args(arg), wait }
}

fn query(name: &str) -> WorkflowAction {
    WorkflowAction::Query(Query { name: name.into(), args: vec![] })
}

fn result(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.result).unwrap_or_else(|_| panic!("no result: {outcome:?}"))
}

/// The workflows are those of a worker in Python, which has nothing of ours.
#[tokio::test(flavor = "multi_thread")]
async fn actions_on_workflows() {
    let stack = Stack::start_with(SIGNALBOX, &WITHOUT_WORKER).await.unwrap();
    stack.wait_until_open().await;
    let mut worker = python_worker(&stack.temporal.address(), []).await.unwrap();
    let sender = Sender::to(&stack).await;
    let all = async {
        tokio::join!(one_workflow(&sender), with_start(&sender), several_workflows(&sender));
    };
    tokio::select! {
        () = all => {}
        ended = worker.ended() => panic!("the worker ended, {ended:?}: {:#?}", worker.last_lines()),
    }
}

async fn one_workflow(sender: &Sender) {
    use WorkflowAction as To;
    let id = &unique("one");
    let started = sender.to_workflow(id, To::Start(start()), Started).await;
    let run = described(&sender.api, id).await;
    assert_eq!((&run["run_id"], &run["memo"]["note"]), (&json!(started.run_id), &json!("kept")));
    let using = Start { conflict_policy: ConflictPolicy::UseExisting, ..start() };
    let used = sender.to_workflow(id, To::Start(using), Deduplicated).await;
    assert_eq!(used.run_id, started.run_id);
    sender.refused(of(id, To::Start(start())), "workflow-running").await;

    let twice = command(of(id, To::Signal(message("one"))));
    for _ in 0..2 {
        assert_eq!(sender.carry_out(&twice).await.kind(), Signalled);
    }
    let updated =
        sender.to_workflow(id, To::Update(update("add", "two", UpdateWait::Completed)), Updated).await;
    assert_eq!((result(&updated), &updated.run_id), (json!(2), &started.run_id));
    let taken = sender.to_workflow(id, To::Update(update("gather", 9, UpdateWait::Accepted)), Updated).await;
    assert!(taken.result.is_empty(), "{taken:?}");
    let rejected = To::Update(update("add", "", UpdateWait::Completed));
    let rejected = sender.refused(of(id, rejected), "update-rejected").await;
    assert!(rejected.detail.contains("an empty message is none"), "{rejected:?}");

    let answered = sender.to_workflow(id, query("waiting_for"), Answered).await;
    assert_eq!(result(&answered), json!({"messages_to_come": 3}));
    let told = sender.in_ledger(&answered).await;
    assert_eq!((&told["result"], &told["answer"]["messages_to_come"]), (&json!("answered"), &json!(3)));
    sender.refused(of(id, query("unheard")), "invalid-argument").await;

    crate::workflows_http::updates(&sender.api, id).await;
    sender.to_workflow(id, To::Cancel { reason: "enough".into() }, Cancelled).await;
    sender.has_status(id, "canceled").await;
    sender.refused(of(id, To::Signal(message("late"))), "workflow-not-found").await;
}

async fn with_start(sender: &Sender) {
    use WorkflowAction as To;
    let id = &unique("with");
    let add = |text| To::UpdateWithStart(start(), update("add", text, UpdateWait::Completed));
    let updated = sender.to_workflow(id, add("one"), Updated).await;
    assert_eq!(result(&updated), json!(1));
    let again = sender.to_workflow(id, add("two"), Updated).await;
    assert_eq!((result(&again), &again.run_id), (json!(2), &updated.run_id));
    let signalled = sender.to_workflow(id, To::SignalWithStart(start(), message("three")), Signalled).await;
    assert_eq!(signalled.run_id, updated.run_id);
    sender.to_workflow(id, To::Terminate { reason: "now".into() }, Terminated).await;
    let run = sender.has_status(id, "terminated").await;
    assert_eq!(run["run_id"], json!(updated.run_id));
    let answered = sender.to_workflow(id, query("waiting_for"), Answered).await;
    assert_eq!(result(&answered), json!({"messages_to_come": 2}), "it has closed, and answers");
}

async fn several_workflows(sender: &Sender) {
    let prefix = unique("several");
    let ids = ["a", "b", "c"].map(|end| format!("{prefix}-{end}"));
    for id in &ids {
        sender.to_workflow(id, WorkflowAction::Start(start()), Started).await;
    }
    let query = format!("WorkflowId STARTS_WITH '{prefix}-'");
    let all = |limit| Action::SignalAll(SignalAll { query: query.clone(), signal: message("all"), limit });
    // Temporal's index of them is a little behind.
    let refused = eventually(SOON, async || {
        let outcome = sender.carry_out(&command(all(0))).await;
        ensure!(outcome.detail.starts_with("3 workflows are found"), "{outcome:?}");
        Ok(outcome)
    })
    .await;
    assert_eq!((refused.kind(), &*refused.reason), (Refused, "too-many-workflows"));
    let twice = command(all(3));
    for _ in 0..2 {
        let signalled = sender.carry_out(&twice).await;
        assert_eq!((signalled.kind(), signalled.workflows, &signalled.target), (Signalled, 3, &query));
        let told = sender.in_ledger(&signalled).await;
        assert_eq!((&told["workflows"], &told["target"]), (&json!(3), &json!(query)));
    }
    for id in &ids {
        let answered = sender.to_workflow(id, self::query("waiting_for"), Answered).await;
        assert_eq!(result(&answered), json!({"messages_to_come": 4}), "{id}: once");
    }
}

/// As of a matcher whose event is delivered again.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_says_that_it_comes_again_is_looked_up() {
    let (stack, api) = shared().await;
    let (sender, id) = (Sender::to(&stack).await, &unique("again"));
    let ours = command(of(id, WorkflowAction::SignalWithStart(start(), message("once"))));
    let first = sender.carry_out(&ours).await;
    assert_eq!(first.kind(), Signalled, "{first:?}");
    expect(&api.post(&format!("/stop-workflow/{id}")).await.unwrap(), 200);
    expect(&api.get(&format!("/workflow-result/{id}")).await.unwrap(), 200);
    let again = sender.carry_out(&Command { repeated: true, ..ours }).await;
    assert_eq!((again.kind(), &again.run_id), (Deduplicated, &first.run_id));
    assert_eq!(described(&api, id).await["run_id"], json!(first.run_id), "no second run");
}

fn of(id: &str, action: WorkflowAction) -> Action {
    Action::Workflow(id.parse().unwrap(), action)
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_on_schedules() {
    let (stack, api) = shared().await;
    let (sender, id) = (Sender::to(&stack).await, unique("by-command"));
    let call = |call| Action::Schedule(id.parse().unwrap(), call);
    let create = |cron: &str| {
        let schedule = v1::ScheduleSpec {
            schedule_id: id.clone(),
            cron: cron.into(),
            start: Some(start().into()),
            workflow_id: id.clone(),
            created_at: Some(wire_time(chrono::Utc::now())),
            ..Default::default()
        };
        call(ScheduleCall::Create(v1::CreateSchedule { schedule: Some(schedule) }))
    };
    sender.refused(create("61 * * * *"), "invalid-argument").await;
    let made = command(create("0 0 1 1 *"));
    for _ in 0..2 {
        let outcome = sender.carry_out(&made).await;
        assert_eq!((outcome.kind(), &outcome.target), (Scheduled, &id), "{outcome:?}");
    }
    sender.refused(create("0 0 1 1 *"), "schedule-exists").await;

    let path = format!("/schedule-workflow/{id}");
    let schedule_id = || id.clone();
    let pause = v1::PauseSchedule { schedule_id: schedule_id(), note: "by command".into() };
    sender.done(call(ScheduleCall::Pause(pause)), Scheduled).await;
    let view = api.get(&path).await.unwrap().body;
    assert_eq!((&view["status"], &view["note"]), (&json!("paused"), &json!("by command")));
    sender
        .done(call(ScheduleCall::Resume(v1::ResumeSchedule { schedule_id: schedule_id() })), Scheduled)
        .await;
    let changed = v1::ChangeSchedule {
        schedule_id: schedule_id(),
        cron: Some("0 0 2 1 *".into()),
        ..Default::default()
    };
    sender.done(call(ScheduleCall::Change(changed)), Scheduled).await;
    let view = api.get(&path).await.unwrap().body;
    assert_eq!((&view["status"], &view["cron"]), (&json!("scheduled"), &json!("0 0 2 1 *")));
    let trigger =
        command(call(ScheduleCall::Trigger(v1::TriggerSchedule { schedule_id: schedule_id(), args: None })));
    for _ in 0..2 {
        assert_eq!(sender.carry_out(&trigger).await.kind(), Scheduled);
    }
    let runs = eventually(SOON, async || {
        let runs = api.get(&path).await?.body["recent_runs"].as_array().cloned().unwrap_or_default();
        ensure!(!runs.is_empty(), "no run yet");
        Ok(runs)
    })
    .await;
    assert_eq!(runs.len(), 1, "the same command again is one run: {runs:?}");

    let delete = || call(ScheduleCall::Delete(v1::DeleteSchedule { schedule_id: schedule_id() }));
    let deleted = sender.done(delete(), Scheduled).await;
    assert_eq!(sender.in_ledger(&deleted).await["target"], json!(id));
    expect(&api.get(&path).await.unwrap(), 404);
    sender.refused(delete(), "schedule-not-found").await;
}

fn publish(nats_subject: &str) -> Command {
    let event = Event {
        id: "set-by-the-router".parse().unwrap(),
        source: "/actions".parse().unwrap(),
        kind: "follow-up".into(),
        nats_subject: nats_subject.parse().unwrap(),
        time: chrono::Utc::now(),
        data_content_type: None,
        data_schema: None,
        subject: None,
        extensions: [(HOPS.to_owned(), "3".to_owned())].into(),
        data: Data::Json(json!({"name": "From an event"})),
        trace: TraceContext::default(),
        reply_to: None,
        stream_sequence: 0,
    };
    command(Action::Publish(Box::new(event)))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_published() {
    let (stack, api) = shared().await;
    let (sender, id) = (Sender::to(&stack).await, unique("follow-up"));
    let subject = format!("events.lab.trigger.{id}");
    let mut events = sender.client.subscribe(subject.clone()).await.unwrap();
    let ours = publish(&subject);
    let published = sender.carry_out(&ours).await;
    assert_eq!((published.kind(), &published.target), (Published, &subject), "{published:?}");
    let event = tokio::time::timeout(SOON, events.next()).await.unwrap().unwrap();
    let header = |name: &str| event.headers.as_ref().unwrap().get(name).unwrap().as_str();
    assert_eq!((header("ce-id"), header("ce-signalboxhops")), (ours.effect_key.as_str(), "3"));
    assert!(header(header::TRACEPARENT).starts_with(&TRACEPARENT[..35]), "{event:?}");
    let run = described(&api, &id).await;
    assert_eq!(run["memo"]["signalbox"]["event_id"], json!(ours.effect_key.as_str()));
    assert_eq!(sender.carry_out(&ours).await.kind(), Deduplicated);
    let told = sender.in_ledger(&published).await;
    assert_eq!((&told["result"], &told["target"]), (&json!("deduplicated"), &json!(subject)));
}

/// The stream knows an event again for minutes. After that the ledger knows it.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_published_once_though_the_stream_has_forgotten_it() {
    let mut stack = Stack::start(SIGNALBOX).await.unwrap();
    let ours = publish("events.actions.once");
    let sender = Sender::to(&stack).await;
    assert_eq!(sender.carry_out(&ours).await.kind(), Published);
    let matched = |path: String, api: Api| async move {
        eventually(SOON, async || {
            let answer = api.get(&path).await?;
            ensure!(answer.status == 200, "{}", answer.body);
            Ok(())
        })
        .await;
    };
    matched(format!("/events/{}", ours.effect_key), stack.api()).await;

    // As if the router had died before it recorded that, and NATS had been away for longer than it remembers.
    stack.kill(Service::SignalRouter).unwrap();
    sender.send(&ours).await;
    let jetstream = jetstream::new(sender.client.clone());
    let outcomes = ours.origin.event_key().outcome_subject(">");
    jetstream.get_stream(stream::OUTCOMES).await.unwrap().purge().filter(outcomes).await.unwrap();
    let mut config = jetstream.get_stream(stream::EVENTS).await.unwrap().cached_info().config.clone();
    config.duplicate_window = Duration::from_millis(100);
    jetstream.update_stream(config).await.unwrap();
    stack.nats.kill().unwrap();
    stack.nats.start_again().await.unwrap();
    stack.launch(Service::SignalRouter).unwrap();
    stack.wait_until_open().await;
    let api = stack.api();
    let event = &ours.origin.event.id;
    eventually(SOON, async || {
        let answer = api.get(&format!("/events/{event}")).await?;
        ensure!(answer.body["outcomes"][0]["result"] == "deduplicated", "{}", answer.body);
        Ok(())
    })
    .await;
    let jetstream = jetstream::new(stack.nats_client().await.unwrap());
    let events = jetstream.get_stream(stream::EVENTS).await.unwrap();
    assert_eq!(events.cached_info().state.messages, 1);
}
