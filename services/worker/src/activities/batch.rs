//! `process_batch`: the place for a bulk insert or an upload. This one only counts.

use signalbox_workflows::{Batch, ProcessBatch, Processed};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tracing::info;

/// The activity `process_batch`.
pub struct BatchActivities;

#[activities]
impl BatchActivities {
    /// Logs the batch and counts its messages.
    #[activity(name = ProcessBatch::NAME)]
    pub async fn process_batch(ctx: ActivityContext, batch: Batch) -> Result<Processed, ActivityError> {
        let workflow_id = ctx.info().workflow_id.as_deref();
        let processed = batch.messages.len() as u64;
        info!(workflow.id = workflow_id, batch = batch.batch, messages = processed, "batch processed");
        Ok(Processed { processed })
    }
}
