use std::time::Duration;

use proptest::{collection::vec, prelude::*};
use signalbox_domain::{
    Action, Batch, Debounce, EffectKey, EventRef, Flow, JsonText, Origin, Signal, Terms, Throttle,
    TraceContext, Trigger, WorkflowAction,
};

use super::*;

fn at(millis: u64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::from_millis(millis)
}

fn item(sequence: u64, millis: u64, name: &str, workflow: &str, flow: &Flow) -> Item {
    let (source, id) = ("/s".parse().unwrap(), format!("e-{sequence}").parse().unwrap());
    let args = vec![JsonText::from_value(&sequence.into())];
    let action = WorkflowAction::Signal(Signal { name: name.into(), args });
    let action = Action::Workflow(workflow.parse().unwrap(), action);
    let command = Command {
        effect_key: EffectKey::derive(&source, &id, "r", 0, &action.label(), action.key()),
        origin: Origin {
            event: EventRef { id: id.to_string(), source: "/s".into(), ..Default::default() },
            route: Some("r".into()),
            route_set: "v1".into(),
            trigger: Trigger::Event,
        },
        reply_to: None,
        trace: TraceContext::default(),
        accepted_at: at(millis),
        repeated: false,
        matching: None,
        terms: Terms { flow: Some(Box::new(flow.clone())), ..Terms::default() },
        action,
    };
    Item { sequence, stored_at: at(millis), bytes: 100, command: Arc::new(command) }
}

/// The sequences of what goes on at each of these times, of commands that came at these times.
fn run(flow: &Flow, came: &[u64], looked: &[u64]) -> (Vec<u64>, Vec<(u64, Vec<u64>)>) {
    // So long ago that it counts for nothing.
    let mut flows = Flows::new(DateTime::<Utc>::MIN_UTC);
    let (mut superseded, mut released) = (Vec::new(), Vec::new());
    let mut came = came.iter().zip(1..).peekable();
    for now in looked {
        while let Some((millis, sequence)) = came.next_if(|(millis, _)| *millis <= now) {
            let before = flows.take(item(sequence, *millis, "s", "w", flow), at(*now));
            superseded.extend(before.map(|item| item.sequence));
        }
        let now_released = flows.advance(at(*now));
        released.extend(
            now_released
                .iter()
                .map(|release| (*now, release.items.iter().map(|item| item.sequence).collect::<Vec<_>>())),
        );
        assert!(flows.next().is_none_or(|next| next > at(*now)), "it would look again and again");
    }
    (superseded, released)
}

fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn debounce(quiet: u64, at_most: Option<u64>) -> Flow {
    let debounce = Debounce { quiet: millis(quiet), at_most: at_most.map(millis) };
    Flow { debounce: Some(debounce), ..Flow::default() }
}

fn batch(size: u32, within: u64) -> Flow {
    Flow { batch: Some(Batch { size, within: millis(within) }), ..Flow::default() }
}

fn throttle(limit: u32, per: u64) -> Flow {
    Flow { throttle: Some(Throttle { limit, per: millis(per) }), ..Flow::default() }
}

#[test]
fn the_last_of_a_burst_goes_on_when_it_is_quiet() {
    let (superseded, released) = run(&debounce(10, None), &[0, 5, 14, 30], &[4, 9, 23, 24, 39, 40]);
    assert_eq!((superseded, released), (vec![1, 2], vec![(24, vec![3]), (40, vec![4])]));
}

#[test]
fn a_burst_that_does_not_end_lets_one_go_on_each_time() {
    let came = [0, 8, 16, 24, 32, 40, 48];
    let (superseded, released) = run(&debounce(10, Some(20)), &came, &[20, 44, 100]);
    assert_eq!(released, [(20, vec![3]), (44, vec![6]), (100, vec![7])]);
    assert_eq!(superseded, [1, 2, 4, 5]);
}

#[test]
fn windows_are_those_of_the_stream_however_late_one_looks() {
    let came = [0, 8, 16, 24, 32, 40, 48];
    let often: Vec<u64> = (0..100).collect();
    for flow in [debounce(10, Some(20)), debounce(5, None), batch(3, 12), batch(100, 20)] {
        let sequences = |looked: &[u64]| {
            let (superseded, released) = run(&flow, &came, looked);
            (superseded, released.into_iter().map(|(_, items)| items).collect::<Vec<_>>())
        };
        assert_eq!(sequences(&often), sequences(&[1000]), "{flow:?}");
    }
}

#[test]
fn a_batch_goes_on_when_it_is_full_or_has_waited() {
    let (_, released) = run(&batch(2, 10), &[0, 1, 5, 30, 39, 41], &[1, 5, 14, 15, 45, 60]);
    assert_eq!(released, [(1, vec![1, 2]), (15, vec![3]), (45, vec![4, 5]), (60, vec![6])]);
}

#[test]
fn what_does_not_fit_begins_another_batch() {
    let mut flows = Flows::new(at(0));
    let flow = batch(10, 10);
    for (sequence, name) in [(1, "a"), (2, "a"), (3, "b"), (4, "a")] {
        flows.take(item(sequence, sequence, name, "w", &flow), at(5));
    }
    flows.take(Item { bytes: 300_000, ..item(5, 5, "a", "w", &flow) }, at(5));
    let of = |release: &Release| release.items.iter().map(|item| item.sequence).collect::<Vec<_>>();
    let released: Vec<_> = flows.advance(at(100)).iter().map(of).collect();
    assert_eq!(released, [vec![1, 2], vec![3], vec![4], vec![5]]);
}

#[test]
fn a_throttle_lets_so_many_go_on_in_any_span_of_its_length() {
    let (_, released) = run(&throttle(2, 10), &[0, 0, 0, 0, 0, 6], &[0, 5, 9, 10, 19, 20]);
    assert_eq!(
        released,
        [(0, vec![1]), (0, vec![2]), (10, vec![3]), (10, vec![4]), (20, vec![5]), (20, vec![6])]
    );
}

#[test]
fn a_throttle_that_begins_has_nothing_to_give() {
    let mut flows = Flows::new(at(100));
    flows.take(item(1, 90, "s", "w", &throttle(5, 10)), at(101));
    assert!(flows.advance(at(109)).is_empty());
    assert_eq!(flows.next(), Some(at(110)));
    assert_eq!(flows.advance(at(110)).len(), 1);
    // A key that comes later begins as long ago.
    flows.take(item(2, 111, "s", "v", &throttle(5, 10)), at(111));
    assert_eq!(flows.advance(at(111)).len(), 1);
}

#[test]
fn what_is_forgotten_counts_as_if_it_had_just_gone_on() {
    let mut flows = Flows::new(DateTime::<Utc>::MIN_UTC);
    let flow = throttle(1, 1000);
    for n in 0..=MOST_IDLE as u64 {
        flows.take(item(n, 5, "s", &format!("w-{n}"), &flow), at(5));
    }
    assert_eq!(flows.advance(at(5)).len(), MOST_IDLE + 1);
    assert_eq!((flows.keys.len(), flows.due.len(), flows.idle), (0, 0, 0));
    flows.take(item(1, 6, "s", "w-1", &flow), at(6));
    assert!(flows.advance(at(1004)).is_empty());
    assert_eq!(flows.advance(at(1005)).len(), 1);
}

#[test]
fn nothing_is_kept_of_what_counts_no_more() {
    let mut flows = Flows::new(DateTime::<Utc>::MIN_UTC);
    flows.take(item(1, 5, "s", "w", &throttle(1, 10)), at(5));
    assert_eq!((flows.advance(at(5)).len(), flows.next()), (1, Some(at(15))));
    flows.advance(at(15));
    assert_eq!((flows.keys.len(), flows.due.len(), flows.idle), (0, 0, 0));
}

fn flows() -> impl Strategy<Value = Flow> {
    let debounce = proptest::option::of((1..40u64, proptest::option::of(40..90u64)));
    let batch = proptest::option::of((1..5u32, 1..60u64));
    let throttle = proptest::option::of((1..4u32, 1..60u64));
    (debounce, batch, throttle).prop_map(|(d, b, t)| Flow {
        debounce: d.and_then(|(quiet, at_most)| debounce_of(quiet, at_most)),
        batch: b.map(|(size, within)| Batch { size, within: millis(within) }),
        throttle: t.map(|(limit, per)| Throttle { limit, per: millis(per) }),
        ..Flow::default()
    })
}

fn debounce_of(quiet: u64, at_most: Option<u64>) -> Option<Debounce> {
    debounce(quiet, at_most).debounce
}

proptest! {
    /// Whatever the flow and whenever one looks: each goes on once or is superseded once, in order, in batches that are not
    /// too large and not more often than the throttle lets.
    #[test]
    fn each_goes_on_once_or_is_superseded(
        flow in flows(),
        gaps in vec(0..30u64, 1..40),
        steps in vec(1..25u64, 1..60),
    ) {
        let came: Vec<u64> = gaps.iter().scan(0, |sum, gap| { *sum += gap; Some(*sum) }).collect();
        let mut looked: Vec<u64> = steps.iter().scan(0, |sum, step| { *sum += step; Some(*sum) }).collect();
        let (last, far) = (*came.last().unwrap(), *looked.last().unwrap());
        // Long enough for everything to go on, one at a time.
        looked.extend((1..200).map(|n| last.max(far) + 100 + n * 60));
        let (superseded, released) = run(&flow, &came, &looked);
        let gone: Vec<u64> = released.iter().flat_map(|(_, items)| items.clone()).collect();
        prop_assert!(gone.is_sorted_by(|a, b| a < b), "{gone:?}");
        let mut all: Vec<u64> = gone.iter().chain(&superseded).copied().collect();
        all.sort_unstable();
        prop_assert_eq!(all, (1..=came.len() as u64).collect::<Vec<_>>());
        if flow.debounce.is_none() {
            prop_assert!(superseded.is_empty());
        }
        let size = flow.batch.map_or(1, |batch| batch.size as usize);
        prop_assert!(released.iter().all(|(_, items)| !items.is_empty() && items.len() <= size));
        if let Some(Throttle { limit, per }) = flow.throttle {
            let times: Vec<u64> = released.iter().map(|(now, _)| *now).collect();
            let span = per.as_millis() as u64;
            prop_assert!(times.windows(limit as usize + 1).all(|w| w[w.len() - 1] - w[0] >= span), "{times:?}");
        }
    }
}
