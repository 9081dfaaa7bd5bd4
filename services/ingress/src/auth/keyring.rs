//! The API keys, as the bucket has them at this moment.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use signalbox_bus::{Bus, Change, Changes, Error, Table};
use signalbox_proto::v1;
use signalbox_telemetry::Chain;
use tracing::{info, warn};

use super::{ApiKey, Principal, Refusal, api_key::PresentedKey};

/// Pause before the bucket is read anew.
const PAUSE: Duration = Duration::from_millis(500);

/// A key, and whoever calls with it.
type Known = (ApiKey, Principal);

/// A copy of the bucket of keys that follows it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    /// `None` until the bucket was read once.
    keys: Arc<RwLock<Option<HashMap<String, Known>>>>,
}

impl Keyring {
    /// Whose key this is.
    ///
    /// # Errors
    /// [`Refusal`], if nobody's at this time.
    pub fn caller(&self, presented: &PresentedKey, now: DateTime<Utc>) -> Result<Principal, Refusal> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.as_ref().ok_or(Refusal::KeysAway)?;
        let (key, caller) = keys.get(&presented.id).ok_or(Refusal::UnknownKey)?;
        match key.is(presented) {
            false => Err(Refusal::UnknownKey),
            true if key.is_expired(now) => Err(Refusal::ExpiredKey),
            true => Ok(caller.clone()),
        }
    }

    /// Follows the bucket for ever; `on_read` is told how many keys there were when it was read for the first time.
    pub async fn follow(self, bus: Bus, on_read: impl FnOnce(usize)) {
        let mut on_read = Some(on_read);
        loop {
            match self.read(&bus).await {
                Ok((count, changes)) => {
                    if let Some(on_read) = on_read.take() {
                        on_read(count);
                    }
                    self.apply(changes).await;
                }
                Err(error) => tracing::debug!(error = %Chain(&error), "the API keys are not read yet"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads all; what is written meanwhile is among the changes.
    async fn read(&self, bus: &Bus) -> Result<(usize, Changes<v1::ApiKey>), Error> {
        let table: Table<v1::ApiKey> = bus.api_keys().await?;
        let changes = table.watch().await?;
        let keys: HashMap<_, _> = table.all().await?.into_iter().filter_map(known).collect();
        let count = keys.len();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys);
        Ok((count, changes))
    }

    async fn apply(&self, mut changes: Changes<v1::ApiKey>) {
        loop {
            match changes.next().await {
                Ok(Some(change)) => self.change(change),
                Ok(None) => return,
                Err(error) => {
                    warn!(error = %Chain(&error), "API keys are read anew");
                    return;
                }
            }
        }
    }

    /// Something was written into the bucket.
    pub fn change(&self, change: Change<v1::ApiKey>) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.get_or_insert_default();
        match change {
            Change::Removed(id) => {
                if keys.remove(&id).is_some() {
                    info!(key.id = %id, "API key revoked");
                }
            }
            Change::Set(id, wire) => match known(wire) {
                Some((id, known)) => drop(keys.insert(id, known)),
                None => drop(keys.remove(&id)),
            },
        }
    }
}

fn known(wire: v1::ApiKey) -> Option<(String, Known)> {
    match ApiKey::try_from(wire) {
        Ok(key) => {
            let caller = Principal::new(key.id.as_str(), [key.grant.clone()]);
            Some((key.id.clone(), (key, caller)))
        }
        Err(error) => {
            warn!(%error, "API key left out");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::auth::Grant;

    fn key(expires_at: Option<DateTime<Utc>>) -> (v1::ApiKey, PresentedKey) {
        let (key, text) = ApiKey::generate("k".into(), Grant::default(), Utc::now(), expires_at).unwrap();
        ((&key).into(), text.expose().parse().unwrap())
    }

    fn with_id(presented: &PresentedKey, id: &str) -> PresentedKey {
        let mut presented = presented.clone();
        presented.id = id.to_owned();
        presented
    }

    fn refusal(ring: &Keyring, presented: &PresentedKey) -> Option<Refusal> {
        ring.caller(presented, Utc::now()).err()
    }

    #[test]
    fn a_key_is_good_from_its_making_to_its_end() {
        let ring = Keyring::default();
        let (wire, presented) = key(None);
        assert_eq!(refusal(&ring, &presented), Some(Refusal::KeysAway));
        ring.change(Change::Set(wire.id.clone(), wire.clone()));
        assert_eq!(ring.caller(&presented, Utc::now()).unwrap().name.as_deref(), Some(wire.id.as_str()));
        let other = key(None).1;
        assert_eq!(refusal(&ring, &other), Some(Refusal::UnknownKey));
        assert_eq!(refusal(&ring, &with_id(&other, &wire.id)), Some(Refusal::UnknownKey));
        ring.change(Change::Removed(wire.id));
        assert_eq!(refusal(&ring, &presented), Some(Refusal::UnknownKey));
    }

    #[test]
    fn keys_end_by_the_clock() {
        let ring = Keyring::default();
        let now = Utc::now();
        let (wire, presented) = key(Some(now));
        ring.change(Change::Set(wire.id.clone(), wire));
        assert_eq!(ring.caller(&presented, now).err(), Some(Refusal::ExpiredKey));
        assert!(ring.caller(&presented, now - TimeDelta::seconds(1)).is_ok());
    }

    #[test]
    fn a_key_that_can_no_longer_be_read_is_gone() {
        let ring = Keyring::default();
        let (wire, presented) = key(None);
        ring.change(Change::Set(wire.id.clone(), wire.clone()));
        ring.change(Change::Set(wire.id.clone(), v1::ApiKey { subjects: vec!["?".into()], ..wire }));
        assert_eq!(refusal(&ring, &presented), Some(Refusal::UnknownKey));
    }
}
