//! Sources with their secrets.

use std::{collections::BTreeMap, sync::Arc};

use signalbox_routing::Source;
use signalbox_service::Secret;
use signalbox_webhooks::{Call, Provider, Rejected, Taken, Verifier};
use tracing::{info, warn};

use super::secrets;

/// All sources of a set, with the secrets that there were when they were read.
#[derive(Debug, Default)]
pub struct Table {
    sources: Arc<[Source]>,
    by_name: BTreeMap<String, Arc<Declared>>,
}

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
    pub fn read(sources: &[Source]) -> Self {
        Self::read_after(&Self::default(), sources.into())
    }

    /// The same sources, with what can be read of their secrets now.
    pub fn read_again(&self) -> Self {
        Self::read_after(self, Arc::clone(&self.sources))
    }

    /// What was told of those of before is not told again.
    fn read_after(before: &Self, sources: Arc<[Source]>) -> Self {
        let declared = |source: &Source| {
            let declared = Declared::of(source);
            let told = before.by_name.get(&source.name).map(|before| before.missing.as_slice());
            if declared.missing != told.unwrap_or_default() {
                declared.tell();
            }
            (source.name.clone(), Arc::new(declared))
        };
        Self { by_name: sources.iter().map(declared).collect(), sources }
    }

    /// The source of that name.
    pub fn find(&self, name: &str) -> Option<Arc<Declared>> {
        self.by_name.get(name).cloned()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
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
        let usable: Vec<_> = usable.iter().map(Secret::expose).collect();
        let verifier = Verifier::new(&source.provider, &usable).ok();
        Self { name: source.name.clone(), provider: source.provider.clone(), verifier, missing }
    }

    fn tell(&self) {
        match self.missing.is_empty() {
            true => info!(source = self.name, "a source has all its secrets again"),
            false => warn!(source = self.name, missing = self.missing.join("; "), "a source lacks secrets"),
        }
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

#[cfg(test)]
mod tests {
    use std::fs;

    use chrono::Utc;
    use signalbox_routing::RouteSet;

    use super::*;

    fn verified(table: &Table, token: &str) -> bool {
        let authorization = format!("Bearer {token}");
        let header = |name: &str| (name == "authorization").then_some(authorization.as_str());
        let call = Call { header: &header, body: br#"{"id": "7"}"#, now: Utc::now() };
        table.find("sensor").unwrap().verify(&call).is_ok()
    }

    #[test]
    fn a_secret_that_changes_in_its_file_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let routes = format!(
            "version: 1\nsources:\n  - {{ name: sensor, provider: bearer, secrets: [ {{ file: {} }} ], \
             delivery_id: {{ pointer: /id }} }}\n",
            file.display()
        );
        let set = RouteSet::load([("sources.yaml".to_owned(), routes)]).unwrap();
        let table = Table::read(set.sources());
        assert!(!verified(&table, "old"), "there is none yet");
        fs::write(&file, "old\n").unwrap();
        let table = table.read_again();
        assert!(verified(&table, "old") && !verified(&table, "new"));
        fs::write(&file, "new\n").unwrap();
        assert!(verified(&table, "old"), "not looked at yet");
        let table = table.read_again();
        assert!(verified(&table, "new") && !verified(&table, "old"));
    }
}
