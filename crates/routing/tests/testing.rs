//! Tests of routes, as `signalbox test` runs them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

use signalbox_routing::{Suite, TestResult};

const ROUTES: &str = r#"
version: 1
events:
  - on: events.shop.refund
    schema: { type: object, required: [order_id], properties: { order_id: { type: integer } } }
routes:
  - name: order-paid
    on: events.shop.payment.*
    when: ${ event.data.status == "paid" && event.data.amount > 0 }
    do:
      - start:
          workflow: Order
          workflow_id: order-${ event.data.order_id }
          run_timeout: 90m
          memo: { by: "${ event.data.?by.orValue('nobody') }", at: "${ event.time }" }
          args: [ "${ event.data }", "${ event.data.amount > 100 ? 'large' : 'small' }" ]
      - publish:
          subject: events.audit.${ event.tokens[3] }
          data: { order: "${ event.data.order_id }", id: "${ event.id }" }
  - name: refund
    on: events.shop.refund
    signal: { workflow_id: "order-${ event.data.order_id }", name: refund }
"#;

fn suite(tests: &str) -> Suite {
    let files = [
        ("routes/shop.yaml", ROUTES),
        ("routes/shop.test.yaml", &format!("version: 1\ntests:\n{tests}")),
        ("routes/samples/bare.json", r#"{"order_id": 7, "status": "paid", "amount": 120}"#),
        (
            "routes/samples/event.json",
            r#"{"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "paid", "time": "2026-02-03T00:00:00Z",
                "data": {"order_id": 7, "status": "paid", "amount": 12}}"#,
        ),
    ];
    Suite::load(files.map(|(name, text)| (name.to_owned(), text.to_owned())))
        .unwrap_or_else(|f| panic!("{f}"))
}

fn run(tests: &str) -> Vec<TestResult> {
    suite(tests).run(|_| true)
}

fn passes(tests: &str) {
    for result in run(tests) {
        assert!(result.passed(), "{result:#?}");
    }
}

/// What one test says that fails.
fn told(test: &str) -> String {
    let results = run(test);
    let [result] = results.as_slice() else { panic!("{results:?}") };
    let mismatches = result.mismatches.iter().map(|mismatch| {
        format!("{}\n- {}\n+ {}", mismatch.field, mismatch.expected.trim(), mismatch.found.trim())
    });
    mismatches.chain(result.notes.iter().map(|note| format!("note: {note}"))).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_named_is_compared_and_nothing_else() {
    passes(
        r#"
  - name: A paid order!
    event: { subject: events.shop.payment.card, data: { order_id: 7, status: paid, amount: 1 } }
    expect:
      - start: { workflow_id: order-7, run_timeout: 1h 30m, memo: { by: nobody } }
        route: order-paid
      - publish: { data: { order: 7, id: a-paid-order }, extensions: {} }
  - name: from a file
    event: { subject: events.shop.payment.card, file: samples/bare.json, id: mine }
    expect:
      - start: { args: [ { amount: 120 }, large ] }
      - publish: { data: { order: 7, id: mine }, source: /signalbox/routes/order-paid }
  - name: a whole event from a file
    event: { subject: events.shop.payment.card, file: samples/event.json }
    expect:
      - start: { memo: { at: "2026-02-03T00:00:00Z" }, task_queue: lab6-queue, id_conflict_policy: fail }
        effect_key: f4f2e0343a69aaaea6e01171d7f3b103
      - publish: { data: { order: 7, id: e-1 } }
  - name: nothing
    event: { subject: events.shop.payment.card, data: { status: refused } }
    expect: []
  - name: at its time
    event: { subject: events.shop.payment.card, data: { order_id: 7, status: paid, amount: 1 } }
    now: 2026-03-04T00:00:00Z
    expect: [ { start: { memo: { at: "2026-03-04T00:00:00Z" } } }, { publish: {} } ]
  - name: an error
    event: { subject: events.shop.payment.card, data: { status: paid } }
    error: "no such key: `amount`"
  - name: not of its schema
    event: { subject: events.shop.refund, data: {} }
    mismatch: required
"#,
    );
}

#[test]
fn what_is_expected_must_be_there() {
    let event =
        "event: { subject: events.shop.payment.card, data: { order_id: 7, status: paid, amount: 1 } }";
    for start in
        ["start_delay: 1s", "memo: { who: Ada }", "args: [ { by: Ada }, small ]", "args: [ {} ]", "args: []"]
    {
        let test = format!(
            "  - {{ name: a, {event}, expect: [ {{ start: {{ {start} }} }}, {{ publish: {{}} }} ] }}\n"
        );
        assert!(!run(&test)[0].passed(), "{start}");
    }
    for expect in [
        "[]",
        "[ { start: {} } ]",
        "[ { publish: {} }, { start: {} } ]",
        "[ { start: {} }, { publish: {} }, { publish: {} } ]",
    ] {
        assert!(!run(&format!("  - {{ name: a, {event}, expect: {expect} }}\n"))[0].passed(), "{expect}");
    }
}

#[test]
fn a_test_that_fails_says_why() {
    insta::assert_snapshot!(told(r#"
  - name: another id, and one argument too few
    event: { subject: events.shop.payment.card, data: { order_id: 7, status: paid, amount: 1, by: Ada } }
    expect:
      - start: { workflow_id: order-8, memo: { by: Ada }, args: [ { order_id: 7, status: paid, amount: 1 } ] }
      - signal: { workflow_id: order-7 }
"#), @"
    expect
    - - start:
        workflow_id: order-8
        memo:
          by: Ada
        args:
          - order_id: 7
            status: paid
            amount: 1
    - signal:
        workflow_id: order-7
    + - start:
        workflow_id: order-7
        memo:
          by: Ada
        args:
          - order_id: 7
            status: paid
            amount: 1
          - small
    - publish:
        subject: events.audit.card
        type: audit.card
        source: /signalbox/routes/order-paid
        data:
          order: 7
          id: another-id-and-one-argument-too-few
    ");
    insta::assert_snapshot!(told(r#"
  - name: a guard that is false
    event: { subject: events.shop.payment.card, data: { order_id: 7, status: refused } }
    expect: [ { start: {} }, { publish: {} } ]
"#), @r#"
    expect
    - - start: {}
    - publish: {}
    + []
    note: order-paid: `event.data.status == "paid"` is false; `event.data.status` is "refused"
    "#);
    insta::assert_snapshot!(told(r#"
  - name: a subject that nobody wants
    event: { subject: events.shop.paiment.card, data: { order_id: 7 } }
    expect: [ { start: {} } ]
"#), @"
    expect
    - - start: {}
    + []
    note: order-paid: wants events.shop.payment.*: `payment`, not `paiment`
    note: refund: wants events.shop.refund: `refund`, not `paiment`
    ");
    insta::assert_snapshot!(told(r#"
  - name: an error that nobody expects
    event: { subject: events.shop.payment.card, data: { order_id: 7, status: paid } }
    expect: []
"#), @r#"
    error
    - no route fails
    + route `order-paid`: when: `event.data.status == "paid" && event.data.amount > 0`: no such key: `amount`
    note: order-paid: when: `event.data.status == "paid" && event.data.amount > 0`: no such key: `amount`; `event.data.amount` is not there
    "#);
    insta::assert_snapshot!(told(r#"
  - name: an event that is not of its schema
    event: { subject: events.shop.refund, data: {} }
    expect: []
"#), @r#"
    mismatch
    - an event of its declared schema
    + data: "order_id" is a required property
    "#);
    insta::assert_snapshot!(told(r#"
  - name: neither error nor mismatch
    event: { subject: events.elsewhere }
    error: no such key
    mismatch: required
"#), @"
    mismatch
    - required
    + an event of its declared schema
    error
    - no such key
    + no route fails
    note: no route wants events.elsewhere
    ");
    insta::assert_snapshot!(told(r#"
  - name: nothing is said
    event: { subject: events.shop.refund, data: { order_id: 7 } }
"#), @"
    expect
    - # nothing is said yet; `signalbox test --update` writes what comes
    + - signal:
        workflow_id: order-7
        name: refund
    ");
}

#[test]
fn tests_are_checked_like_routes() {
    let load = |tests: &str| {
        let text = format!("version: 1\ntests:\n{tests}");
        Suite::load([("a.test.yaml".to_owned(), text)]).unwrap_err().to_string()
    };
    insta::assert_snapshot!(load(r#"
  - name: a
    event: { subject: shop.paid, data: 1, file: a.json }
    expct: []
  - name: b
    event: { subject: events.a, data: 1, file: a.json }
  - name: c
    event: { subject: events.a, file: a.json, time: today }
    now: 7
  - name: d
    event: { subject: events.a }
    expect: [ { start: { workflo: a, singleton: true } }, { start: {}, signal: {} }, { route: a }, { start: { run_timeout: 7x } }, { strat: {} } ]
  - event: {}
"#), @"
    a.test.yaml:5:49: an event has `data` or a `file`, not both
    a.test.yaml:6:5: unknown field `expct`; did you mean `expect`?
    a.test.yaml:8:48: an event has `data` or a `file`, not both
    a.test.yaml:10:39: there is no file `a.json` beside this one
    a.test.yaml:10:53: `time` is a time such as `2026-01-01T00:00:00Z`
    a.test.yaml:11:10: `now` is a text, not a number
    a.test.yaml:14:26: unknown field `workflo`; did you mean `workflow`?
    a.test.yaml:14:38: unknown field `singleton`; known are `workflow`, `workflow_id`, `task_queue`, `args`, `id_conflict_policy`, `id_reuse_policy`, `execution_timeout`, `run_timeout`, `task_timeout`, `start_delay`, `retry`, `memo`, `search_attributes`, `priority`
    a.test.yaml:14:59: an expected command is one action; one of `start`, `signal`, `signal_with_start`, `update`, `update_with_start`, `query`, `cancel`, `terminate`, `signal_all`, `schedule`, `publish`
    a.test.yaml:14:86: an expected command is one action; one of `start`, `signal`, `signal_with_start`, `update`, `update_with_start`, `query`, `cancel`, `terminate`, `signal_all`, `schedule`, `publish`
    a.test.yaml:14:124: `run_timeout` is a span of time with its units, such as `1h 30m`
    a.test.yaml:14:132: an expected command is one action; one of `start`, `signal`, `signal_with_start`, `update`, `update_with_start`, `query`, `cancel`, `terminate`, `signal_all`, `schedule`, `publish`
    a.test.yaml:14:134: unknown field `strat`; did you mean `start`?
    a.test.yaml:15:5: missing field `name`
    a.test.yaml:15:12: missing field `subject`
    ");
    let inline = "version: 1\ntests:\n  - name: a\n    event: { subject: events.a }\n    expect: 7\n";
    let fault = signalbox_routing::RouteSet::load([("a.yaml".to_owned(), inline.to_owned())]).unwrap_err();
    assert_eq!(fault.to_string(), "a.yaml:5:13: `expect` is a list, not a number");
    let inline = inline.replace("7", "[]");
    assert_eq!(Suite::load([("a.yaml".to_owned(), inline)]).unwrap().len(), 1);
}

fn covered(tests: &str) -> String {
    let coverage = suite(tests).coverage(|_| true);
    let lines = coverage.routes.iter().flat_map(|route| {
        let missed = route.missed.iter().map(|missed| format!("  {}: {}", missed.line, missed.what));
        std::iter::once(format!("{} {}/{}", route.route, route.taken(), route.ways)).chain(missed)
    });
    format!("{}\n{:.1}%", lines.collect::<Vec<_>>().join("\n"), coverage.percent())
}

#[test]
fn coverage_tells_the_ways_that_no_test_took() {
    insta::assert_snapshot!(covered(r#"
  - { name: a, event: { subject: events.elsewhere } }
"#), @"
    order-paid 0/6
      7: it matches no event
      9: `when` is never false
      15: `event.data.?by` is always there
      15: `event.data.?by` is never there
      16: `event.data.amount > 100` is never false
      16: `event.data.amount > 100` is never true
    refund 0/1
      20: it matches no event
    0.0%
    ");
    let large = r#"
  - { name: a, event: { subject: events.shop.payment.card, data: { order_id: 7, status: paid, amount: 101 } } }
  - { name: b, event: { subject: events.shop.refund, data: { order_id: 7 } } }
  - { name: not of its schema, event: { subject: events.shop.refund, data: {} } }
  - { name: it fails, event: { subject: events.shop.payment.card, data: { status: paid, amount: 1, by: Ada } } }
"#;
    insta::assert_snapshot!(covered(large), @"
    order-paid 3/6
      9: `when` is never false
      15: `event.data.?by` is never there
      16: `event.data.amount > 100` is never false
    refund 1/1
    57.1%
    ");
    let all = format!(
        "{large}{}",
        r#"
  - { name: c, event: { subject: events.shop.payment.card, data: { order_id: 7, status: paid, amount: 1, by: Ada } } }
  - { name: d, event: { subject: events.shop.payment.card, data: { status: refused } } }
"#
    );
    insta::assert_snapshot!(covered(&all), @"
    order-paid 6/6
    refund 1/1
    100.0%
    ");
}

#[test]
fn what_is_shipped_is_tested() {
    let files = [
        ("routes/lab.yaml", include_str!("../../../routes/lab.yaml")),
        ("routes/github.yaml", include_str!("../../../routes/github.yaml")),
    ];
    let suite = Suite::load(files.map(|(name, text)| (name.to_owned(), text.to_owned()))).unwrap();
    for result in suite.run(|_| true) {
        assert!(result.passed(), "{result:#?}");
    }
    let coverage = suite.coverage(|_| true);
    assert!(coverage.percent() == 100.0, "{coverage:#?}");
}
