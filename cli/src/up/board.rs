use std::collections::BTreeMap;
use std::fmt::Write;

use tokio::sync::watch;

use super::part::Part;

/// What is known of each part, for all to see.
pub struct Board(watch::Sender<BTreeMap<Part, State>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Not ready, and why, if that is known.
    Waiting(String),
    Ready,
}

impl Board {
    /// All parts wait.
    pub fn new(parts: impl Iterator<Item = Part>) -> Self {
        Self(watch::Sender::new(parts.map(|part| (part, State::Waiting(String::new()))).collect()))
    }

    pub fn ready(&self, part: Part) {
        self.set(part, State::Ready);
    }

    pub fn waiting(&self, part: Part, why: impl Into<String>) {
        self.set(part, State::Waiting(why.into()));
    }

    /// Waits until every part that is needed is ready.
    pub async fn all_ready(&self) {
        self.until_ready(Part::is_needed).await;
    }

    /// Waits until NATS and Temporal are, as far as they are run here.
    pub async fn servers_ready(&self) {
        self.until_ready(|part| part.is_needed() && !part.is_service()).await;
    }

    /// The parts that are not ready, with their reasons: `worker (temporal: connecting), ingress`.
    pub fn missing(&self) -> String {
        let mut text = String::new();
        for (part, state) in self.0.borrow().iter() {
            let State::Waiting(why) = state else { continue };
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{part}");
            if !why.is_empty() {
                let _ = write!(text, " ({why})");
            }
        }
        text
    }

    fn set(&self, part: Part, state: State) {
        self.0.send_if_modified(|states| {
            let changed = states.get(&part) != Some(&state);
            states.insert(part, state);
            changed
        });
    }

    async fn until_ready(&self, which: impl Fn(Part) -> bool) {
        let ready = |states: &BTreeMap<Part, State>| {
            states.iter().all(|(part, state)| !which(*part) || *state == State::Ready)
        };
        // It fails only without a sender, and `self` holds one.
        let _ = self.0.subscribe().wait_for(ready).await;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn the_servers_come_first_and_the_reasons_are_told() {
        let board = Board::new([Part::Nats, Part::Worker, Part::Ingress].into_iter());
        assert_eq!(board.missing(), "nats, worker, ingress");
        assert!(board.servers_ready().now_or_never().is_none());

        board.ready(Part::Nats);
        assert!(board.servers_ready().now_or_never().is_some());
        board.waiting(Part::Worker, "temporal: connecting");
        assert_eq!(board.missing(), "worker (temporal: connecting), ingress");
        assert!(board.all_ready().now_or_never().is_none());

        board.ready(Part::Worker);
        board.ready(Part::Ingress);
        assert!(board.all_ready().now_or_never().is_some());
        board.waiting(Part::Nats, "");
        assert!(board.servers_ready().now_or_never().is_none());
    }

    #[test]
    fn nobody_waits_for_jaeger() {
        let board = Board::new([Part::Jaeger, Part::Nats, Part::Ingress].into_iter());
        board.ready(Part::Nats);
        assert!(board.servers_ready().now_or_never().is_some());
        board.ready(Part::Ingress);
        assert!(board.all_ready().now_or_never().is_some());
    }
}
