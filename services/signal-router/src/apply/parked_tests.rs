use signalbox_domain::{
    ConflictPolicy, Query, ScheduleCall, Signal, Start, StartOptions, Terms, Update, UpdateWait,
};

use super::*;
use crate::apply::example;

fn at(seconds: u64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn effect(id: &str) -> EffectKey {
    EffectKey::derive(&"/s".parse().unwrap(), &id.parse().unwrap(), "r", 0, "signal:s", "w")
}

fn entry(id: &str, until: u64) -> Entry {
    Entry { effect: effect(id), until: at(until), repeated: false }
}

fn command(action: WorkflowAction, if_missing: IfMissing) -> Command {
    Command {
        effect_key: effect("e"),
        terms: Terms { if_missing, ..Terms::default() },
        ..example::command("e", "w", action)
    }
}

fn start() -> Start {
    Start {
        workflow_type: "T".into(),
        task_queue: "q".into(),
        args: vec![],
        conflict_policy: ConflictPolicy::Fail,
        options: StartOptions::default(),
    }
}

fn signal() -> Signal {
    Signal { name: "s".into(), args: vec![] }
}

#[test]
fn nothing_comes_before_what_is_parked_but_what_may_start_the_workflow() {
    use IfMissing::{Dead, Drop};
    use WorkflowAction as Do;
    let park = IfMissing::Park { until: at(9) };
    let update = Update { name: "u".into(), args: vec![], wait: UpdateWait::Accepted };
    let query = Query { name: "q".into(), args: vec![] };
    let with_a_line: [(WorkflowAction, IfMissing, &[Task]); 8] = [
        (Do::Start(start()), Dead, &[Task::Itself, Task::Line]),
        (Do::SignalWithStart(start(), signal()), Dead, &[Task::Itself, Task::Line]),
        (Do::UpdateWithStart(start(), update.clone()), Dead, &[Task::Itself, Task::Line]),
        (Do::Signal(signal()), park, &[Task::Behind]),
        (Do::Update(update), park, &[Task::Behind]),
        (Do::Signal(signal()), Dead, &[Task::Line, Task::Itself]),
        (Do::Query(query), Drop, &[Task::Line, Task::Itself]),
        (Do::Cancel { reason: String::new() }, Dead, &[Task::Line, Task::Itself]),
    ];
    let (mut parked, none) = (Parked::default(), Parked::default());
    parked.insert("w", 1, entry("a", 60), at(0));
    for (action, if_missing, tasks) in with_a_line {
        let command = command(action, if_missing);
        assert_eq!(parked.tasks(&command), tasks, "{command:?}");
        let starts = tasks == [Task::Itself, Task::Line];
        assert_eq!(none.tasks(&command), if starts { tasks } else { &[Task::Itself] }, "{command:?}");
    }
    let mut of_a_schedule = command(Do::Signal(signal()), Dead);
    of_a_schedule.action = Action::Schedule("w".parse().unwrap(), ScheduleCall::Resume(Default::default()));
    assert_eq!(parked.tasks(&of_a_schedule), [Task::Itself], "the same id, but no workflow");
}

#[test]
fn a_line_is_in_the_order_of_the_stream() {
    let mut parked = Parked::default();
    for (sequence, id) in [(5, "b"), (9, "c"), (2, "a")] {
        parked.insert("w", sequence, entry(id, 60), at(0));
    }
    parked.insert("other", 1, entry("d", 60), at(0));
    assert_eq!((parked.len(), parked.knows(&effect("c"))), (4, true));
    for sequence in [2, 5, 9] {
        assert_eq!(parked.head("w"), Some((sequence, false)));
        parked.remove("w", sequence);
        parked.remove("w", sequence);
    }
    assert_eq!((parked.head("w"), parked.len(), parked.knows(&effect("c"))), (None, 1, false));
}

#[test]
fn pauses_grow_to_half_a_minute_and_a_new_one_shortens_them() {
    let mut parked = Parked::default();
    parked.insert("w", 1, entry("a", 1000), at(0));
    let (mut now, mut pauses) = (0, Vec::new());
    for _ in 0..8 {
        let before = now;
        while parked.call(at(now)).is_empty() {
            now += 1;
        }
        assert!(parked.call(at(now)).is_empty(), "it is called once");
        assert!(parked.missing("w", at(now)).is_empty());
        parked.tried("w");
        pauses.push(now - before);
    }
    assert_eq!(pauses, [1, 1, 2, 4, 8, 16, 30, 30]);
    parked.insert("w", 2, entry("b", 1000), at(now));
    assert_eq!(parked.call(at(now + 1)), ["w".into()]);
}

#[test]
fn who_has_waited_long_enough_is_told_of_and_tried_in_time() {
    let mut parked = Parked::default();
    parked.insert("w", 1, entry("a", 100), at(0));
    parked.insert("w", 2, entry("b", 20), at(0));
    assert!(parked.missing("w", at(17)).is_empty());
    parked.tried("w");
    assert!(parked.missing("w", at(19)).is_empty());
    assert!(parked.call(at(19)).is_empty());
    assert_eq!(parked.call(at(20)), ["w".into()], "before the pause is over");
    assert_eq!(parked.missing("w", at(20)), [2]);
    parked.remove("w", 2);
    assert_eq!(parked.missing("w", at(100)), [1]);
}

#[test]
fn of_what_the_stream_has_the_first_of_each_line_may_have_been_tried() {
    let mut parked = Parked::default();
    parked.insert("gone", 7, entry("x", 60), at(0));
    parked.insert("w", 1, entry("a", 60), at(0));
    assert_eq!(parked.call(at(1)).len(), 2);
    let all = [("w", 1, "a"), ("v", 2, "b"), ("w", 3, "c"), ("w", 4, "a")];
    let all = all.map(|(key, sequence, id)| (key.into(), sequence, entry(id, 60)));
    parked.replace(all.into(), at(5));
    assert_eq!((parked.len(), parked.head("gone")), (4, None));
    let mut line = Vec::new();
    while let Some(head) = parked.head("w") {
        line.push(head);
        parked.remove("w", head.0);
    }
    assert_eq!(line, [(1, true), (3, false), (4, true)]);
    assert_eq!(parked.call(at(5)), ["v".into()], "nothing was called yet, and nothing else is left");
}

#[test]
fn what_temporal_has_answered_was_not_carried_out() {
    let mut parked = Parked::default();
    parked.replace(vec![("w".into(), 1, entry("a", 60))], at(0));
    assert_eq!(parked.head("w"), Some((1, true)));
    parked.missing("w", at(1));
    assert_eq!(parked.head("w"), Some((1, false)));
}

#[test]
fn there_is_room_for_so_many() {
    let mut parked = Parked::default();
    for sequence in 0..MOST {
        assert!(parked.has_room());
        parked.insert(
            &format!("w{}", sequence % 7),
            sequence as u64,
            entry(&sequence.to_string(), 60),
            at(0),
        );
    }
    assert!(!parked.has_room());
}
