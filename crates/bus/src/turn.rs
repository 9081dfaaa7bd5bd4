//! Whether it is a message's turn, by what its consumer counts. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// What was sent before a consumer was reset has come to this process by then.
const STALE_FOR: Duration = Duration::from_secs(2);

/// A consumer counts what it sends, and from 1 again when it is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Next,
    /// It was sent before the reset, and comes again.
    Stale,
    /// One before it was lost on its way, with a connection, or somebody else has reset the consumer: only a reset
    /// brings what is missing before what is newer.
    Out,
}

/// How far the consumer has counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turns {
    last: u64,
    /// Until then, what goes on where `last` is was sent before the reset.
    stale_until: Option<Instant>,
}

impl Turns {
    /// The consumer was reset at `now`, when it had counted so far.
    pub(crate) fn reset(last: u64, now: Instant) -> Self {
        Self { last, stale_until: Some(now + STALE_FOR) }
    }

    /// Whether it is the turn of the message that the consumer has counted so.
    pub(crate) fn take(&mut self, counted: u64, now: Instant) -> Turn {
        let goes_on = counted == self.last + 1;
        let turn = match self.stale_until {
            None if goes_on => Turn::Next,
            Some(_) if counted == 1 => Turn::Next,
            Some(end) if goes_on && now < end => Turn::Stale,
            _ => Turn::Out,
        };
        if turn != Turn::Out {
            self.last = counted;
        }
        if turn == Turn::Next {
            self.stale_until = None;
        }
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(last: u64, counted: &[u64]) -> Vec<Turn> {
        let now = Instant::now();
        let mut turns = Turns::reset(last, now);
        counted.iter().map(|counted| turns.take(*counted, now)).collect()
    }

    #[test]
    fn what_was_sent_before_the_reset_is_passed_over() {
        assert_eq!(turns(7, &[8, 9, 1, 2]), [Turn::Stale, Turn::Stale, Turn::Next, Turn::Next]);
        assert_eq!(turns(1, &[1, 2, 3]), [Turn::Next; 3]);
    }

    #[test]
    fn after_a_gap_nobody_has_a_turn() {
        assert_eq!(turns(7, &[1, 2, 4, 5]), [Turn::Next, Turn::Next, Turn::Out, Turn::Out]);
        assert_eq!(turns(7, &[2]), [Turn::Out], "the first one is lost");
        assert_eq!(turns(7, &[9]), [Turn::Out]);
    }

    #[test]
    fn a_reset_by_somebody_else_is_noticed() {
        assert_eq!(turns(7, &[1, 2, 1]), [Turn::Next, Turn::Next, Turn::Out]);
    }

    /// After the reset the first was lost, and the second looks as if it had been sent before.
    #[test]
    fn nothing_is_stale_for_ever() {
        let now = Instant::now();
        let mut turns = Turns::reset(1, now);
        assert_eq!(turns.take(2, now), Turn::Stale);
        assert_eq!(turns.take(3, now + STALE_FOR), Turn::Out);
    }
}
