//! Lanes: one a key, in which work waits for its turn. Pure.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// Work of one key goes one at a time and in order; work of different keys does not wait for each other.
pub(crate) struct Lanes<K, W> {
    /// A key is here while work of it is under way; the queue is what waits behind it.
    lanes: HashMap<K, VecDeque<W>>,
}

impl<K: Eq + Hash + Clone, W> Lanes<K, W> {
    pub(crate) fn new() -> Self {
        Self { lanes: HashMap::new() }
    }

    /// Takes work in; hands it back if it may begin now.
    pub(crate) fn enter(&mut self, key: &K, work: W) -> Option<W> {
        match self.lanes.get_mut(key) {
            Some(waiting) => {
                waiting.push_back(work);
                None
            }
            None => {
                self.lanes.insert(key.clone(), VecDeque::new());
                Some(work)
            }
        }
    }

    /// Says that the work of this key that was under way has ended; tells what may begin now.
    pub(crate) fn leave(&mut self, key: &K) -> Option<W> {
        let next = self.lanes.get_mut(key).and_then(VecDeque::pop_front);
        if next.is_none() {
            self.lanes.remove(key);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_in_order_others_at_once() {
        let mut lanes = Lanes::new();
        assert_eq!(lanes.enter(&"a", 1), Some(1));
        assert_eq!(lanes.enter(&"a", 2), None);
        assert_eq!(lanes.enter(&"b", 3), Some(3));
        assert_eq!(lanes.enter(&"a", 4), None);
        assert_eq!(lanes.leave(&"a"), Some(2));
        assert_eq!(lanes.leave(&"b"), None);
        assert_eq!(lanes.leave(&"a"), Some(4));
        assert_eq!(lanes.leave(&"a"), None);
        assert!(lanes.lanes.is_empty());
        assert_eq!(lanes.enter(&"a", 5), Some(5));
    }
}
