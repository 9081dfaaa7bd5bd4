//! Letting commands go on. A batch is sealed first: the seal says who its members are, also to whoever comes after a
//! crash.

use chrono::{DateTime, Utc};
use futures::future::join_all;
use signalbox_bus::{Seal, SealError};
use signalbox_domain::{BatchMember, Command, DeadLetter, EventKey, dead_letter, of_member};

use super::{
    partition::Partition,
    stages::Release,
    told::{self, command},
};

/// A release, as the command that goes on.
struct Going {
    release: Release,
    command: Command,
    seal: Option<Seal>,
}

impl Partition {
    /// Publishes what may go on by what was known at this time, and settles it.
    pub(super) async fn release(&mut self, released: Vec<Release>, released_at: DateTime<Utc>) {
        let commands = released.into_iter().filter_map(|release| Some((command(&release)?, release)));
        let sealed = commands.map(async |(command, release)| {
            let seal = if release.batch { Some(self.bus.seal(self.number, &command).await) } else { None };
            (release, command, seal)
        });
        let (mut going, mut taken) = (Vec::new(), false);
        for (release, command, seal) in join_all(sealed).await {
            match seal.transpose() {
                Ok(seal) => going.push(Going { release, command, seal }),
                Err(SealError::TooLarge) => self.give_up(&release).await,
                Err(SealError::Taken) => taken = true,
            }
        }
        if taken {
            tracing::warn!(partition = self.number, "another router works on what is held here");
            return self.start_over();
        }
        self.publish(going, released_at).await;
    }

    async fn publish(&mut self, going: Vec<Going>, released_at: DateTime<Utc>) {
        // Before it can be carried out: what comes of it is told later than that it is part of a batch.
        join_all(going.iter().filter(|going| going.release.batch).map(|going| self.tell_members(going)))
            .await;
        let commands = going.iter().map(|going| going.command.clone()).collect();
        let refused = self.bus.publish_commands_at_last(commands, released_at).await;
        for Going { release, command, seal } in going {
            if refused.iter().any(|refused| refused.effect_key == command.effect_key) {
                self.give_up(&release).await;
            } else {
                self.metrics.batches.inc_by(u64::from(release.batch));
                for item in &release.items {
                    self.done(item).await;
                }
            }
            if let Some(seal) = seal {
                self.bus.unseal(&seal).await;
            }
        }
    }

    async fn tell_members(&self, going: &Going) {
        let (batch, now) = (&going.command.effect_key, Utc::now());
        let outcomes = going.release.items.iter().map(|item| told::held(&item.command, Some(batch), now));
        let outcomes: Vec<_> = outcomes.collect();
        join_all(outcomes.iter().map(|outcome| self.bus.record(outcome))).await;
    }

    /// It, or each of these, is larger than NATS takes.
    async fn give_up(&mut self, release: &Release) {
        for item in &release.items {
            let outcome = told::too_large(&item.command, Utc::now());
            let letter =
                DeadLetter { command: Some((*item.command).clone().into()), ..dead_letter(outcome.clone()) };
            self.bus.bury(&letter).await;
            self.tell(&item.command, outcome).await;
            self.done(item).await;
        }
    }

    /// What was sealed and is perhaps not published: published again, it has one effect.
    pub(super) async fn open_seals(&mut self) {
        for seal in self.bus.seals(self.number).await {
            let batch = &seal.command;
            let members = &batch.terms.members;
            let events = members.iter().filter_map(|member| member.event.as_ref());
            let events: Vec<_> = events.map(|event| EventKey::derive(&event.source, &event.id)).collect();
            let known = self.bus.recorded_by_effect(&events).await;
            // If it went on, all of them were told before.
            let told = |member: &&BatchMember| known.get(&member.effect_key).is_some_and(told::went_on);
            let held = told::held(batch, Some(&batch.effect_key), Utc::now());
            let outcomes =
                members.iter().filter(|member| !told(member)).map(|member| of_member(&held, member));
            let outcomes: Vec<_> = outcomes.collect();
            join_all(outcomes.iter().map(|outcome| self.bus.record(outcome))).await;
            let command = Command { repeated: true, ..batch.clone() };
            let refused = self.bus.publish_commands_at_last(vec![command], Utc::now()).await;
            if let Some(refused) = refused.first() {
                tracing::error!(effect.key = %refused.effect_key, "a sealed batch is larger than NATS takes");
            }
            self.bus.unseal(&seal).await;
        }
    }
}
