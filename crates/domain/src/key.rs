//! Keys that are derived, never drawn: the same event gives the same key at every attempt.

use std::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::{EventId, Source};

/// Where the ledger keeps an event: hashes, because ids and sources may hold what a NATS subject may not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventKey {
    id: String,
    source: String,
}

impl EventKey {
    /// The key of the event `id` of `source`.
    pub fn derive(source: &str, id: &str) -> Self {
        Self { id: hash([id], 16), source: hash([source], 8) }
    }

    /// The key's first token, which depends on the event's id alone.
    pub fn id_token(id: &str) -> String {
        hash([id], 16)
    }

    /// The subject of the outcome `leaf` of this event.
    pub fn outcome_subject(&self, leaf: &str) -> String {
        ["outcomes.", &self.id, ".", &self.source, ".", leaf].concat()
    }

    /// An id for JetStream's duplicate window that tells apart equal ids of two sources.
    pub fn message_id(&self) -> String {
        [&self.id, ".", &self.source].concat()
    }
}

/// Hash of event, route, action and target. Temporal's request id is this text, so that a repeated command
/// has one effect, and two signals of one event are two.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EffectKey(Box<str>);

impl EffectKey {
    /// The key of one action. `action` names the kind and, for signals, the signal: Temporal swallows a
    /// different signal that comes under a used id. `index` is the action's place in its route.
    pub fn derive(
        source: &Source,
        id: &EventId,
        route: &str,
        index: usize,
        action: &str,
        target: &str,
    ) -> Self {
        let index = index.to_string();
        Self(hash([source.as_str(), id.as_str(), route, &index, action, target], 16).into())
    }

    /// The key of what this effect does to one run, where it is about several.
    pub fn of_run(&self, workflow_id: &str, run_id: &str) -> Self {
        Self(hash([self.as_str(), workflow_id, run_id], 16).into())
    }

    /// The key of what is done for all these effects at once.
    pub fn of_batch<'k>(members: impl IntoIterator<Item = &'k Self>) -> Self {
        let whole: String = members.into_iter().map(Self::as_str).collect();
        Self(hash(["batch", &whole], 16).into())
    }

    /// The key of this effect when it is to happen once more. The same `id` again is the same once more.
    pub fn again(&self, id: &str) -> Self {
        Self(hash([self.as_str(), id], 16).into())
    }

    /// A key that was derived before and read from a message.
    pub(crate) fn from_wire(text: &str) -> Option<Self> {
        let valid = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        valid.then(|| Self(text.into()))
    }

    /// 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of the event that a command publishes.
impl From<&EffectKey> for EventId {
    fn from(key: &EffectKey) -> Self {
        Self::of_key(key)
    }
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The partition, out of `partitions`, that carries the commands of `key`.
pub fn partition(key: &str, partitions: u16) -> u16 {
    let digest = Sha256::digest(key);
    let number = digest.iter().take(8).fold(0u64, |n, byte| (n << 8) | u64::from(*byte));
    // The remainder is below a u16.
    (number % u64::from(partitions.max(1))) as u16
}

/// Lengths go in too, so that ("ab", "c") and ("a", "bc") differ.
fn hash<const N: usize>(parts: [&str; N], bytes: usize) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let digest = hasher.finalize();
    HEXLOWER.encode(digest.get(..bytes).unwrap_or(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(route: &str, index: usize, action: &str, target: &str) -> EffectKey {
        EffectKey::derive(&"s".parse().unwrap(), &"e".parse().unwrap(), route, index, action, target)
    }

    #[test]
    fn each_part_counts() {
        let base = effect("r", 0, "signal:a", "w");
        assert_eq!(base, effect("r", 0, "signal:a", "w"));
        for other in [
            effect("r2", 0, "signal:a", "w"),
            effect("r", 1, "signal:a", "w"),
            effect("r", 0, "signal:b", "w"),
            effect("r", 0, "signal:a", "w2"),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn each_run_has_a_key_of_its_own() {
        let effect = effect("r", 0, "signal-all:a", "q");
        assert_eq!(effect.of_run("w", "1"), effect.of_run("w", "1"));
        for other in [effect.of_run("w", "2"), effect.of_run("v", "1"), effect.clone()] {
            assert_ne!(effect.of_run("w", "1"), other);
        }
    }

    #[test]
    fn a_batch_has_the_key_of_its_members_in_their_order() {
        let (a, b) = (effect("r", 0, "signal:a", "w"), effect("r", 1, "signal:a", "w"));
        assert_eq!(EffectKey::of_batch([&a, &b]), EffectKey::of_batch([&a, &b]));
        for other in [EffectKey::of_batch([&b, &a]), EffectKey::of_batch([&a]), a.clone()] {
            assert_ne!(EffectKey::of_batch([&a, &b]), other);
        }
    }

    #[test]
    fn once_more_is_another_effect_and_twice_the_same_once_more_is_one() {
        let effect = effect("r", 0, "signal:a", "w");
        assert_eq!(effect.again("1"), effect.again("1"));
        for other in [effect.again("2"), effect.again("1").again("1"), effect.clone()] {
            assert_ne!(effect.again("1"), other);
        }
    }

    #[test]
    fn partitions_stay_where_they_are() {
        // Commands in flight over an upgrade must stay in order, so these never change.
        let of = |key: &str| partition(key, 8);
        assert_eq!([of("order-1"), of("order-2"), of("order-3"), of("a")], [4, 3, 7, 2]);
    }
}
