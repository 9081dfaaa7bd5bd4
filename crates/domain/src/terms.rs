//! On what terms a command is carried out: until when, and what holds it back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use signalbox_proto::v1;
pub use signalbox_proto::v1::BatchMember;

use crate::{
    BadCommand,
    action_wire::{span, wire_duration},
    command::{time, wire_time},
};

/// On what terms a command is carried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// From then on it is not tried again; `None`: it is tried for as long as it takes.
    pub give_up_at: Option<DateTime<Utc>>,
    /// What becomes of it while no run of its workflow is open.
    pub if_missing: IfMissing,
    /// What holds it back before it is carried out.
    pub flow: Option<Box<Flow>>,
    /// How often it was taken out of the dead letters.
    pub redriven: u32,
    /// The commands that it stands for; empty when it stands for itself.
    pub members: Vec<BatchMember>,
}

/// What becomes of a command while no run of its workflow is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfMissing {
    /// It is a dead letter.
    #[default]
    Dead,
    /// It is not wanted then.
    Drop,
    /// It waits for a run.
    Park {
        /// From then on it is a dead letter.
        until: DateTime<Utc>,
    },
}

/// What holds commands of one route and one key back, in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Only the last of a burst is carried out.
    pub debounce: Option<Debounce>,
    /// Many become one.
    pub batch: Option<Batch>,
    /// No more than so many in a time.
    pub throttle: Option<Throttle>,
    /// A run gets no more signals than this; those that come after wait for the next run.
    pub signals_per_run: Option<u32>,
    /// The place of the action in its route: each has a flow of its own.
    pub action: u32,
}

/// Only the last of a burst is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debounce {
    /// Commands that come within this of each other are one burst.
    pub quiet: Duration,
    /// However long a burst is, one is carried out each time that this has passed.
    pub at_most: Option<Duration>,
}

/// Many become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// So many, at most.
    pub size: u32,
    /// So long, at most, the first waits for others.
    pub within: Duration,
}

/// No more than so many in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// So many.
    pub limit: u32,
    /// The time.
    pub per: Duration,
}

impl Terms {
    /// Of a command that is taken out of the dead letters: it has all the time that it takes, waits for no workflow, and
    /// is not held back again. What a run may have of signals holds.
    pub fn redriven(self) -> Self {
        let signals_per_run = self.flow.and_then(|flow| flow.signals_per_run);
        let flow = signals_per_run.map(|_| Flow { signals_per_run, ..Flow::default() });
        Self {
            give_up_at: None,
            if_missing: IfMissing::Dead,
            flow: flow.map(Box::new),
            redriven: self.redriven.saturating_add(1),
            members: self.members,
        }
    }

    /// As in a message; `None` where nothing is said.
    pub(crate) fn to_wire(&self) -> Option<v1::Terms> {
        if *self == Self::default() {
            return None;
        }
        let (if_missing, park_until) = match self.if_missing {
            IfMissing::Dead => (v1::IfMissing::Unspecified, None),
            IfMissing::Drop => (v1::IfMissing::Drop, None),
            IfMissing::Park { until } => (v1::IfMissing::Park, Some(wire_time(until))),
        };
        Some(v1::Terms {
            give_up_at: self.give_up_at.map(wire_time),
            if_missing: if_missing.into(),
            park_until,
            flow: self.flow.as_deref().map(Flow::to_wire),
            redriven: self.redriven,
            members: self.members.clone(),
        })
    }

    pub(crate) fn from_wire(wire: Option<v1::Terms>) -> Result<Self, BadCommand> {
        let Some(wire) = wire else { return Ok(Self::default()) };
        let at = |wire: prost_types::Timestamp, what| time(wire).ok_or(BadCommand(what));
        let if_missing = match wire.if_missing() {
            v1::IfMissing::Unspecified => IfMissing::Dead,
            v1::IfMissing::Drop => IfMissing::Drop,
            v1::IfMissing::Park => {
                IfMissing::Park { until: at(wire.park_until.unwrap_or_default(), "park_until")? }
            }
        };
        Ok(Self {
            give_up_at: wire.give_up_at.map(|wire| at(wire, "give_up_at")).transpose()?,
            if_missing,
            flow: wire.flow.map(Flow::from_wire).transpose()?.map(Box::new),
            redriven: wire.redriven,
            members: wire.members,
        })
    }
}

impl Flow {
    /// Whether commands wait before they are carried out.
    pub fn holds(&self) -> bool {
        self.debounce.is_some() || self.batch.is_some() || self.throttle.is_some()
    }

    /// What is left of it when they have waited.
    pub fn passed(&self) -> Option<Self> {
        let Self { signals_per_run, action, .. } = *self;
        signals_per_run.map(|_| Self { signals_per_run, action, ..Self::default() })
    }

    fn to_wire(&self) -> v1::Flow {
        let Self { debounce, batch, throttle, signals_per_run, action } = *self;
        v1::Flow {
            debounce: debounce.map(|debounce| wire_duration(debounce.quiet)),
            debounce_at_most: debounce.and_then(|debounce| debounce.at_most).map(wire_duration),
            batch_size: batch.map_or(0, |batch| batch.size),
            batch_within: batch.map(|batch| wire_duration(batch.within)),
            throttle_limit: throttle.map_or(0, |throttle| throttle.limit),
            throttle_per: throttle.map(|throttle| wire_duration(throttle.per)),
            signals_per_run: signals_per_run.unwrap_or(0),
            action,
        }
    }

    fn from_wire(wire: v1::Flow) -> Result<Self, BadCommand> {
        let at_most = span(wire.debounce_at_most)?;
        let within = span(wire.batch_within)?;
        let per = span(wire.throttle_per)?;
        let some = |number: u32| (number > 0).then_some(number);
        Ok(Self {
            debounce: span(wire.debounce)?.map(|quiet| Debounce { quiet, at_most }),
            batch: some(wire.batch_size).zip(within).map(|(size, within)| Batch { size, within }),
            throttle: some(wire.throttle_limit).zip(per).map(|(limit, per)| Throttle { limit, per }),
            signals_per_run: some(wire.signals_per_run),
            action: wire.action,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_redriven_is_tried_for_as_long_as_it_takes_and_at_once() {
        let debounce = Debounce { quiet: Duration::from_secs(1), at_most: None };
        let of = |signals_per_run| Terms {
            give_up_at: Some(DateTime::UNIX_EPOCH),
            if_missing: IfMissing::Drop,
            flow: Some(Box::new(Flow { debounce: Some(debounce), signals_per_run, ..Flow::default() })),
            redriven: 1,
            members: vec![BatchMember::default()],
        };
        let plain = Terms { redriven: 2, members: vec![BatchMember::default()], ..Terms::default() };
        assert_eq!(of(None).redriven(), plain);
        let flow = Some(Box::new(Flow { signals_per_run: Some(9), ..Flow::default() }));
        assert_eq!(of(Some(9)).redriven(), Terms { flow, ..plain });
    }

    #[test]
    fn terms_survive_the_wire() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        let flow = Flow {
            debounce: Some(Debounce { quiet: second, at_most: Some(minute) }),
            batch: Some(Batch { size: 10, within: second }),
            throttle: Some(Throttle { limit: 3, per: minute }),
            signals_per_run: Some(9000),
            action: 2,
        };
        let full = Terms {
            give_up_at: Some(DateTime::UNIX_EPOCH + minute),
            if_missing: IfMissing::Park { until: DateTime::UNIX_EPOCH + second },
            flow: Some(Box::new(flow)),
            redriven: 2,
            members: vec![BatchMember { effect_key: "k".into(), ..Default::default() }],
        };
        let some = Terms { if_missing: IfMissing::Drop, ..Terms::default() };
        for terms in [full, some, Terms::default()] {
            assert_eq!(Terms::from_wire(terms.to_wire()).unwrap(), terms);
        }
        assert_eq!(Terms::default().to_wire(), None);
    }
}
