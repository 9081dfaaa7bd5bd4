//! What a readiness logs. Alone in its program: `tracing` decides once a process whether a line is wanted.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::io;
use std::sync::{Arc, Mutex};

use signalbox_service::Readiness;
use tracing_subscriber::fmt::MakeWriter;

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
