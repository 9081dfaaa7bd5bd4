//! Bytes that an earlier build wrote are still read, and still written the same.

mod schedules;

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
        ..Default::default()
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
        repeated: false,
        matching: None,
        terms: None,
        action: Some(command::Action::SignalWithStart(SignalWithStart {
            start: Some(start()),
            signal: Some(Signal { name: "paid".into(), args: vec![b"{}".as_slice().into()] }),
        })),
    }
}

/// One of each action that [`command`] is not.
fn actions() -> Vec<Command> {
    let span = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let field = |name: &str, json: &'static [u8]| [(name.to_owned(), json.into())].into();
    let (name, args) = ("name".to_owned(), vec![b"1".as_slice().into()]);
    let full = Start {
        reuse_policy: ReusePolicy::RejectDuplicate.into(),
        execution_timeout: span(1),
        run_timeout: span(2),
        task_timeout: span(3),
        retry_policy: Some(RetryPolicy {
            initial_interval: span(4),
            backoff_coefficient: 2.5,
            maximum_interval: span(5),
            maximum_attempts: 6,
            non_retryable_error_types: vec!["Refused".into()],
        }),
        memo: field("note", b"\"n\""),
        search_attributes: field("Tenant", b"\"a\""),
        start_delay: span(7),
        priority: Some(Priority { priority_key: 1, fairness_key: "a".into(), fairness_weight: 1.5 }),
        ..start()
    };
    let update = Update { name: name.clone(), args: args.clone(), wait: UpdateWait::Completed.into() };
    let signal = Signal { name: name.clone(), args: args.clone() };
    let pause = PauseSchedule { schedule_id: "nightly".into(), note: "why".into() };
    let event = Event { id: "e-2".into(), nats_subject: "events.shop".into(), ..Default::default() };
    [
        command::Action::Start(full.clone()),
        command::Action::Signal(signal.clone()),
        command::Action::Update(update.clone()),
        command::Action::UpdateWithStart(UpdateWithStart { start: Some(full), update: Some(update) }),
        command::Action::Query(Query { name, args }),
        command::Action::Cancel(Cancel { reason: "why".into() }),
        command::Action::Terminate(Terminate { reason: "why".into() }),
        command::Action::SignalAll(SignalAll { query: "A = 1".into(), signal: Some(signal), limit: 9 }),
        command::Action::Schedule(ScheduleRequest {
            request_id: "0123".into(),
            what: Some(schedule_request::What::Pause(pause)),
        }),
        command::Action::Publish(Publish { event: Some(event) }),
    ]
    .map(|action| Command { action: Some(action), ..Default::default() })
    .into()
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
        ..Default::default()
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
    check("command-batch", &CommandBatch { commands: vec![command()], ..Default::default() });
    check("outcome", &outcome());
    check("command-actions", &CommandBatch { commands: actions(), ..Default::default() });
    let matching = Matching {
        verdicts: vec![Verdict { route: "r".into(), matched: true, detail: "d".into() }],
        effect_keys: vec!["0123".into()],
    };
    let again = Command { repeated: true, matching: Some(matching), ..command() };
    check("command-repeated", &CommandBatch { commands: vec![again, command()], ..Default::default() });
    check(
        "outcome-answered",
        &Outcome {
            kind: OutcomeKind::Answered.into(),
            result: b"{}".as_slice().into(),
            target: "events.shop".into(),
            workflows: 3,
            ..Default::default()
        },
    );
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
        "lookup-list",
        &LookupRequest {
            what: Some(lookup_request::What::List(ListLookup {
                query: "WorkflowType = 'Order'".into(),
                limit: 20,
                page_token: b"place".as_slice().into(),
            })),
            ..Default::default()
        },
    );
    check(
        "lookup-workflows",
        &LookupReply {
            what: Some(lookup_reply::What::Workflows(WorkflowList {
                workflows: vec![b"{}".as_slice().into()],
                next_page_token: b"place".as_slice().into(),
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
                    declaration: String::new(),
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
                declaration: String::new(),
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

#[test]
fn bytes_of_replays_are_read_and_written_the_same() {
    let request = ReplayRequest {
        stream_sequences: vec![7, 9],
        routes: vec!["payment".into()],
        again: "ticket-1".into(),
        dry_run: true,
        dead: true,
        letters: true,
        repeated: true,
    };
    check("replay-request", &request);
    let effect = ReplayedEffect {
        effect_key: "0123".into(),
        route: "payment".into(),
        action: "signal:payment".into(),
        target: "order-7".into(),
        known: OutcomeKind::Signalled.into(),
    };
    let event = ReplayedEvent {
        stream_sequence: 7,
        state: ReplayedState::Planned.into(),
        event: Some(event_ref()),
        detail: "why".into(),
        asked_for: 1,
        passed_over: 2,
        effects: vec![effect],
        failed: vec![Verdict { route: "b".into(), matched: false, detail: "why".into() }],
    };
    let replayed = Replayed { route_set: "0123".into(), events: vec![event] };
    check("replay-reply", &ReplayReply { what: Some(replay_reply::What::Replayed(replayed)) });
    check(
        "replay-place",
        &ReplayPlace {
            name: "replay-0123".into(),
            asked: "--since 2h".into(),
            log_began: at(),
            subject: "events.>".into(),
            answered: 7,
            last_sequence: 9,
            routes: vec!["payment".into()],
            again: "ticket-1".into(),
            dead: true,
            at: at(),
            until: at(),
        },
    );
}

#[test]
fn bytes_of_route_sets_are_read_and_written_the_same() {
    check(
        "route-files",
        &RouteFiles { files: vec![RouteFile { name: "lab.yaml".into(), text: "version: 1\n".into() }] },
    );
    check(
        "wanted-routes",
        &WantedRoutes {
            version: "0123".into(),
            applied_at: at(),
            applied_by: "ada".into(),
            note: "why".into(),
            folder_version: "4567".into(),
        },
    );
    for (name, what) in [
        ("routes-taken", routes_answer::What::FromSequence(7)),
        ("routes-refused", routes_answer::What::Refused("why".into())),
    ] {
        check(name, &RoutesAnswer { change: 9, version: "0123".into(), at: at(), what: Some(what) });
    }
    check(
        "route-timeline",
        &RouteTimeline {
            periods: vec![RoutePeriod {
                from_sequence: 7,
                version: "0123".into(),
                applied_at: at(),
                applied_by: "ada".into(),
                note: "why".into(),
                change: 9,
            }],
            seen: 6,
            log_began: at(),
            matcher: "m".into(),
        },
    );
}

#[test]
fn bytes_of_api_keys_are_read_and_written_the_same() {
    check(
        "api-key",
        &ApiKey {
            id: "0123456789ab".into(),
            name: "the shop".into(),
            secret_sha256: vec![7; 32].into(),
            actions: vec!["start".into(), "events:publish".into()],
            workflow_types: vec!["Order*".into()],
            sources: vec!["/shop/*".into()],
            subjects: vec!["events.shop.>".into()],
            created_at: at(),
            expires_at: at(),
        },
    );
}

#[test]
fn bytes_of_redrives_are_read_and_written_the_same() {
    check("redrive-request", &RedriveRequest { sequences: vec![3, 7] });
    let problem = Problem { code: "bad-event".into(), detail: "words".into() };
    let taken = Redriven {
        sequence: 3,
        event: Some(event_ref()),
        effect_key: "0123".into(),
        happened: true,
        problem: None,
    };
    let left = Redriven { sequence: 7, problem: Some(problem.clone()), ..Default::default() };
    check("redrive-reply", &RedriveReply { problem: None, letters: vec![taken, left] });
    check("redrive-refused", &RedriveReply { problem: Some(problem), letters: Vec::new() });
    check(
        "outcome-dead",
        &Outcome {
            kind: OutcomeKind::Dead.into(),
            action: "signal".into(),
            dead_letters: vec![3, 300],
            accepted_at: at(),
            ..Default::default()
        },
    );
}
