use super::*;

#[test]
fn ready_means_that_all_conditions_are_met() {
    let readiness = Readiness::default();
    assert!(readiness.is_ready());
    let (nats, temporal) = (readiness.condition("nats"), readiness.condition("temporal"));
    assert!(!readiness.is_ready());
    nats.met();
    assert!(!readiness.is_ready());
    temporal.met();
    assert!(readiness.is_ready());
    nats.unmet("connection refused");
    assert!(!readiness.is_ready());
}

#[test]
fn the_snapshot_tells_why() {
    let readiness = Readiness::default();
    readiness.condition("nats").unmet("connection refused");
    readiness.condition("routes");
    readiness.condition("temporal").met();
    let told: Vec<_> =
        readiness.snapshot().into_iter().map(|state| (state.name, state.met, state.detail)).collect();
    let state = |name: &'static str, met, detail: &str| (Cow::from(name), met, detail.to_owned());
    let expected = [
        state("nats", false, "connection refused"),
        state("routes", false, "not yet checked"),
        state("temporal", true, ""),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_name_is_one_condition() {
    let readiness = Readiness::default();
    readiness.condition("nats").met();
    readiness.condition("nats");
    assert!(readiness.is_ready());
    assert_eq!(readiness.snapshot().len(), 1);
}

#[tokio::test]
async fn whoever_waits_is_told_when_it_is_ready() {
    let readiness = Readiness::default();
    let nats = readiness.condition("nats");
    let mut waiting = Box::pin(readiness.ready());
    assert!(futures::poll!(&mut waiting).is_pending());
    nats.met();
    waiting.await;
}
