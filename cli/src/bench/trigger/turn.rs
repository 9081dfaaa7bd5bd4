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
    /// How long something was being started.
    pub took: Duration,
}

impl Turn {
    /// Starts `count` workflows, `concurrency` at a time, and ends them all.
    pub async fn take(side: &Side, count: usize, concurrency: usize) -> Result<Self, Failure> {
        let turn = Uuid::now_v7();
        let ids: Vec<_> = (0..count).map(|n| format!("bench-{turn}-{n}")).collect();
        match concurrency {
            1 => Self::one_by_one(side, &ids).await,
            _ => Self::at_once(side, &ids, concurrency).await,
        }
    }

    /// Each start finds the stack idle: the workflow before it has ended.
    async fn one_by_one(side: &Side, ids: &[String]) -> Result<Self, Failure> {
        let mut latencies = Vec::with_capacity(ids.len());
        for id in ids {
            latencies.push(timed_start(side, id).await?);
            side.end(id).await?;
        }
        let took = latencies.iter().sum();
        Ok(Self { latencies, took })
    }

    /// As fast as it goes.
    async fn at_once(side: &Side, ids: &[String], concurrency: usize) -> Result<Self, Failure> {
        let began = Instant::now();
        let starts = stream::iter(ids).map(|id| timed_start(side, id));
        let latencies = starts.buffer_unordered(concurrency).try_collect().await?;
        let took = began.elapsed();
        stream::iter(ids).map(Ok).try_for_each_concurrent(ENDINGS, |id| side.end(id)).await?;
        Ok(Self { latencies, took })
    }

    /// Starts per second.
    pub fn throughput(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }
}

async fn timed_start(side: &Side, workflow_id: &str) -> Result<Duration, Failure> {
    let began = Instant::now();
    side.start(workflow_id).await?;
    Ok(began.elapsed())
}
