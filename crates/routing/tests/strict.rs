//! What is refused of routes for declared events, and what is said about it.

use signalbox_routing::RouteSet;

const EVENTS: &str = "
version: 1
events:
  - on: events.shop.order.*
    schema:
      type: object
      required: [id, status, who]
      properties:
        id: { type: integer }
        status: { enum: [paid, refused] }
        who: { type: string }
        note: { type: string, maxLength: 20 }
        items: { type: array, items: { type: object, required: [n], properties: { n: { type: number } } } }
        any: {}
routes:
";

fn faults(routes: &str) -> String {
    let loaded = RouteSet::load([("r.yaml".to_owned(), format!("{}{routes}", EVENTS.trim_start()))]);
    loaded.map_or_else(|faults| faults.to_string(), |_| "none".to_owned())
}

#[test]
fn guards_are_booleans_that_have_a_value_and_can_be_true() {
    let route = |guard: &str| {
        faults(&format!(
            "  - name: a\n    on: events.shop.order.paid\n    when: ${{ {guard} }}\n    signal: {{ workflow_id: \"order-${{ event.data.id }}\", name: x }}\n"
        ))
    };
    insta::assert_snapshot!(route("event.data.amount > 3"), @"
    r.yaml:17:14: `event.data.amount` may be missing; use `event.data.?amount.orValue(…)`, ask `has(event.data.amount)` first, or list it under `required` and `properties`
    r.yaml:17:14: the type of `event.data.amount` is not declared; declare it in the schema
    ");
    insta::assert_snapshot!(route("event.data.status"), @r#"r.yaml:17:14: `when` is a boolean, not "paid" or "refused""#);
    insta::assert_snapshot!(route("event.data.any"), @"
    r.yaml:17:14: `event.data.any` may be missing; use `event.data.?any.orValue(…)`, ask `has(event.data.any)` first, or list it under `required`
    r.yaml:17:14: `when` is a boolean; the type of this is not declared; declare it in the schema
    ");
    insta::assert_snapshot!(route("event.data.status == 'payed'"), @r#"r.yaml:17:14: never true: `event.data.status` is "paid" or "refused", not "payed""#);
    insta::assert_snapshot!(route("event.data.status == 'paid' && event.data.status == 'refused'"), @r#"r.yaml:17:45: never true: `event.data.status` is "paid", `'refused'` is "refused""#);
    insta::assert_snapshot!(route("has(event.data.note) && event.data.note.startsWith('a')"), @"none");
    insta::assert_snapshot!(route("event.subject == 'events.shop.order.placed'"), @r#"r.yaml:17:14: never true: `event.subject` is "events.shop.order.paid", `'events.shop.order.placed'` is "events.shop.order.placed""#);
    insta::assert_snapshot!(route("false"), @"r.yaml:17:14: `when` is never true");
}

#[test]
fn values_are_there_and_fit() {
    insta::assert_snapshot!(faults(r#"
  - name: b
    on: events.shop.order.paid
    start:
      workflow: ${ event.data.who }
      workflow_id: order-${ event.data.who }
      args:
        - ${ event.data.note }
        - ${ event.data.any + 1 }
        - ${ event.data.items[0].n / event.data.id }
        - a${ event.data.any }
        - ${ event.data.?note.orValue("") + string(event.data.id) }
      start_delay: ${ event.data.who }
"#), @"
    r.yaml:19:20: `workflow`: it may have more than 255 bytes; use `id(…)`, or give it a `maxLength` in the schema (a character has up to 4 bytes)
    r.yaml:20:29: `workflow_id`: it may have more than 255 bytes; use `id(…)`, or give it a `maxLength` in the schema (a character has up to 4 bytes)
    r.yaml:22:14: `event.data.note` may be missing; use `event.data.?note.orValue(…)`, ask `has(event.data.note)` first, or list it under `required`
    r.yaml:23:14: `event.data.any` may be missing; use `event.data.?any.orValue(…)`, ask `has(event.data.any)` first, or list it under `required`
    r.yaml:23:14: the type of `event.data.any` is not declared; declare it in the schema
    r.yaml:24:14: `event.data.items` may be missing; use `event.data.?items.orValue(…)`, ask `has(event.data.items)` first, or list it under `required`
    r.yaml:24:14: `event.data.items[0]` may be missing; use `event.data.items[?0].orValue(…)`
    r.yaml:24:38: `event.data.id` may be 0; ask `event.data.id != 0` first, or give it a `minimum` in the schema
    r.yaml:25:15: `event.data.any` may be missing; use `event.data.?any.orValue(…)`, ask `has(event.data.any)` first, or list it under `required`
    r.yaml:27:23: `start_delay` is a duration or a number of seconds, not a text
    ");
}

#[test]
fn what_a_guard_asks_for_is_known_in_the_values() {
    insta::assert_snapshot!(faults(r#"
  - name: c
    on: events.shop.order.paid
    when: ${ has(event.data.note) && event.data.note != "" && event.data.id > 0 }
    do:
      - signal: { workflow_id: "order-${ id(event.data.note) }", name: paid, args: [ "${ 100 / event.data.id }" ] }
      - publish: { subject: "events.copy.${ token(event.data.note) }", extensions: { note: "${ event.data.note }" } }
"#), @"none");
    insta::assert_snapshot!(faults(r#"
  - name: c
    on: events.shop.order.paid
    publish: { subject: "events.copy.${ event.data.who }", extensions: { a: "${ event.data.any }", b: [] } }
"#), @"
    r.yaml:18:41: `subject`: it may have more than 512 bytes; use `token(…)`, or give it a `maxLength` in the schema (a character has up to 4 bytes)
    r.yaml:18:81: `event.data.any` may be missing; use `event.data.?any.orValue(…)`, ask `has(event.data.any)` first, or list it under `required`
    ");
}

#[test]
fn defaults_are_checked_for_each_route_that_needs_them() {
    let text = |queue: &str| {
        format!(
            "  - name: a\n    on: events.shop.order.paid\n    start: {{ workflow: W, workflow_id: \"w-${{ event.data.id }}\"{queue} }}\ndefaults: {{ task_queue: \"${{ event.data.tenant }}\" }}\n"
        )
    };
    insta::assert_snapshot!(faults(&text("")), @"r.yaml:18:29: `event.data.tenant` may be missing; use `event.data.?tenant.orValue(…)`, ask `has(event.data.tenant)` first, or list it under `required` and `properties`");
    insta::assert_snapshot!(faults(&text(", task_queue: q")), @"none");
}

#[test]
fn several_events_may_come() {
    let file = |on: &str, guard: &str| {
        format!(
            r#"
version: 1
events:
  - on: events.pay.card.*
    schema:
      {{ type: object, required: [id, kind], properties: {{ id: {{ type: integer }}, kind: {{ const: card }}, card: {{ type: string }} }} }}
  - on: events.pay.cash.*
    schema:
      {{ type: object, required: [id, kind, coins], properties: {{ id: {{ type: string }}, kind: {{ const: cash }}, coins: {{ type: integer }} }} }}
routes:
  - name: a
    on: {on}
    when: ${{ {guard} }}
    signal: {{ workflow_id: "pay-${{ id(event.data.id) }}", name: paid, args: [ "${{ event.data.coins + 1 }}" ] }}
"#
        )
    };
    let faults = |on: &str, guard: &str| {
        let loaded = RouteSet::load([("r.yaml".to_owned(), file(on, guard))]);
        loaded.map_or_else(|faults| faults.to_string(), |_| "none".to_owned())
    };
    let both = "[ events.pay.card.*, events.pay.cash.* ]";
    insta::assert_snapshot!(faults(both, "event.data.kind == 'cash'"), @"none");
    insta::assert_snapshot!(faults("events.pay.cash.*", "event.data.coins > 0"), @"none");
    insta::assert_snapshot!(faults(both, "event.data.coins > 0"), @"
    r.yaml:13:14: `event.data.coins` may be missing; use `event.data.?coins.orValue(…)`, ask `has(event.data.coins)` first, or list it under `required` and `properties`
    r.yaml:13:14: the type of `event.data.coins` is not declared; declare it in the schema
    ");
    insta::assert_snapshot!(faults(both, "event.data.kind == 'cheque'"), @"r.yaml:13:14: `when` is never true");
    // Others may be on these subjects.
    insta::assert_snapshot!(faults("events.pay.>", "event.data.kind == 'cheque'"), @"none");
}
