//! Whoever was asleep with a command in its hands does not undo what another has recorded of it.

use chrono::Utc;
use signalbox_bus::{Bus, Options};
use signalbox_domain::{Outcome, OutcomeExt, OutcomeKind, Reason};
use signalbox_proto::v1::EventRef;

use crate::{shared, unique};

#[tokio::test(flavor = "multi_thread")]
async fn that_it_is_tried_again_is_recorded_first_or_not_at_all() {
    let (stack, _api) = shared().await;
    let options = Options { url: stack.nats.url(), ..Options::default() };
    let bus = Bus::connect_now(&options).await.unwrap();
    let id = unique("late");
    let of = |effect: &str, kind: OutcomeKind| {
        let event = EventRef { id: id.clone(), source: "/late".into(), ..EventRef::default() };
        let outcome = Outcome { event: Some(event), effect_key: effect.into(), ..Outcome::default() };
        outcome.at(Utc::now()).because(kind, Reason::Refused, "")
    };
    bus.record_first(&of("one", OutcomeKind::Retrying)).await;
    bus.record(&of("other", OutcomeKind::Signalled)).await;
    bus.record_first(&of("other", OutcomeKind::Retrying)).await;
    let mut recorded = bus.outcomes_of(&id).await.unwrap();
    recorded.sort_by(|one, other| one.effect_key.cmp(&other.effect_key));
    let kinds: Vec<_> = recorded.iter().map(|outcome| outcome.kind()).collect();
    assert_eq!(kinds, [OutcomeKind::Retrying, OutcomeKind::Signalled]);
}
