use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt, TryStreamExt};
use uuid::Uuid;

use super::side::Side;
use crate::failure::Failure;

/// Workflows that are stopped at a time after a turn.
const ENDINGS: usize = 16;

/// What one side did in its turn.
pub struct Turn {
    /// Of each start.
    pub latencies: Vec<Duration>,
    /// From the first start's beginning to the last one's end.
    pub took: Duration,
}

impl Turn {
    /// Starts `count` workflows, `concurrency` at a time, and ends them all.
    pub async fn take(side: &Side, count: usize, concurrency: usize) -> Result<Self, Failure> {
        let ids = fresh_ids(count);
        let began = Instant::now();
        let starts = stream::iter(&ids).map(|id| async move {
            let began = Instant::now();
            side.start(id).await.map(|()| began.elapsed())
        });
        let latencies = starts.buffer_unordered(concurrency).try_collect().await?;
        let took = began.elapsed();
        stream::iter(&ids).map(Ok).try_for_each_concurrent(ENDINGS, |id| side.end(id)).await?;
        Ok(Self { latencies, took })
    }

    /// Starts per second.
    pub fn throughput(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }
}

fn fresh_ids(count: usize) -> Vec<String> {
    let turn = Uuid::now_v7();
    (0..count).map(|n| format!("bench-{turn}-{n}")).collect()
}
