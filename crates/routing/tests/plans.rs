//! What routes make of events.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};
use signalbox_domain::{
    Action, ConflictPolicy, Event, IfMissing, JsonText, RawMessage, Trigger, WorkflowAction, read_event,
};
use signalbox_routing::{Plan, RouteSet, rendered};

fn event(subject: &str, data: &Value) -> Event {
    read_event(&RawMessage {
        subject,
        headers: vec![("Nats-Msg-Id", "m-1"), ("signalbox-reply-to", "_INBOX.a")],
        body: data.to_string().into(),
        stream_sequence: 7,
        stored_at: DateTime::UNIX_EPOCH,
    })
    .unwrap()
}

fn at() -> DateTime<Utc> {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn set(text: &str) -> RouteSet {
    RouteSet::load([("test.yaml".to_owned(), text.to_owned())]).unwrap_or_else(|faults| panic!("{faults}"))
}

fn args(args: &[JsonText]) -> String {
    args.iter().map(|arg| String::from_utf8_lossy(arg.bytes()).into_owned()).collect::<Vec<_>>().join(", ")
}

/// One line a command, verdict and error.
fn show(plan: &Plan) -> String {
    let commands = plan.commands.iter().map(|command| {
        let what = match &command.action {
            Action::Workflow(_, WorkflowAction::Start(start)) => {
                format!("{}({}) {:?}", start.workflow_type, args(&start.args), start.conflict_policy)
            }
            Action::Workflow(_, WorkflowAction::Signal(signal)) => {
                format!("{}({})", signal.name, args(&signal.args))
            }
            Action::Workflow(_, WorkflowAction::SignalWithStart(start, signal)) => {
                format!(
                    "{}({}) {}({})",
                    start.workflow_type,
                    args(&start.args),
                    signal.name,
                    args(&signal.args)
                )
            }
            other => format!("{other:?}"),
        };
        format!("{} {} {what}", command.action.kind(), command.key())
    });
    let verdicts = plan
        .verdicts
        .iter()
        .map(|v| format!("{}: {} {}", v.route, v.matched, v.detail).trim_end().to_owned());
    let errors = plan.errors.iter().map(|error| format!("error: {error}"));
    commands.chain(verdicts).chain(errors).collect::<Vec<_>>().join("\n")
}

const SHOP: &str = r#"
version: 1
routes:
  - name: payment-received
    on: events.shop.payment.*
    when: ${ event.data.status == "paid" }
    signal:
      workflow_id: order-${ event.data.order_id }
      name: payment
      args:
        - ${ event.data }
        - "costs $${ ${ event.data.amount } }"
        - { whole: "${ event.data.amount + 1 }", list: [ 1, true, null, "${ event.tokens[3] }" ] }
  - name: audit
    on: events.>
    start: { workflow: Audit, workflow_id: "audit-${ event.id }" }
tests:
  - name: a router passes over it
    event: { subject: events.shop.payment.card, data: { order_id: 1, status: refused } }
    expect: []
"#;

#[test]
fn a_guard_a_text_and_arguments_of_every_type() {
    let paid = json!({"status": "paid", "order_id": 7, "amount": 9_007_199_254_740_992_i64});
    insta::assert_snapshot!(show(&set(SHOP).plan(&event("events.shop.payment.card", &paid), at())), @r#"
    start audit-m-1 Audit() Fail
    signal order-7 payment({"status":"paid","order_id":7,"amount":9007199254740992}, "costs ${ 9007199254740992 }", {"whole":9007199254740993,"list":[1,true,null,"card"]})
    audit: true
    payment-received: true
    "#);
}

#[test]
fn a_false_guard_is_a_verdict_and_a_failed_one_an_error() {
    let set = set(SHOP);
    let plan = |data: Value| show(&set.plan(&event("events.shop.payment.card", &data), at()));
    insta::assert_snapshot!(plan(json!({"status": "refused"})), @r#"
    start audit-m-1 Audit() Fail
    audit: true
    payment-received: false `when` is false
    "#);
    insta::assert_snapshot!(plan(json!({})), @r#"
    start audit-m-1 Audit() Fail
    audit: true
    payment-received: false when: `event.data.status == "paid"`: no such key: `status`
    error: route `payment-received`: when: `event.data.status == "paid"`: no such key: `status`
    "#);
    insta::assert_snapshot!(plan(json!({"status": "paid", "order_id": null})), @"
    start audit-m-1 Audit() Fail
    audit: true
    payment-received: false workflow_id: `event.data.order_id` is null; only texts, numbers and booleans can be part of a text
    error: route `payment-received`: workflow_id: `event.data.order_id` is null; only texts, numbers and booleans can be part of a text
    ");
    insta::assert_snapshot!(plan(json!({"status": "paid", "order_id": "a\nb"})), @r"
    start audit-m-1 Audit() Fail
    audit: true
    payment-received: false workflow_id: workflow id has the character '\n', which is not allowed there
    error: route `payment-received`: workflow_id: workflow id has the character '\n', which is not allowed there
    ");
}

#[test]
fn a_guard_must_be_a_boolean() {
    let set = set(
        "{version: 1, routes: [{name: a, on: events.a, when: '${ event.data.x }', signal: {workflow_id: w, name: s, singleton: true}}]}",
    );
    let plan = |data: Value| show(&set.plan(&event("events.a", &data), at()));
    insta::assert_snapshot!(plan(json!({"x": true})), @r#"
    signal w s()
    a: true
    "#);
    insta::assert_snapshot!(plan(json!({"x": "false"})), @r#"
    a: false when: `event.data.x` is a text, not a boolean
    error: route `a`: when: `event.data.x` is a text, not a boolean
    "#);
    insta::assert_snapshot!(plan(json!({"x": null})), @r#"
    a: false when: `event.data.x` is null, not a boolean
    error: route `a`: when: `event.data.x` is null, not a boolean
    "#);
}

#[test]
fn commands_carry_where_they_come_from() {
    let set = set(SHOP);
    let event = event("events.a", &json!(1));
    let plan = set.plan(&event, at());
    let [command] = plan.commands.as_slice() else { panic!("{plan:?}") };
    assert_eq!(command.origin.event, event.reference());
    assert_eq!(command.origin.route.as_deref(), Some("audit"));
    assert_eq!(command.origin.route_set, set.version());
    assert_eq!(command.origin.trigger, Trigger::Event);
    assert_eq!((command.reply_to.as_ref(), command.accepted_at), (event.reply_to.as_ref(), at()));
    let Action::Workflow(_, WorkflowAction::Start(start)) = &command.action else { panic!("{command:?}") };
    assert_eq!((start.task_queue.as_str(), start.conflict_policy), ("lab6-queue", ConflictPolicy::Fail));
}

#[test]
fn effect_keys_tell_routes_and_events_apart_and_nothing_else() {
    let set = set(SHOP);
    let keys = |event: &Event, at| {
        set.plan(event, at).commands.into_iter().map(|c| c.effect_key).collect::<Vec<_>>()
    };
    let paid = json!({"status": "paid", "order_id": 7, "amount": 1});
    let first = event("events.shop.payment.card", &paid);
    let second = Event { id: "m-2".parse().unwrap(), ..first.clone() };
    assert_eq!(keys(&first, at()), keys(&first, DateTime::UNIX_EPOCH));
    let mut all = [keys(&first, at()), keys(&second, at())].concat();
    all.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    all.dedup();
    assert_eq!(all.len(), 4);
}

#[test]
fn a_set_is_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let set = set("{version: 1, routes: []}");
    shared(&set);
    assert!(set.is_empty());
    assert_eq!(set.plan(&event("events.a", &json!(1)), at()), Plan::default());
}

#[test]
fn the_version_follows_names_and_texts_of_all_files() {
    let other = SHOP.replace("payment-received", "p").replace("audit", "q");
    let version = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        RouteSet::load(files).unwrap().version().to_owned()
    };
    let ab = version(&[("a.yaml", SHOP), ("b.yaml", &other)]);
    assert_eq!(ab.len(), 16);
    assert_eq!(ab, version(&[("b.yaml", &other), ("a.yaml", SHOP)]));
    assert_eq!(ab, version(&[("a.yaml", SHOP), ("b.yaml", &other), ("b.test.yaml", "tests: []")]));
    for others in [
        &[("a.yaml", SHOP)][..],
        &[("x.yaml", SHOP), ("b.yaml", &other)],
        &[("b.yaml", SHOP), ("a.yaml", &other)],
        &[("a.yaml", SHOP), ("b.yaml", &other), ("c.json", "{}")],
    ] {
        assert_ne!(ab, version(others), "{others:?}");
    }
    let schema = |text| version(&[("a.yaml", SHOP), ("c.json", text)]);
    assert_ne!(schema("{}"), schema("{ }"));
}

fn shipped() -> RouteSet {
    let files = [
        ("routes/lab.yaml", include_str!("../../../routes/lab.yaml")),
        ("routes/github.yaml", include_str!("../../../routes/github.yaml")),
    ];
    RouteSet::load(files.map(|(name, text)| (name.to_owned(), text.to_owned())))
        .unwrap_or_else(|f| panic!("{f}"))
}

#[test]
fn the_routes_that_are_shipped_do_what_the_lab_says() {
    let set = shipped();
    let names: Vec<_> = set.names().collect();
    assert_eq!(
        names,
        [
            "deploy-on-push",
            "lab-aggregate",
            "lab-batch",
            "lab-chat",
            "lab-coordinate",
            "lab-emit",
            "lab-message",
            "lab-stop",
            "lab-trigger"
        ]
    );
    let plan = |subject: &str, data: Value| show(&set.plan(&event(subject, &data), at()));
    insta::assert_snapshot!(plan("events.lab.trigger.demo", json!({})), @r#"
    start demo CronWorkflow("Event Triggered") Fail
    lab-trigger: true
    "#);
    insta::assert_snapshot!(plan("events.lab.trigger.demo", json!({"workflow_id": "w", "name": "n"})), @r#"
    start w CronWorkflow("n") Fail
    lab-trigger: true
    "#);
    insta::assert_snapshot!(plan("events.lab.trigger.demo", json!(null)), @r#"
    start demo CronWorkflow("Event Triggered") Fail
    lab-trigger: true
    "#);
    insta::assert_snapshot!(plan("events.lab.emit.demo", json!({"name": "n"})), @r#"
    start emit-demo EmitEvent({"subject":"events.lab.trigger.demo","data":{"name":"n"}}) Fail
    lab-emit: true
    "#);
    insta::assert_snapshot!(plan("events.lab.message.demo", json!({"message": "hi"})), @r#"
    signal demo add_message("hi")
    lab-message: true
    "#);
    insta::assert_snapshot!(plan("events.lab.message.demo", json!({})), @"
    lab-message: false args: `event.data.message`: no such key: `message`
    error: route `lab-message`: args: `event.data.message`: no such key: `message`
    ");
    insta::assert_snapshot!(plan("events.lab.stop.demo", json!(null)), @r#"
    signal demo stop_processing()
    lab-stop: true
    "#);
    insta::assert_snapshot!(plan("events.lab.chat.demo", json!({"message": "hi"})), @r#"
    signal-with-start demo CronWorkflow("Chat demo") add_message("hi")
    lab-chat: true
    "#);
    insta::assert_snapshot!(plan("events.lab.batch.demo", json!({"message": "hi"})), @r#"
    signal-with-start demo BatchWorkflow("Batch demo") add_message("hi")
    lab-batch: true
    "#);
    insta::assert_snapshot!(plan("events.lab.coordinate.demo", json!({"tasks": ["a", "b"]})), @r#"
    start demo CoordinatorWorkflow(["a","b"]) Fail
    lab-coordinate: true
    "#);
    insta::assert_snapshot!(plan("events.lab.aggregate.demo", json!({"until": {"count": 3}})), @r#"
    start demo AggregateWorkflow({"task":"Aggregate demo","until":{"count":3}}) Fail
    lab-aggregate: true
    "#);
    insta::assert_snapshot!(plan("events.github.push", json!({"repository": {"name": "signalbox"}})), @r#"
    start deploy-signalbox CronWorkflow("Deploy signalbox") UseExisting
    deploy-on-push: true
    "#);
    insta::assert_snapshot!(plan("events.github.push", json!({})), @"
    deploy-on-push: false workflow_id: `event.data.repository.name`: no such key: `repository`
    error: route `deploy-on-push`: workflow_id: `event.data.repository.name`: no such key: `repository`
    ");
    insta::assert_snapshot!(plan("events.elsewhere", json!({})), @"");
}

fn generated(names: &[usize]) -> String {
    let routes = names.iter().map(|n| {
        let on = ["events.a.*", "events.>", "events.*.b", "events.a.b"][n % 4];
        let guard = ["true", "event.data.n > 1", "event.data.missing", "event.data.n"][n % 3 + n % 2];
        format!(
            "  - name: r{n}\n    on: {on}\n    when: ${{ {guard} }}\n    signal: {{workflow_id: 'w${{ event.data.n }}', name: s}}\n"
        )
    });
    format!("version: 1\nroutes:\n{}", routes.collect::<String>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_order_of_declaration_does_not_matter(
        order in Just((0..10).collect::<Vec<usize>>()).prop_shuffle(),
        cut in 1_usize..10,
        n in 0_i64..4,
    ) {
        let event = event("events.a.b", &json!({"n": n, "map": {"a": 1, "b": 2}}));
        let file = |name: &str, names: &[usize]| (name.to_owned(), generated(names));
        let sorted = RouteSet::load([file("a.yaml", &(0..10).collect::<Vec<_>>())]).unwrap().plan(&event, at());
        let (first, second) = order.split_at(cut);
        let shuffled = RouteSet::load([file("b.yaml", first), file("a.yaml", second)]).unwrap().plan(&event, at());
        let bare = |plan: &Plan| {
            let commands = plan.commands.iter().map(|c| (c.effect_key.clone(), c.action.clone()));
            (commands.collect::<Vec<_>>(), plan.verdicts.clone(), plan.errors.clone())
        };
        prop_assert!(!sorted.verdicts.is_empty());
        prop_assert_eq!(bare(&sorted), bare(&shuffled));
    }

    #[test]
    fn the_same_event_gives_the_same_plan(n in any::<i64>(), text in ".{0,20}") {
        let event = event("events.shop.payment.card", &json!({"status": "paid", "order_id": text, "amount": n}));
        prop_assert_eq!(set(SHOP).plan(&event, at()), set(SHOP).plan(&event, at()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_are_a_route_file_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let _ = RouteSet::load([("f.yaml".to_owned(), text)]);
    }

    #[test]
    fn any_pieces_of_yaml_are_a_route_file_or_are_refused(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "version: 1\n", "routes:\n", "  - name: a\n", "    on: events.a\n", "    when: ${ true }\n", "    signal:\n",
            "      workflow_id: x\n", "      name: y\n", "      args:\n", "        - ${ event", " }", "- ", "[", "]", "{", "}",
            "\n", " ", "'", "\"", "|\n", ">\n", "&a ", "*a", "? ", ": ", "!!binary ", "---\n", "#", "\t", "<<: ",
        ]), 0..30),
    ) {
        let _ = RouteSet::load([("f.yaml".to_owned(), pieces.concat())]);
    }
}

const TERMS: &str = r#"
version: 1
defaults: { deadline: 2h, task_queue: shop }
routes:
  - name: a-signal
    on: events.shop.paid
    deadline: 90s
    do:
      - signal: { workflow_id: "o-${ event.data.id }", name: paid, if_missing: { park: 15m } }
      - signal:
          workflow_id: o-${ event.data.id }
          name: paid
          args: [ 1 ]
          if_missing: { start: { workflow: Order, args: [ "${ event.data.id }" ], run_timeout: 1h } }
      - update: { workflow_id: "o-${ event.data.id }", name: pay, if_missing: drop }
      - update: { workflow_id: "o-${ event.data.id }", name: pay, if_missing: { start: { workflow: Order } } }
  - name: b-others
    on: events.shop.paid
    do:
      - query: { workflow_id: "o-${ event.data.id }", name: state }
      - cancel: { workflow_id: "o-${ event.data.id }", if_missing: { park: 7d } }
      - terminate: { workflow_id: "o-${ event.data.id }", if_missing: dead }
      - start: { workflow: Order, workflow_id: "o-${ event.data.id }" }
"#;

#[test]
fn terms_count_from_when_the_event_was_stored() {
    let plan = set(TERMS).plan(&event("events.shop.paid", &json!({"id": 7})), at());
    let terms = plan.commands.iter().map(|command| {
        let terms = &command.terms;
        let then = terms.give_up_at.map(|then| then - at());
        let missing = match terms.if_missing {
            IfMissing::Park { until } => format!("park {}", until - at()),
            other => format!("{other:?}"),
        };
        format!("{}: give up after {}, {missing}", command.action.kind(), then.unwrap())
    });
    insta::assert_snapshot!(terms.collect::<Vec<_>>().join("\n"), @"
    signal: give up after PT90S, park PT900S
    signal-with-start: give up after PT90S, Dead
    update: give up after PT90S, Drop
    update-with-start: give up after PT90S, Dead
    query: give up after PT7200S, Dead
    cancel: give up after PT7200S, park PT604800S
    terminate: give up after PT7200S, Dead
    start: give up after PT7200S, Dead
    ");
}

#[test]
fn what_starts_where_none_runs_is_the_action_that_does_so() {
    let with_start = SHOP_WITH_START;
    let event = event("events.shop.paid", &json!({"id": 7}));
    let (terms, with_start) = (set(TERMS).plan(&event, at()), set(with_start).plan(&event, at()));
    let Action::Workflow(_, WorkflowAction::UpdateWithStart(start, _)) = &terms.commands[3].action else {
        panic!("{:?}", terms.commands[3]);
    };
    assert_eq!((&*start.workflow_type, &*start.task_queue), ("Order", "shop"));
    assert_eq!(terms.commands[1].action, with_start.commands[0].action);
}

const SHOP_WITH_START: &str = r#"
version: 1
routes:
  - name: a-signal
    on: events.shop.paid
    signal_with_start:
      workflow: Order
      workflow_id: o-${ event.data.id }
      task_queue: shop
      args: [ "${ event.data.id }" ]
      run_timeout: 1h
      signal: { name: paid, args: [ 1 ] }
"#;

#[test]
fn terms_are_rendered_as_routes_write_them() {
    let plan = set(TERMS).plan(&event("events.shop.paid", &json!({"id": 7})), at());
    let shown = |index: usize, name: &str| {
        let whole = rendered(&plan.commands[index]);
        (whole[name]["if_missing"].clone(), whole["deadline"].clone())
    };
    assert_eq!(shown(0, "signal"), (json!({"park": "15m"}), json!("1m 30s")));
    assert_eq!(shown(1, "signal_with_start"), (Value::Null, json!("1m 30s")));
    assert_eq!(shown(2, "update"), (json!("drop"), json!("1m 30s")));
    assert_eq!(shown(4, "query"), (json!("dead"), json!("2h")));
}
