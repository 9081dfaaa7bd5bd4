//! Bytes that an earlier build wrote are still read, and still written the same.

use std::{fs, path::PathBuf};

use prost::Message;
use prost_types::Timestamp;

use crate::v1::*;

fn event_ref() -> EventRef {
    EventRef {
        id: "e-1".into(),
        source: "/shop".into(),
        r#type: "shop.order.paid".into(),
        nats_subject: "events.shop.order.paid".into(),
        stream_sequence: 7,
    }
}

fn at() -> Option<Timestamp> {
    Some(Timestamp { seconds: 1_767_225_600, nanos: 5 })
}

fn trace() -> Option<TraceContext> {
    Some(TraceContext {
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
        tracestate: "a=b".into(),
    })
}

fn start() -> Start {
    Start {
        workflow_type: "CronWorkflow".into(),
        task_queue: "lab6-queue".into(),
        args: vec![b"\"hello\"".as_slice().into()],
        conflict_policy: ConflictPolicy::Fail.into(),
    }
}

fn command() -> Command {
    Command {
        effect_key: "0123".into(),
        key: "order-7".into(),
        event: Some(event_ref()),
        route: "order-paid".into(),
        trigger: Trigger::Event.into(),
        reply_to: "_INBOX.a".into(),
        trace: trace(),
        accepted_at: at(),
        route_set: "v1".into(),
        action: Some(command::Action::SignalWithStart(SignalWithStart {
            start: Some(start()),
            signal: Some(Signal { name: "paid".into(), args: vec![b"{}".as_slice().into()] }),
        })),
    }
}

fn outcome() -> Outcome {
    Outcome {
        event: Some(event_ref()),
        effect_key: "0123".into(),
        kind: OutcomeKind::Started.into(),
        route: "order-paid".into(),
        route_set: "v1".into(),
        workflow_id: "order-7".into(),
        run_id: "run".into(),
        reason: "code".into(),
        detail: "words".into(),
        attempts: 2,
        at: at(),
        trace: trace(),
        verdicts: vec![Verdict { route: "r".into(), matched: true, detail: "d".into() }],
        effect_keys: vec!["0123".into()],
    }
}

fn check<M: Message + Default + PartialEq + std::fmt::Debug>(name: &str, message: &M) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/v1").join(format!("{name}.bin"));
    if std::env::var_os("SIGNALBOX_WRITE_GOLDEN").is_some() && !path.exists() {
        fs::write(&path, message.encode_to_vec()).unwrap();
    }
    let bytes = fs::read(&path).unwrap();
    assert_eq!(&M::decode(bytes.as_slice()).unwrap(), message, "{name} reads differently");
    assert_eq!(message.encode_to_vec(), bytes, "{name} is written differently");
}

#[test]
fn bytes_of_version_1_are_read_and_written_the_same() {
    check(
        "event",
        &Event {
            id: "e-1".into(),
            source: "/shop".into(),
            r#type: "shop.order.paid".into(),
            nats_subject: "events.shop.order.paid".into(),
            time: at(),
            data_content_type: "application/json".into(),
            data_schema: "https://example.com/schema".into(),
            subject: "order/7".into(),
            extensions: [("tenant".to_string(), "a".to_string())].into(),
            data: b"{}".as_slice().into(),
            trace: trace(),
        },
    );
    check("command-batch", &CommandBatch { commands: vec![command()] });
    check("outcome", &outcome());
    check(
        "dead-letter",
        &DeadLetter {
            event: Some(event_ref()),
            command: Some(command()),
            raw: b"raw".as_slice().into(),
            outcome: Some(outcome()),
        },
    );
    check(
        "lookup-request",
        &LookupRequest {
            workflow_id: "order-7".into(),
            run_id: "run".into(),
            what: Some(lookup_request::What::Query(QueryLookup {
                name: "progress".into(),
                args: vec![b"1".as_slice().into()],
            })),
        },
    );
    check(
        "schedule-request",
        &ScheduleRequest {
            request_id: "r-1".into(),
            what: Some(schedule_request::What::Create(CreateSchedule {
                schedule: Some(ScheduleSpec {
                    schedule_id: "nightly".into(),
                    cron: "0 2 * * *".into(),
                    time_zone: "Europe/Paris".into(),
                    start: Some(start()),
                    workflow_id: "nightly-run".into(),
                    created_at: at(),
                    request_id: "r-1".into(),
                    confirmed: false,
                    previous: None,
                }),
            })),
        },
    );
    check(
        "schedule-change",
        &ScheduleRequest {
            request_id: "r-2".into(),
            what: Some(schedule_request::What::Change(ChangeSchedule {
                schedule_id: "nightly".into(),
                cron: Some("0 3 * * *".into()),
                time_zone: Some(String::new()),
                args: Some(ScheduleArgs { args: vec![b"\"hello\"".as_slice().into()] }),
            })),
        },
    );
    check(
        "schedule-pause",
        &ScheduleRequest {
            request_id: "r-3".into(),
            what: Some(schedule_request::What::Pause(PauseSchedule {
                schedule_id: "nightly".into(),
                note: "maintenance".into(),
            })),
        },
    );
    check(
        "schedule-backfill",
        &ScheduleRequest {
            request_id: "r-4".into(),
            what: Some(schedule_request::What::Backfill(BackfillSchedule {
                schedule_id: "nightly".into(),
                from: at(),
                to: at(),
            })),
        },
    );
}
