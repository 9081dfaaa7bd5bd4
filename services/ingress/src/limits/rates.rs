//! Rates by key, in bounded memory.

use std::{
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    marker::PhantomData,
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore},
};

/// So many rates are kept; keys that fall on the same place share one. Which do so nobody can know from outside.
const PLACES: usize = 1 << 16;

type Limiter = RateLimiter<usize, Places, DefaultClock, NoOpMiddleware<<DefaultClock as Clock>::Instant>>;

/// Holds each key to its rate (a leaky bucket: GCRA).
pub struct Rates<K> {
    limiter: Limiter,
    clock: DefaultClock,
    hasher: RandomState,
    of: PhantomData<fn(K)>,
}

/// The states of all rates: 8 bytes each.
struct Places(Box<[InMemoryState]>);

impl StateStore for Places {
    type Key = usize;

    fn measure_and_replace<T, F, E>(&self, place: &usize, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0[place % PLACES].measure_and_replace(&NotKeyed::NonKey, decide)
    }
}

impl<K: Hash> Rates<K> {
    /// Each key may do so much.
    pub fn new(quota: Quota) -> Self {
        let places = Places((0..PLACES).map(|_| InMemoryState::default()).collect());
        let clock = DefaultClock::default();
        let limiter = RateLimiter::new(quota, places, clock.clone());
        Self { limiter, clock, hasher: RandomState::new(), of: PhantomData }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// How long to wait, if it is one too many.
    pub fn count(&self, key: &K) -> Result<(), Duration> {
        let place = usize::try_from(self.hasher.hash_one(key) % PLACES as u64).unwrap_or(0);
        self.limiter.check_key(&place).map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

impl<K> fmt::Debug for Rates<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn one_keys_calls_are_no_other_keys() {
        let rates = Rates::new(Quota::per_hour(NonZeroU32::new(3).unwrap()));
        for _ in 0..3 {
            assert_eq!(rates.count(&"a"), Ok(()));
        }
        let wait = rates.count(&"a").unwrap_err();
        assert!(wait > Duration::from_secs(1000) && wait <= Duration::from_secs(1200), "{wait:?}");
        // One of these may share a place with `a`, but not all.
        let others = ["b", "c", "d", "e", "f", "g", "h", "i"];
        assert!(others.iter().filter(|other| rates.count(other).is_ok()).count() >= 6);
    }

    #[test]
    fn keys_without_number_take_no_more_memory() {
        let rates = Rates::new(Quota::per_hour(NonZeroU32::new(1).unwrap()));
        let taken = (0..1_000_000_u32).filter(|n| rates.count(n).is_ok()).count();
        assert!(taken <= PLACES, "{taken}");
    }
}
