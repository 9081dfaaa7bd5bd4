//! Many events that wait.

use std::time::{Duration, Instant};

use tokio::time::interval;

use super::drain::{Progress as Drained, wait};
use super::report::Backlog;
use super::rig::Rig;
use crate::failure::Failure;
use crate::progress::Progress;

const FIFTHS: [(f64, f64); 5] = [(0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0)];
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Stores `events`, and has them drained.
pub async fn measure(rig: &mut Rig, events: usize, progress: &Progress) -> Result<Backlog, Failure> {
    rig.stop_router().await?;
    progress.show(format_args!("storing {events} events"));
    rig.publish(events).await?;
    let before = Drained::look(&rig.bus).await?.outcomes;
    rig.start_router()?;
    let (_, began) = wait(rig, |now| now.outcomes > before).await?;
    let (mut looks, mut seen) = (interval(LOOK_EVERY), vec![(Instant::now(), 0)]);
    loop {
        looks.tick().await;
        rig.check_router()?;
        let now = Drained::look(&rig.bus).await?;
        let done = now.outcomes - before;
        seen.push((Instant::now(), done));
        progress.show(format_args!("{done} of {events} events"));
        if now.empty {
            break;
        }
    }
    let backlog = Backlog {
        events,
        seconds: began.elapsed().as_secs_f64(),
        most_memory_mb: rig.router()?.most_memory()?,
        per_second_by_fifth: FIFTHS.map(|(from, to)| rate(&seen, events, from, to)),
    };
    rig.stop_router().await?;
    Ok(backlog)
}

/// Events per second while the share done grew from one to the other.
fn rate(seen: &[(Instant, u64)], events: usize, from: f64, to: f64) -> f64 {
    let share = |done: u64| done as f64 / events as f64;
    let begin = seen.iter().rfind(|(_, done)| share(*done) <= from);
    let end = seen.iter().find(|(_, done)| share(*done) >= to).or(seen.last());
    match (begin, end) {
        (Some((began, first)), Some((ended, last))) if ended > began => {
            (last - first) as f64 / (*ended - *began).as_secs_f64()
        }
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_a_part_of_the_time() {
        let began = Instant::now();
        let seen = [(0, 0), (1, 20), (2, 40), (6, 80), (8, 90), (10, 100)]
            .map(|(second, done)| (began + Duration::from_secs(second), done));
        assert_eq!([rate(&seen, 100, 0.0, 0.2), rate(&seen, 100, 0.8, 1.0)], [20.0, 5.0]);
        assert_eq!(rate(&[], 100, 0.0, 1.0), 0.0);
    }
}
