//! Commands that ask routes and need no server.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

const ROUTES: &str = r#"version: 1
routes:
  - name: order-paid
    on: events.shop.payment.*
    when: ${ event.data.status == "paid" }
    start:
      workflow: Order
      workflow_id: order-${ event.data.id }
      args: [ "${ event.data.?by.orValue('nobody') }" ]
tests:
  - name: paid
    event: { subject: events.shop.payment.card, data: { id: 7, status: paid } }
    expect:
      - start: { workflow_id: order-7 } # its id
"#;

struct Told {
    code: i32,
    stdout: String,
    stderr: String,
}

/// A folder with `routes/shop.yaml`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("routes")).unwrap();
    fs::write(folder.path().join("routes/shop.yaml"), ROUTES).unwrap();
    folder
}

fn run(folder: &Path, args: &[&str]) -> Told {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    let output = command.args(args).current_dir(folder).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Told { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn spoil(folder: &Path) {
    let path = folder.join("routes/shop.yaml");
    fs::write(&path, ROUTES.replace("workflow_id: order-7", "workflow_id: order-8")).unwrap();
}

#[test]
fn tests_that_fail_are_told_with_what_differs() {
    let folder = folder();
    let told = run(folder.path(), &["test"]);
    assert_eq!((told.code, told.stdout.as_str()), (0, "ok 1 test of 1 route\n"), "{}", told.stderr);
    spoil(folder.path());
    let told = run(folder.path(), &["test"]);
    assert_eq!(told.code, 1);
    insta::assert_snapshot!(told.stdout, @"
    failed paid  routes/shop.yaml:11
          - start:
        -     workflow_id: order-8
        +     workflow_id: order-7

    failed 1 of 1 test of 1 route
    ");
    let told = run(folder.path(), &["test", "--json"]);
    let json: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((told.code, &json["failed"], &json["tests"][0]["passed"]), (1, &1.into(), &false.into()));
}

#[test]
fn updating_changes_what_is_expected_and_nothing_else() {
    let folder = folder();
    spoil(folder.path());
    let told = run(folder.path(), &["test", "--update"]);
    assert_eq!((told.code, told.stdout.as_str()), (0, "written: routes/shop.yaml\nok 1 test of 1 route\n"));
    let text = fs::read_to_string(folder.path().join("routes/shop.yaml")).unwrap();
    assert_eq!(text, ROUTES);
    // Nothing is written where nothing fails.
    assert_eq!(run(folder.path(), &["test", "--update"]).stdout, "ok 1 test of 1 route\n");
}

#[test]
fn coverage_may_fail_a_run_of_tests_that_pass() {
    let folder = folder();
    let told = run(folder.path(), &["test", "--coverage", "--coverage-min", "51"]);
    assert_eq!(told.code, 1);
    insta::assert_snapshot!(told.stdout, @"
    part  order-paid  2 of 4    routes/shop.yaml
             5  `when` is never false
             9  `event.data.?by` is never there

    ok 1 test of 1 route, 50.0% covered
    failed less than 51% is covered
    ");
    let told = run(folder.path(), &["test", "--coverage-min", "50", "--json"]);
    let json: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((told.code, &json["coverage"]["percent"]), (0, &50.0.into()), "{json}");
}

#[test]
fn ci_gets_a_junit_report() {
    let folder = folder();
    spoil(folder.path());
    let told = run(folder.path(), &["test", "--junit", "report.xml"]);
    assert_eq!(told.code, 1);
    let xml = fs::read_to_string(folder.path().join("report.xml")).unwrap();
    assert!(xml.contains(r#"<testsuites name="signalbox test" tests="1" skipped="0" failures="1""#), "{xml}");
    assert!(xml.contains(r#"<failure message="routes/shop.yaml:11">"#) && xml.contains("order-8"), "{xml}");
}

#[test]
fn what_cannot_be_run_has_its_exit_code() {
    let folder = folder();
    let code = |args: &[&str]| run(folder.path(), args).code;
    assert_eq!(code(&["test", "--test", "PAID"]), 2);
    assert_eq!(code(&["test", "--test", "pai"]), 0);
    assert_eq!(code(&["test", "elsewhere"]), 64);
    assert_eq!(code(&["test", "--coverage-min", "101"]), 64);
    fs::write(folder.path().join("routes/more.test.yaml"), "version: 1\ntests: [ { nam: a } ]\n").unwrap();
    let told = run(folder.path(), &["test"]);
    assert_eq!(told.code, 64);
    assert!(
        told.stdout.contains("routes/more.test.yaml:2") && told.stdout.contains("`name`"),
        "{}",
        told.stdout
    );
}

#[test]
fn an_event_is_explained_before_it_is_published() {
    let folder = folder();
    let explain = |data: &str| {
        run(folder.path(), &["explain", "--subject", "events.shop.payment.card", "--data", data])
    };
    insta::assert_snapshot!(explain(r#"{"id": 7, "status": "paid"}"#).stdout, @"
    events.shop.payment.card  explained

    matched     order-paid  routes/shop.yaml:3
        - start:
            workflow: Order
            workflow_id: order-7
            args:
              - nobody

    1 of 1 route matched, 1 command
    ");
    insta::assert_snapshot!(explain(r#"{"id": 7, "status": "refused"}"#).stdout, @r#"
    events.shop.payment.card  explained

    unmatched   order-paid  routes/shop.yaml:5
        event.data.status == "paid" is false
          `event.data.status` is "refused"

    0 of 1 route matched, 0 commands
    "#);
    insta::assert_snapshot!(explain(r#"{"status": "paid"}"#).stdout, @"
    events.shop.payment.card  explained

    failed      order-paid  routes/shop.yaml:3
        workflow_id: `event.data.id`: no such key: `id`
          `event.data.id` is not there

    0 of 1 route matched, 0 commands
    ");
    insta::assert_snapshot!(run(folder.path(), &["explain", "--subject", "events.shop.order"]).stdout, @"
    events.shop.order  explained

    not wanted  order-paid  wants events.shop.payment.*: `payment`, not `order`

    0 of 1 route matched, 0 commands
    ");
    let event = r#"{"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "paid", "data": {"id": 7, "status": "paid"}}"#;
    fs::write(folder.path().join("event.json"), event).unwrap();
    let line = ["explain", "--subject", "events.shop.payment.card", "--file", "event.json", "--json"];
    let json: Value = serde_json::from_str(&run(folder.path(), &line).stdout).unwrap();
    let route = &json["routes"][0];
    assert_eq!((&json["event_id"], &route["verdict"]), (&"e-1".into(), &"matched".into()), "{json}");
    assert_eq!(route["commands"][0]["start"]["task_queue"], "lab6-queue");
    for wrong in
        [&["explain"][..], &["explain", "--subject", "elsewhere"], &["explain", "e-1", "--sequence", "7"]]
    {
        assert_eq!(run(folder.path(), wrong).code, 64, "{wrong:?}");
    }
    let not_json = explain("{");
    assert!(not_json.code == 64 && not_json.stderr.contains("not JSON"), "{}", not_json.stderr);
}
