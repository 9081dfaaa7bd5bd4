use serde_json::json;
use signalbox_domain::{Data, TraceContext};
use signalbox_proto::v1::ReplayRequest;

use super::*;

const ROUTES: &str = r#"
version: 1
routes:
  - name: a
    on: events.shop.paid
    signal: { workflow_id: "order-${ event.data.id }", name: paid }
  - name: b
    on: events.shop.paid
    publish: { subject: events.told, data: "${ event.data }" }
  - name: fails
    on: events.shop.>
    when: ${ event.data.missing == 1 }
    signal: { workflow_id: "x-${ event.id }", name: paid }
"#;

fn set() -> RouteSet {
    RouteSet::load([("a.yaml".to_owned(), ROUTES.to_owned())]).unwrap()
}

fn event(subject: &str) -> Event {
    Event {
        id: "e".parse().unwrap(),
        source: "/s".parse().unwrap(),
        kind: "shop.paid".into(),
        nats_subject: subject.parse().unwrap(),
        time: DateTime::UNIX_EPOCH,
        data_content_type: None,
        data_schema: None,
        subject: None,
        extensions: BTreeMap::new(),
        data: Data::Json(json!({"id": "7"})),
        trace: TraceContext::default(),
        reply_to: Some("_INBOX.a".parse().unwrap()),
        stream_sequence: 3,
    }
}

fn planned(request: ReplayRequest) -> Planned {
    let wanted = asks(request);
    let stored = DateTime::UNIX_EPOCH;
    Planned::of_event(
        &event("events.shop.paid"),
        stored,
        &set(),
        &wanted,
        stored + chrono::TimeDelta::hours(2),
    )
}

fn outcome(effect_key: &str, kind: OutcomeKind, routes: &[&str], effect_keys: &[String]) -> Outcome {
    let verdict = |route: &&str| Verdict { route: (*route).to_owned(), matched: true, detail: String::new() };
    Outcome {
        event: Some(event("events.shop.paid").reference()),
        effect_key: effect_key.to_owned(),
        kind: kind.into(),
        verdicts: routes.iter().map(verdict).collect(),
        effect_keys: effect_keys.to_vec(),
        ..Default::default()
    }
}

/// What is wanted where nothing is said.
fn plain() -> Wanted {
    asks(ReplayRequest::default())
}

fn asks(request: ReplayRequest) -> Wanted {
    Wanted::read(ReplayRequest { stream_sequences: vec![3], ..request }).unwrap()
}

fn keys(planned: &Planned) -> Vec<String> {
    planned.matched.as_ref().unwrap().outcome.effect_keys.clone()
}

#[test]
fn nobody_waits_and_runs_since_the_event_count() {
    let mut planned = planned(ReplayRequest::default());
    planned.pass_over(None, &plain());
    let told = planned.told.clone();
    assert_eq!((told.asked_for, told.passed_over, told.failed.len()), (2, 0, 1));
    assert_eq!(told.failed[0].route, "fails");
    assert_eq!((&*told.effects[0].action, &*told.effects[0].target), ("signal:paid", "order-7"));
    for command in planned.take_commands() {
        assert!(command.reply_to.is_none() && command.matching.is_none());
        assert_eq!(command.accepted_at, DateTime::UNIX_EPOCH, "runs since then are asked for it");
    }
}

#[test]
fn an_event_that_was_unmatched_has_a_verdict_that_says_what_it_led_to() {
    let mut planned = planned(ReplayRequest::default());
    planned.pass_over(Some(&vec![outcome("", OutcomeKind::Unmatched, &["old"], &[])]), &plain());
    let verdict = planned.verdict(false).unwrap();
    assert_eq!((verdict.kind(), verdict.effect_keys.len()), (OutcomeKind::Matched, 2));
    let routes: Vec<_> = verdict.verdicts.iter().map(|verdict| verdict.route.as_str()).collect();
    assert_eq!(routes, ["a", "b", "fails", "old"]);
    assert!(verdict.effect_key.is_empty(), "it lies where that of the matching lay");
}

#[test]
fn effects_that_came_later_are_added_to_those_of_before() {
    let both = keys(&planned(ReplayRequest::default()));
    let first = outcome(&both[0], OutcomeKind::Signalled, &["a"], &both[..1]);
    let mut planned = planned(ReplayRequest::default());
    planned.pass_over(Some(&vec![first]), &plain());
    assert_eq!((planned.told.asked_for, planned.told.passed_over), (1, 1));
    assert_eq!(planned.told.effects[0].known(), OutcomeKind::Signalled);
    assert_eq!(planned.verdict(false).unwrap().effect_keys, both);
}

#[test]
fn what_the_ledger_has_is_not_written_again() {
    let both = keys(&planned(ReplayRequest::default()));
    let known = vec![
        outcome(&both[0], OutcomeKind::Signalled, &["a"], &both),
        outcome(&both[1], OutcomeKind::Retrying, &[], &[]),
    ];
    let mut planned = planned(ReplayRequest::default());
    planned.pass_over(Some(&known), &plain());
    assert_eq!((planned.told.asked_for, planned.told.passed_over), (1, 1), "what is tried is asked for");
    assert_eq!(planned.verdict(false), None);
}

#[test]
fn once_more_is_other_effects_and_the_same_once_more_is_the_same() {
    let again = |id: &str| planned(ReplayRequest { again: id.into(), ..Default::default() });
    let first = keys(&planned(ReplayRequest::default()));
    assert!(keys(&again("1")).iter().all(|key| !first.contains(key)));
    assert_eq!(keys(&again("1")), keys(&again("1")));
    assert_ne!(keys(&again("1")), keys(&again("2")));
    let mut more = again("1");
    more.pass_over(Some(&vec![outcome(&first[0], OutcomeKind::Signalled, &["a"], &first)]), &plain());
    assert_eq!(more.told.asked_for, 2);
    assert_eq!(more.verdict(false).unwrap().effect_keys.len(), 4);
}

#[test]
fn routes_that_are_not_named_are_not_asked() {
    let mut planned = planned(ReplayRequest { routes: vec!["b".into()], ..Default::default() });
    planned.pass_over(None, &plain());
    assert_eq!((planned.told.asked_for, planned.told.failed.len()), (1, 0));
    assert_eq!(planned.told.effects[0].route, "b");
}

#[test]
fn a_dead_letter_is_an_end_unless_it_is_asked_for() {
    let key = keys(&planned(ReplayRequest::default())).remove(0);
    let known = vec![outcome(&key, OutcomeKind::Dead, &[], &[])];
    let asked_for = |dead| {
        let mut planned = planned(ReplayRequest::default());
        planned.pass_over(Some(&known), &asks(ReplayRequest { dead, ..Default::default() }));
        planned.told.asked_for
    };
    assert_eq!((asked_for(false), asked_for(true)), (1, 2));
}

#[test]
fn what_fails_is_written_only_where_it_is_asked_for() {
    let request = ReplayRequest { routes: vec!["fails".into()], ..Default::default() };
    let mut planned = planned(request);
    planned.pass_over(Some(&vec![outcome("", OutcomeKind::Unmatched, &[], &[])]), &plain());
    assert_eq!((planned.told.asked_for, planned.told.failed.len()), (0, 1));
    assert_eq!(planned.verdict(false), None);
    assert_eq!(planned.verdict(true).unwrap().kind(), OutcomeKind::Dead);
    assert_eq!(planned.letters().count(), 1);
}

#[test]
fn what_a_command_may_last_is_counted_from_now() {
    let (then, late) = (DateTime::UNIX_EPOCH, chrono::TimeDelta::hours(2));
    let mut planned = planned(ReplayRequest::default());
    planned.pass_over(None, &plain());
    let mut command = planned.take_commands().remove(0);
    let minute = then + chrono::TimeDelta::minutes(1);
    command.terms.give_up_at = Some(minute);
    command.terms.if_missing = IfMissing::Park { until: minute };
    let terms = of_this_time(command, None, then + late).terms;
    assert_eq!(terms.give_up_at, Some(minute + late));
    assert_eq!(terms.if_missing, IfMissing::Park { until: minute + late });
}

#[test]
fn what_may_have_been_published_is_repeated() {
    let both = keys(&planned(ReplayRequest::default()));
    let unmatched = || vec![outcome("", OutcomeKind::Unmatched, &[], &[])];
    let once = || vec![outcome("", OutcomeKind::Matched, &[], &both[..1])];
    let repeated = |known: Option<Vec<Outcome>>, request: ReplayRequest| {
        let mut planned = planned(ReplayRequest::default());
        planned.pass_over(known.as_ref(), &asks(request));
        planned.take_commands().into_iter().map(|command| command.repeated).collect::<Vec<_>>()
    };
    let plain = ReplayRequest::default;
    assert_eq!(repeated(None, plain()), [true, true], "its first command may be under way");
    assert_eq!(repeated(Some(unmatched()), plain()), [false, false], "the ledger knows of none");
    assert_eq!(repeated(Some(once()), plain()), [true, false]);
    let again = ReplayRequest { repeated: true, ..plain() };
    assert_eq!(repeated(Some(unmatched()), again), [true, true], "no answer came the last time");
}
