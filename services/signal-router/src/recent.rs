//! Effects that were seen lately. Pure.

use std::collections::{HashSet, VecDeque};

use signalbox_domain::EffectKey;

/// So many are known again.
const KNOWN: usize = 8192;

/// The effects that were seen last.
#[derive(Default)]
pub(crate) struct Recent {
    known: HashSet<EffectKey>,
    order: VecDeque<EffectKey>,
}

impl Recent {
    /// Whether the effect was seen lately.
    pub(crate) fn contains(&self, effect: &EffectKey) -> bool {
        self.known.contains(effect)
    }

    /// Whether the effect was seen lately; from now on it was.
    pub(crate) fn knows(&mut self, effect: &EffectKey) -> bool {
        if !self.known.insert(effect.clone()) {
            return true;
        }
        self.order.push_back(effect.clone());
        if self.order.len() > KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_are_known() {
        let mut recent = Recent::default();
        let effect = |n: usize| {
            EffectKey::derive(&"/s".parse().unwrap(), &"e".parse().unwrap(), "r", n, "cancel", "w")
        };
        assert!((0..=KNOWN).all(|n| !recent.knows(&effect(n))));
        assert!(recent.knows(&effect(1)) && recent.knows(&effect(KNOWN)));
        assert!(!recent.knows(&effect(0)));
    }
}
