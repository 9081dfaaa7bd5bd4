//! Sources with their secrets.

use std::{collections::BTreeMap, sync::Arc};

use signalbox_routing::Source;
use signalbox_service::Secret;
use signalbox_webhooks::{Call, Provider, Rejected, Taken, Verifier};
use tracing::warn;

use super::secrets;

/// All sources of a set, by name.
#[derive(Debug, Default)]
pub struct Table(BTreeMap<String, Arc<Declared>>);

/// One source.
#[derive(Debug)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Who sends.
    pub provider: Provider,
    /// Of those secrets that there are; `None` if there is none.
    verifier: Option<Verifier>,
    /// What is wrong with the other secrets.
    missing: Vec<String>,
}

/// Why a call is not known to be genuine.
#[derive(Debug, PartialEq, Eq)]
pub enum Unverified {
    /// It is the sender's fault.
    Rejected(Rejected),
    /// It may be genuine: a secret that it may be signed with is missing here. In words, one a secret.
    Missing(String),
}

impl Table {
    /// The sources, each with what can be read of its secrets.
    pub fn of(sources: &[Source]) -> Self {
        Self(sources.iter().map(|source| (source.name.clone(), Arc::new(Declared::of(source)))).collect())
    }

    /// The source of that name.
    pub fn find(&self, name: &str) -> Option<Arc<Declared>> {
        self.0.get(name).cloned()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Declared {
    fn of(source: &Source) -> Self {
        let (mut usable, mut missing) = (Vec::new(), Vec::new());
        for place in &source.secrets {
            let secret = secrets::read(place).and_then(|secret: Secret| {
                let checked = Verifier::new(&source.provider, &[secret.expose()]);
                checked.map(|_| secret).map_err(|why| format!("{place} holds no secret: {why}"))
            });
            match secret {
                Ok(secret) => usable.push(secret),
                Err(why) => missing.push(why),
            }
        }
        if !missing.is_empty() {
            warn!(source = source.name, missing = missing.join("; "), "a source lacks secrets");
        }
        let usable: Vec<_> = usable.iter().map(Secret::expose).collect();
        let verifier = Verifier::new(&source.provider, &usable).ok();
        Self { name: source.name.clone(), provider: source.provider.clone(), verifier, missing }
    }

    /// Checks a call.
    ///
    /// # Errors
    /// Why it is not known to be genuine.
    pub fn verify(&self, call: &Call<'_>) -> Result<Taken, Unverified> {
        let missing = || Unverified::Missing(self.missing.join("; "));
        let verifier = self.verifier.as_ref().ok_or_else(missing)?;
        verifier.verify(call).map_err(|why| match why {
            Rejected::BadSignature(_) | Rejected::BadCredentials(_) if !self.missing.is_empty() => missing(),
            why => Unverified::Rejected(why),
        })
    }
}
