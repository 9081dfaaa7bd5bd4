use std::io;
use std::sync::Mutex;

use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Buffer {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn logged(act: impl FnOnce()) -> Vec<String> {
    let buffer = Buffer::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(buffer.clone())
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .finish();
    tracing::subscriber::with_default(subscriber, act);
    let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

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

#[test]
fn only_transitions_are_logged() {
    let lines = logged(|| {
        let nats = Readiness::default().condition("nats");
        nats.unmet("attempt 1");
        nats.unmet("attempt 2");
        nats.met();
        nats.met();
        nats.unmet("disconnected");
        nats.unmet("disconnected");
        nats.met();
        nats.retire("stopping");
    });
    assert_eq!(
        lines,
        [
            r#"INFO condition not met yet condition=nats detail="attempt 1""#,
            "INFO condition met condition=nats",
            r#"WARN condition no longer met condition=nats detail="disconnected""#,
            "INFO condition met condition=nats",
        ]
    );
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
