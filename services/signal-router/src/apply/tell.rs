//! Telling what came of a command: of one that stands for others, each of those is told of.

use std::collections::{HashMap, HashSet};

use futures::future::join_all;
use signalbox_domain::{Command, Outcome, OutcomeExt, ReplyTo, of_each, of_member};

use super::Applier;

impl Applier {
    /// Tells whoever waits.
    pub(super) async fn reply(&self, command: &Command, outcome: &Outcome) {
        if let Some(to) = &command.reply_to {
            self.reply_to(to, outcome.clone()).await;
        }
        for member in &command.terms.members {
            if let Ok(to) = member.reply_to.parse() {
                self.reply_to(&to, of_member(outcome, member)).await;
            }
        }
    }

    async fn reply_to(&self, to: &ReplyTo, mut outcome: Outcome) {
        // Whoever waits was told of it by the matcher.
        outcome.take_matching();
        self.bus.reply(to, &outcome).await;
    }

    /// Writes it into the ledger, where nobody asks for a batch itself.
    pub(super) async fn record(&self, command: &Command, outcome: &Outcome) {
        let outcomes = of_each(command, outcome);
        join_all(outcomes.iter().map(|outcome| self.bus.record(outcome))).await;
    }

    /// The same, where the ledger has nothing yet.
    pub(super) async fn record_first(&self, command: &Command, outcome: &Outcome) {
        let outcomes = of_each(command, outcome);
        join_all(outcomes.iter().map(|outcome| self.bus.record_first(outcome))).await;
    }

    /// What the ledger has of these commands, by effect. `None` when the service stops before it answers.
    pub(super) async fn recorded(&self, commands: &[Command]) -> Option<HashMap<String, Outcome>> {
        let events: HashSet<_> = commands.iter().map(|command| command.origin.event_key()).collect();
        let events: Vec<_> = events.into_iter().collect();
        self.stop.run_until_cancelled(self.bus.recorded_by_effect(&events)).await
    }
}
