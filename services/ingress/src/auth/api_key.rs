//! API keys: `sbx_<id>_<secret>`.
//!
//! The secret is 256 random bits, so a fast hash keeps it: nobody can try them all. A slow one, as passwords need it, would
//! only make each call slow.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use signalbox_domain::{time, wire_time};
use signalbox_proto::v1;
use signalbox_service::Secret;
use subtle::ConstantTimeEq;

use super::{Action, Grant};

/// What every key begins with, so that those who look for leaked secrets find it.
pub const PREFIX: &str = "sbx_";

const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

/// A key as a caller presents it. Its secret is hashed at the door and kept nowhere.
#[derive(Clone, Debug)]
pub struct PresentedKey {
    /// The part that is no secret.
    pub id: String,
    hash: SecretHash,
}

/// SHA-256 of a secret. Comparing two takes the same time, whatever they are.
#[derive(Clone, Copy)]
struct SecretHash([u8; 32]);

/// A text that no key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an API key has the form sbx_<id>_<secret>")]
pub struct NotAKey;

/// A key as it is kept.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The part that is no secret.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub grant: Grant,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From then on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    hash: SecretHash,
}

/// What is kept cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the kept key {id} has {what} that cannot be read")]
pub struct UnreadableKey {
    id: String,
    what: &'static str,
}

impl ApiKey {
    /// A new key, and its text, which can be told now and never again.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn generate(
        name: String,
        grant: Grant,
        now: DateTime<Utc>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(Self, Secret), getrandom::Error> {
        let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
        getrandom::fill(&mut id)?;
        getrandom::fill(&mut secret)?;
        let (id, secret) = (hex::encode(id), hex::encode(secret));
        let text = Secret::new(format!("{PREFIX}{id}_{secret}"));
        let key = Self { id, name, grant, created_at: now, expires_at, hash: SecretHash::of(&secret) };
        Ok((key, text))
    }

    /// Whether the caller has this key's secret.
    pub fn is(&self, presented: &PresentedKey) -> bool {
        self.hash.0.ct_eq(&presented.hash.0).into()
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
}

impl SecretHash {
    fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl FromStr for PresentedKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let (id, secret) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(NotAKey)?;
        let is_hex =
            |text: &str, bytes| text.len() == 2 * bytes && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex(id, ID_BYTES) || !is_hex(secret, SECRET_BYTES) {
            return Err(NotAKey);
        }
        Ok(Self { id: id.to_owned(), hash: SecretHash::of(secret) })
    }
}

impl From<&ApiKey> for v1::ApiKey {
    fn from(key: &ApiKey) -> Self {
        let Grant { actions, workflow_types, sources, subjects } = &key.grant;
        Self {
            id: key.id.clone(),
            name: key.name.clone(),
            secret_sha256: key.hash.0.to_vec().into(),
            actions: actions.iter().map(ToString::to_string).collect(),
            workflow_types: workflow_types.iter().map(ToString::to_string).collect(),
            sources: sources.iter().map(ToString::to_string).collect(),
            subjects: subjects.iter().map(|filter| filter.as_str().to_owned()).collect(),
            created_at: Some(wire_time(key.created_at)),
            expires_at: key.expires_at.map(wire_time),
        }
    }
}

impl TryFrom<v1::ApiKey> for ApiKey {
    type Error = UnreadableKey;

    fn try_from(wire: v1::ApiKey) -> Result<Self, UnreadableKey> {
        let bad = |what| UnreadableKey { id: wire.id.clone(), what };
        // An action of tomorrow gives nothing today; a limit that cannot be read would be none.
        let actions = wire.actions.iter().filter_map(|name| name.parse::<Action>().ok()).collect();
        let hash = wire.secret_sha256.as_ref().try_into().map_err(|_| bad("a hash"))?;
        let expires_at = match wire.expires_at {
            Some(end) => Some(time(end).ok_or_else(|| bad("an end"))?),
            None => None,
        };
        Ok(Self {
            grant: Grant {
                actions,
                workflow_types: all(&wire.workflow_types).ok_or_else(|| bad("a workflow type"))?,
                sources: all(&wire.sources).ok_or_else(|| bad("a source"))?,
                subjects: all(&wire.subjects).ok_or_else(|| bad("a subject"))?,
            },
            created_at: wire.created_at.and_then(time).unwrap_or_default(),
            expires_at,
            hash: SecretHash(hash),
            id: wire.id,
            name: wire.name,
        })
    }
}

fn all<T: FromStr>(texts: &[String]) -> Option<Vec<T>> {
    texts.iter().map(|text| text.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn generate() -> (ApiKey, Secret) {
        let grant = Grant {
            actions: [Action::Start, Action::Publish].into(),
            workflow_types: vec!["Order*".parse().unwrap()],
            sources: vec!["/shop".parse().unwrap()],
            subjects: vec!["events.shop.>".parse().unwrap()],
        };
        let now = Utc::now();
        ApiKey::generate("the shop".into(), grant, now, Some(now + TimeDelta::hours(1))).unwrap()
    }

    fn presented(text: &str) -> PresentedKey {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_is_known_by_its_secret_alone() {
        let (key, text) = generate();
        let again = presented(text.expose());
        assert_eq!(again.id, key.id);
        assert!(key.is(&again));
        let (_, other) = generate();
        let (_, secret) = other.expose().rsplit_once('_').unwrap();
        assert!(!key.is(&presented(&format!("sbx_{}_{secret}", key.id))), "another's secret");
        let flipped = match text.expose().strip_suffix('0') {
            Some(beginning) => format!("{beginning}1"),
            None => format!("{}0", &text.expose()[..text.expose().len() - 1]),
        };
        assert!(!key.is(&presented(&flipped)), "one digit");
    }

    #[test]
    fn a_key_is_kept_without_its_secret() {
        let (key, text) = generate();
        let secret = text.expose().rsplit_once('_').unwrap().1;
        let wire = v1::ApiKey::from(&key);
        let again = ApiKey::try_from(wire.clone()).unwrap();
        assert_eq!((&again.grant, &again.name, again.expires_at), (&key.grant, &key.name, key.expires_at));
        assert!(again.is(&presented(text.expose())));
        for shown in [
            format!("{wire:?}"),
            format!("{key:?}"),
            format!("{text:?}"),
            format!("{:?}", presented(text.expose())),
        ] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(!format!("{key:?}").contains(&hex::encode(key.hash.0)));
    }

    #[test]
    fn keys_end() {
        let (key, _) = generate();
        let end = key.expires_at.unwrap();
        assert!(!key.is_expired(end - TimeDelta::milliseconds(1)) && key.is_expired(end));
        assert!(!ApiKey { expires_at: None, ..key }.is_expired(end));
    }

    #[test]
    fn what_cannot_be_read_limits_nothing_less() {
        let wire = v1::ApiKey::from(&generate().0);
        let tomorrow = v1::ApiKey { actions: vec!["start".into(), "fly".into()], ..wire.clone() };
        assert_eq!(ApiKey::try_from(tomorrow).unwrap().grant.actions, [Action::Start].into());
        for bad in [
            v1::ApiKey { workflow_types: vec!["*?*".into()], ..wire.clone() },
            v1::ApiKey { sources: vec![String::new()], ..wire.clone() },
            v1::ApiKey { subjects: vec!["hr.>".into()], ..wire.clone() },
            v1::ApiKey { secret_sha256: vec![1; 31].into(), ..wire },
        ] {
            assert!(ApiKey::try_from(bad).is_err());
        }
    }

    #[test]
    fn what_is_no_key_is_told_apart() {
        let secret = "0".repeat(64);
        for text in [
            String::new(),
            "sbx_".into(),
            "sbx_0123456789ab".into(),
            format!("sbx_0123456789ab_{}", "0".repeat(63)),
            format!("sbx_0123456789ab_{}g", "0".repeat(63)),
            format!("sbx_0123_{secret}"),
            format!("SBX_0123456789ab_{secret}"),
            format!("sbx_0123456789ab_{secret}_"),
        ] {
            assert_eq!(text.parse::<PresentedKey>().unwrap_err(), NotAKey, "{text}");
        }
    }
}
