use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;
use tracing::{debug, info, warn};

const UNCHECKED: &str = "not yet checked";

/// Whether a process can do its work: it is ready while all its conditions are met. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    conditions: Arc<watch::Sender<Vec<ConditionState>>>,
}

/// One condition of a [`Readiness`], to be kept by whoever can tell whether it is met.
#[derive(Clone, Debug)]
pub struct Condition {
    name: Cow<'static, str>,
    conditions: Arc<watch::Sender<Vec<ConditionState>>>,
}

/// What is known of a condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConditionState {
    /// Its name, such as `nats`.
    pub name: Cow<'static, str>,
    /// Whether it is met.
    pub met: bool,
    /// Why it is not met; empty when it is.
    pub detail: String,
}

impl Readiness {
    /// The condition of that name, unmet (`not yet checked`) when it is new.
    pub fn condition(&self, name: impl Into<Cow<'static, str>>) -> Condition {
        let name = name.into();
        self.conditions.send_if_modified(|all| {
            let new = !all.iter().any(|condition| condition.name == name);
            if new {
                all.push(ConditionState { name: name.clone(), met: false, detail: UNCHECKED.into() });
            }
            new
        });
        Condition { name, conditions: Arc::clone(&self.conditions) }
    }

    /// Whether all conditions are met.
    pub fn is_ready(&self) -> bool {
        all_met(&self.conditions.borrow())
    }

    /// All conditions, in the order in which they were added.
    pub fn snapshot(&self) -> Vec<ConditionState> {
        self.conditions.borrow().clone()
    }

    /// Waits until all conditions are met.
    pub async fn ready(&self) {
        // It fails only without a sender, and `self` holds one.
        let _ = self.conditions.subscribe().wait_for(|all| all_met(all)).await;
    }
}

impl Condition {
    /// The condition holds.
    pub fn met(&self) {
        if self.set(true, String::new()).is_some_and(|before| !before.met) {
            info!(condition = %self.name, "condition met");
        }
    }

    /// The condition does not hold, because of `detail`.
    pub fn unmet(&self, detail: impl Into<String>) {
        let detail = detail.into();
        let Some(before) = self.set(false, detail.clone()) else { return };
        if before.met {
            warn!(condition = %self.name, detail, "condition no longer met");
        } else if before.detail == UNCHECKED {
            info!(condition = %self.name, detail, "condition not met yet");
        } else {
            debug!(condition = %self.name, detail, "condition still not met");
        }
    }

    /// The same as [`Condition::unmet`], where it is meant and nobody has to be warned.
    pub(crate) fn retire(&self, detail: &str) {
        self.set(false, detail.to_owned());
    }

    /// The state before, if it was another one.
    fn set(&self, met: bool, detail: String) -> Option<ConditionState> {
        let mut before = None;
        self.conditions.send_if_modified(|all| {
            let Some(state) = all.iter_mut().find(|state| state.name == self.name) else { return false };
            if state.met == met && state.detail == detail {
                return false;
            }
            let after = ConditionState { name: self.name.clone(), met, detail };
            before = Some(std::mem::replace(state, after));
            true
        });
        before
    }
}

fn all_met(conditions: &[ConditionState]) -> bool {
    conditions.iter().all(|condition| condition.met)
}

#[cfg(test)]
mod tests;
