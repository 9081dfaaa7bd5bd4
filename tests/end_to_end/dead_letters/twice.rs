//! Twice the same letter is one effect.

use super::*;

use signalbox_proto::v1::{
    Command, EventRef, Outcome, OutcomeKind, Signal, SignalWithStart, Start, Terms, command::Action,
};

/// The letter of a signal that starts its workflow, as a router buries it: what it died of has passed.
fn letter(id: &str, event_id: &str) -> DeadLetter {
    let event = EventRef { id: event_id.into(), source: "/t".into(), ..Default::default() };
    let start = Start {
        workflow_type: "CronWorkflow".into(),
        task_queue: "lab6-queue".into(),
        args: vec![b"\"Redriven\"".as_slice().into()],
        ..Default::default()
    };
    let signal = Signal { name: "add_message".into(), args: vec![b"\"hi\"".as_slice().into()] };
    let effect_key = EventKey::id_token(event_id);
    let command = Command {
        effect_key: effect_key.clone(),
        key: id.into(),
        event: Some(event.clone()),
        route: "lab-chat".into(),
        accepted_at: Some(std::time::SystemTime::now().into()),
        terms: Some(Terms { give_up_at: Some(Default::default()), ..Default::default() }),
        action: Some(Action::SignalWithStart(SignalWithStart { start: Some(start), signal: Some(signal) })),
        ..Default::default()
    };
    let outcome = Outcome {
        event: Some(event.clone()),
        effect_key,
        kind: OutcomeKind::Dead.into(),
        reason: "permission-denied".into(),
        ..Default::default()
    };
    DeadLetter { event: Some(event), command: Some(command), outcome: Some(outcome), raw: Default::default() }
}

async fn bury(stack: &Stack, letter: &DeadLetter) {
    let jetstream = jetstream::new(stack.nats_client().await.unwrap());
    let stored =
        jetstream.publish("deadletters.permission-denied", letter.encode_to_vec().into()).await.unwrap();
    stored.await.unwrap();
}

/// As if the ledger had lost what it knew of the event.
async fn forget(stack: &Stack, event_id: &str) {
    let filter = EventKey::derive("/t", event_id).outcome_subject(">");
    stream(stack, stream::OUTCOMES).await.purge().filter(filter).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_redrives_at_once_have_one_effect() {
    let (stack, api) = shared().await;
    let (id, event_id) = (unique("at-once"), unique("at-once-event"));
    let letter = letter(&id, &event_id);
    bury(&stack, &letter).await;
    bury(&stack, &letter).await;
    let found = letters(&api, &event_id, 2).await;
    // The first twice, and the second, which is the same.
    let (one, two, three) = tokio::join!(
        redrive_if_there(&api, &found[0]),
        redrive_if_there(&api, &found[0]),
        redrive_if_there(&api, &found[1])
    );
    assert!([one, two, three].contains(&200));
    letters(&api, &event_id, 0).await;
    eventually(SOON, async || {
        let state = api.get(&format!("/workflows/{id}/queries/progress")).await?;
        ensure!(state.body["messages"] == json!(["hi"]), "{}", state.body);
        Ok(())
    })
    .await;
    // What comes later in the lane of this workflow finds all before it done.
    expect(&api.post(&format!("/signal-workflow/{id}?message=last")).await.unwrap(), 200);
    assert_eq!(messages(&api, &id).await, json!(["hi", "last"]));
}

async fn redrive_if_there(api: &Api, letter: &Value) -> u16 {
    api.post(&format!("/dead-letters/{}/redrive", sequence(letter))).await.unwrap().status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_after_the_workflow_has_ended_has_no_second_effect() {
    let (stack, api) = shared().await;
    let (id, event_id) = (unique("ended"), unique("ended-event"));
    let letter = letter(&id, &event_id);
    bury(&stack, &letter).await;
    redrive(&api, &letters(&api, &event_id, 1).await[0]).await;
    let first = effect(&api, &event_id, "signalled").await;
    assert_eq!(messages(&api, &id).await, json!(["hi"]));

    // The ledger knows that it has happened …
    bury(&stack, &letter).await;
    let told = redrive(&api, &letters(&api, &event_id, 1).await[0]).await;
    assert_eq!(told["status"], "happened", "{told}");
    // … and if it did not, Temporal is asked.
    forget(&stack, &event_id).await;
    bury(&stack, &letter).await;
    let told = redrive(&api, &letters(&api, &event_id, 1).await[0]).await;
    assert_eq!(told["status"], "redriven", "{told}");
    let again = effect(&api, &event_id, "deduplicated").await;
    assert_eq!(again["run_id"], first["run_id"], "{again}");
    let run = described(&api, &id).await;
    assert_eq!((&run["run_id"], &run["status"]), (&first["run_id"], &json!("completed")), "{run}");
}
