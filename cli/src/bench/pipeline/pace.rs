//! A fixed rate, of any number a second.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Gives `count` ticks, `every` so long. Who takes them too late gets those that it missed at once. From a thread of
/// its own: tokio's timers go by milliseconds, which would make bursts of what is faster.
pub fn ticks(every: Duration, count: usize) -> UnboundedReceiver<()> {
    let (send, ticks) = unbounded_channel();
    thread::spawn(move || {
        let mut next = Instant::now();
        for _ in 0..count {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            if send.send(()).is_err() {
                break;
            }
            next += every;
        }
    });
    ticks
}
