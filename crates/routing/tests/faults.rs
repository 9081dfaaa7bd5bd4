//! What is said about route files that are wrong.

use signalbox_routing::RouteSet;

fn faults(text: &str) -> String {
    let loaded = RouteSet::load([("routes/lab.yaml".to_owned(), text.to_owned())]);
    loaded.map_or_else(|faults| faults.to_string(), |_| "none".to_owned())
}

fn route(rest: &str) -> String {
    format!("version: 1\nroutes:\n  - name: a\n    on: events.a\n{rest}")
}

#[test]
fn all_faults_of_a_file_are_found_at_once() {
    let text = r#"
version: 2
extra: yes
routes:
  - name: payment received
    on: shop.payment
    wehn: ${ true }
    signal:
      workflow_id: order-${ event.data.order_id
      name: pay-${ 1 }
      args: "${ event.data }"
  - on: events.a
    when: event.data.ok
    start:
      workflow: 7
      workflow_id: a ${ evnt.id } b
      id_conflict_policy: use-existing
      args: [ { a: [ "${ 1 + }" ] }, "${ event.dat }" ]
  - name: b
    on: events.b.>.c
  - name: c
    on: events.c
    signal: {workflow_id: x, name: y}
    start: {workflow_id: x, workflow: y}
"#;
    insta::assert_snapshot!(faults(text), @"
    routes/lab.yaml:2:10: `version` is 1; no other is known
    routes/lab.yaml:3:1: unknown field `extra`; known are `version`, `defaults`, `events`, `sources`, `schedules`, `routes`, `tests`
    routes/lab.yaml:5:11: the name of a route has 1 to 64 letters (a-z, A-Z), digits, `-` or `_`
    routes/lab.yaml:6:9: a subject filter starts with `events.`
    routes/lab.yaml:7:5: unknown field `wehn`; did you mean `when`?
    routes/lab.yaml:9:26: `${` has no `}`; is a text in the expression left open? (`$${` is a plain `${`)
    routes/lab.yaml:11:13: `args` is a list, not a text
    routes/lab.yaml:12:5: missing field `name`
    routes/lab.yaml:13:11: `when` is one expression, ${ … }
    routes/lab.yaml:15:17: `workflow` is a text, not a number
    routes/lab.yaml:16:25: unknown name `evnt`; did you mean `event`?
    routes/lab.yaml:17:27: `id_conflict_policy` is one of `fail`, `use_existing`, `terminate_existing`; did you mean `use_existing`?
    routes/lab.yaml:18:30: not a CEL expression: it ends too early
    routes/lab.yaml:18:42: an event has no `dat`; did you mean `data`?
    routes/lab.yaml:19:5: a route has one action or `do`; one of `start`, `signal`, `signal_with_start`, `update`, `update_with_start`, `query`, `cancel`, `terminate`, `signal_all`, `schedule`, `publish`, or several of them under `do`
    routes/lab.yaml:20:9: `>` stands for the rest of the subject, so it is the last token
    routes/lab.yaml:21:5: a route has one action or `do`; one of `start`, `signal`, `signal_with_start`, `update`, `update_with_start`, `query`, `cancel`, `terminate`, `signal_all`, `schedule`, `publish`, or several of them under `do`
    ");
}

#[test]
fn what_is_not_a_route_file_is_said_so() {
    insta::assert_snapshot!(faults(""), @"routes/lab.yaml:1:1: a route file is a map, not nothing");
    insta::assert_snapshot!(faults("- a"), @"routes/lab.yaml:1:1: a route file is a map, not a list");
    insta::assert_snapshot!(faults("version: 1\nroutes: 5"), @"routes/lab.yaml:2:9: `routes` is a list, not a number");
    insta::assert_snapshot!(faults("version: 1"), @"none");
    insta::assert_snapshot!(faults("version: 1\nroutes: [\n"), @"routes/lab.yaml:2:9: not the YAML of a route file: unclosed bracket '['");
    insta::assert_snapshot!(faults("version: 1\nversion: 1\nroutes: []"), @"routes/lab.yaml:2:1: not the YAML of a route file: duplicate mapping key `version` is not allowed here");
    insta::assert_snapshot!(faults("version: 1\nroutes: []\n---\nversion: 1"), @"routes/lab.yaml:4:1: not the YAML of a route file: only single YAML document expected but multiple found");
    insta::assert_snapshot!(faults("version: 1\nroutes: [a, {}]"), @"
    routes/lab.yaml:2:10: a route is a map, not a text
    routes/lab.yaml:2:13: a route has one action or `do`; one of `start`, `signal`, `signal_with_start`, `update`, `update_with_start`, `query`, `cancel`, `terminate`, `signal_all`, `schedule`, `publish`, or several of them under `do`
    routes/lab.yaml:2:13: missing field `name`
    routes/lab.yaml:2:13: missing field `on`
    ");
    insta::assert_snapshot!(faults("version: 1\nroutes: *nowhere"), @"routes/lab.yaml:2:9: not the YAML of a route file: reference to unknown value");
}

#[test]
fn fields_of_the_wrong_shape_are_said_so() {
    insta::assert_snapshot!(faults(&route("    start: now")), @"routes/lab.yaml:5:12: `start` is a map, not a text");
    insta::assert_snapshot!(faults(&route("    signal: {workflow_id: 7, name: ''}")), @r#"
    routes/lab.yaml:5:27: `workflow_id` is a text, not a number
    routes/lab.yaml:5:36: `name` is empty
    "#);
    insta::assert_snapshot!(faults(&route("    signal: {workflow_id: , name: n, args: {a: .nan}}")), @"routes/lab.yaml:5:48: not the YAML of a route file: value `.nan` is not a finite number");
    insta::assert_snapshot!(faults(&route("    signal: {workflow_id: a, name: n, args: [{\"${ 1 }\": 2}]}")), @"
    routes/lab.yaml:5:27: `workflow_id` is the same for every event; put a part of the event into it, `${ event.data.… }`, or say `singleton: true` if it is meant
    routes/lab.yaml:5:47: the name of an entry is written out; `${ … }` has no place in it
    ");
    insta::assert_snapshot!(faults(&route("    when: true\n    signal: {workflow_id: a, name: n}")), @"routes/lab.yaml:5:11: `when` is one expression, ${ … }");
    insta::assert_snapshot!(faults(&route("    when: ${ true } or so\n    signal: {workflow_id: a, name: n}")), @"routes/lab.yaml:5:11: `when` is one expression, ${ … }");
    insta::assert_snapshot!(
        faults(&route("    signal_with_start: {workflow: w, workflow_id: a, id_conflict_policy: fail}")),
        @"
    routes/lab.yaml:5:24: missing field `signal`
    routes/lab.yaml:5:54: unknown field `id_conflict_policy`; known are `workflow`, `workflow_id`, `task_queue`, `args`, `signal`, `id_reuse_policy`, `execution_timeout`, `run_timeout`, `task_timeout`, `start_delay`, `retry`, `memo`, `search_attributes`, `priority`, `singleton`
    "
    );
}

#[test]
fn places_inside_a_value_are_exact_where_the_file_shows_them() {
    let at = |value: &str| {
        let fault = faults(&route(&format!("    signal:\n      name: n\n      workflow_id: {value}\n")));
        fault.trim_start_matches("routes/lab.yaml:").to_owned()
    };
    insta::assert_snapshot!(at("abc-${ oops }"), @"7:27: unknown name `oops`");
    insta::assert_snapshot!(at("\"abc-${ oops }\""), @"7:28: unknown name `oops`");
    insta::assert_snapshot!(at("'größe-${ oops }'"), @"7:30: unknown name `oops`");
    insta::assert_snapshot!(at("\"a\\n${ oops }\""), @"7:20: unknown name `oops`");
    insta::assert_snapshot!(at(">-\n        a\n        ${ oops }"), @"9:12: unknown name `oops`");
}

#[test]
fn names_are_unique_over_all_files() {
    let file = |name: &str| (name.to_owned(), route("    signal: {workflow_id: a, name: n}"));
    let faults = RouteSet::load([file("b.yaml"), file("a.yaml")]).unwrap_err();
    insta::assert_snapshot!(faults, @"
    a.yaml:5:27: `workflow_id` is the same for every event; put a part of the event into it, `${ event.data.… }`, or say `singleton: true` if it is meant
    b.yaml:3:11: the name `a` is taken by the route at a.yaml:3:11
    b.yaml:5:27: `workflow_id` is the same for every event; put a part of the event into it, `${ event.data.… }`, or say `singleton: true` if it is meant
    ");
}

#[test]
fn alias_bombs_and_deep_files_are_refused() {
    let mut bomb = "version: 1\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for n in 1..20 {
        let line = format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(","));
        bomb.push_str(&line);
    }
    assert!(faults(&bomb).contains("not the YAML of a route file"), "{}", faults(&bomb));
    assert!(faults(&"[".repeat(100_000)).contains("not the YAML of a route file"));
    assert!(faults(&"a: ".repeat(10)).contains("not the YAML of a route file"));
    assert!(faults(&" ".repeat(2 << 20)).contains("at most 1048576 are read"));
}

#[test]
fn terms_that_mean_nothing_are_said_so() {
    let signal = |then: &str| {
        faults(&route(&format!(
            "    signal: {{ workflow_id: \"${{ event.id }}\", name: n, if_missing: {then} }}"
        )))
    };
    insta::assert_snapshot!(signal("{ park: 8d }"), @"routes/lab.yaml:5:74: `park` is a span of time with its units, such as `90s` or `1h 30m`, of at most 7days, and the same for every event");
    insta::assert_snapshot!(signal("{ park: \"${ event.data.wait }\" }"), @"routes/lab.yaml:5:74: `park` is a span of time with its units, such as `90s` or `1h 30m`, of at most 7days, and the same for every event");
    insta::assert_snapshot!(signal("{ park: 1m, start: { workflow: W } }"), @"routes/lab.yaml:5:66: `if_missing` is `dead`, `drop`, or a map with `park` or `start`");
    insta::assert_snapshot!(signal("{}"), @"routes/lab.yaml:5:66: `if_missing` is `dead`, `drop`, or a map with `park` or `start`");
    insta::assert_snapshot!(signal("parked"), @"routes/lab.yaml:5:66: `if_missing` is `dead`, `drop`, or a map with `park` or `start`");
    insta::assert_snapshot!(signal("7"), @"routes/lab.yaml:5:66: `if_missing` is `dead`, `drop`, or a map with `park` or `start`");
    insta::assert_snapshot!(signal("{ start: { workflow: W, workflow_id: w } }"), @"routes/lab.yaml:5:90: unknown field `workflow_id`; did you mean `workflow`?");
    insta::assert_snapshot!(
        faults(&route("    start: { workflow: W, workflow_id: \"${ event.id }\", if_missing: drop, deadline: 1m }")),
        @"
    routes/lab.yaml:5:57: unknown field `if_missing`; it stands in `signal`, `update`, `query`, `cancel` or `terminate`: no other action needs a run that is open
    routes/lab.yaml:5:75: unknown field `deadline`; it stands in a route, beside the action, or in `defaults`
    "
    );
    insta::assert_snapshot!(
        faults(&route("    query: { workflow_id: \"${ event.id }\", name: n, if_missing: { start: { workflow: W } } }")),
        @"
    routes/lab.yaml:5:65: `if_missing` is `dead`, `drop`, or a map with `park`
    routes/lab.yaml:5:67: unknown field `start`; known are `park`
    "
    );
    insta::assert_snapshot!(
        faults(&route("    deadline: 0s\n    query: { workflow_id: \"${ event.id }\", name: n }")),
        @"routes/lab.yaml:5:15: `deadline` is a span of time with its units, such as `90s` or `1h 30m`, of at most 30days, and the same for every event"
    );
}

#[test]
fn a_flow_that_makes_no_sense_is_refused() {
    let signal = r#"signal: { workflow_id: "${ event.id }", name: s, args: [ 1 ] }"#;
    let no_args = r#"signal: { workflow_id: "${ event.id }", name: s }"#;
    let start = r#"start: { workflow_id: "${ event.id }", workflow: w, args: [ 1 ] }"#;
    let query = r#"query: { workflow_id: "${ event.id }", name: q }"#;
    let flows = [
        ("{}", signal),
        ("{ debounce: 2d }", signal),
        (r#"{ debounce: "${ event.data.quiet }" }"#, signal),
        ("{ debounce: { quiet: 1m, at_most: 1s } }", signal),
        ("{ batch: { size: 1001, within: 1s } }", signal),
        ("{ throttle: { limit: 1 } }", signal),
        ("{ throtle: { limit: 1, per: 1s } }", signal),
        ("{ batch: { size: 10, within: 1s } }", no_args),
        ("{ batch: { size: 10, within: 1s } }", start),
        ("{ signals_per_run: 10 }", start),
        ("{ debounce: 1s }", start),
        ("{ debounce: 1s }", query),
    ];
    let told = flows.map(|(flow, action)| faults(&route(&format!("    flow: {flow}\n    {action}\n"))));
    insta::assert_snapshot!(told.join("\n"), @"
    routes/lab.yaml:5:11: `flow` holds nothing back; one of `debounce`, `batch`, `throttle` and `signals_per_run`
    routes/lab.yaml:5:23: `debounce` is a span of time with its units, such as `90s`, from 1ms to 1day
    routes/lab.yaml:5:23: `debounce` is a span of time with its units, such as `90s`, from 1ms to 1day
    routes/lab.yaml:5:23: `at_most` is shorter than `quiet`; a burst lasts for `quiet` at least
    routes/lab.yaml:5:28: `size` is a whole number from 1 to 1000
    routes/lab.yaml:5:23: missing field `per`
    routes/lab.yaml:5:13: unknown field `throtle`; did you mean `throttle`?
    routes/lab.yaml:5:11: `batch` is for signals and updates that have arguments; `signal`, `signal_with_start`, `update` or `update_with_start`, with at least one of `args`
    routes/lab.yaml:5:11: `batch` is for signals and updates that have arguments; `signal`, `signal_with_start`, `update` or `update_with_start`, with at least one of `args`
    routes/lab.yaml:5:11: `signals_per_run` is for routes that signal a workflow; `signal` or `signal_with_start`
    none
    routes/lab.yaml:5:11: a query is not held back: somebody waits for its answer; put the query into a route of its own
    ");
}
