//! Who carries out what: Temporal, the scheduler manager, or NATS itself.

use signalbox_domain::{Action, Command};
use signalbox_temporal::{Accepted, Failure};

use super::Applier;

impl Applier {
    /// Carries a command out, once. What may have been tried before (`repeated`) has one effect all the same.
    pub(super) async fn execute(&self, command: &Command, repeated: bool) -> Result<Accepted, Failure> {
        // What is rare is boxed, here and in the turn of a command: a future has room for all that it may wait for.
        match &command.action {
            Action::Workflow(..) | Action::SignalAll(_) => self.temporal.execute(command, repeated).await,
            Action::Schedule(_, call) => Box::pin(self.schedule(command, call, repeated)).await,
            Action::Publish(event) => Box::pin(self.publish(command, event, repeated)).await,
        }
    }
}
