//! Which source is meant, and its secret.

use std::env;
use std::path::Path;

use signalbox_ingress::{Secrets, read_secret};
use signalbox_routing::{RouteSet, SecretPlace, Source};
use signalbox_webhooks::{Picks, Provider};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::route_files;

/// What the API itself has for GitHub, whatever the routes declare.
const GITHUB_SECRETS: &str = "SIGNALBOX_GITHUB_SECRETS";

/// Whom to send to.
#[derive(Debug)]
pub struct Target {
    /// As whom.
    pub provider: Provider,
    /// The declared source, if it is one.
    source: Option<Source>,
}

impl Target {
    /// The target and the event that `what` names. An `anonymous` one need not be a source that is declared.
    ///
    /// # Errors
    /// When nothing, or more than one, can be meant.
    pub fn find<'w>(what: &'w str, routes: &Path, anonymous: bool) -> Result<(Self, &'w str), Failure> {
        let (name, event) = what.split_once('.').filter(|(_, event)| !event.is_empty()).ok_or_else(|| {
            Failure::other(Exit::Usage, format!("`{what}` names no event"))
                .with_tip("write it as in `github.push`; --list shows what there is")
        })?;
        let sources = declared(routes)?;
        if let Some(source) = sources.iter().find(|source| source.name == name) {
            return Ok((Self::of(source), event));
        }
        let provider = Provider::named(name, Picks::default()).ok_or_else(|| unknown(name, &sources))?;
        let mut own = sources.iter().filter(|source| source.provider.name() == name);
        match (own.next(), own.next()) {
            (Some(source), None) => Ok((Self::of(source), event)),
            _ if anonymous || provider == Provider::Github => Ok((Self { provider, source: None }, event)),
            (None, _) => {
                Err(Failure::other(Exit::Usage, format!("no route file declares a source of `{name}`"))
                    .with_tip("declare one (docs/reference/webhooks.md), or say --to URL"))
            }
            (Some(_), _) => Err(Failure::other(Exit::Usage, format!("several sources are of `{name}`"))
                .with_tip("name one of them")),
        }
    }

    fn of(source: &Source) -> Self {
        Self { provider: source.provider.clone(), source: Some(source.clone()) }
    }

    /// Its path.
    pub fn path(&self) -> Vec<&str> {
        match &self.source {
            Some(source) => vec!["webhooks", &source.name],
            None => vec!["webhook", "github"],
        }
    }

    /// The secret in the `variable`, or else where the source has one.
    ///
    /// # Errors
    /// When there is none.
    pub fn secret(&self, variable: Option<&str>) -> Result<String, Failure> {
        if let Some(name) = variable {
            return read(&SecretPlace::Env(name.to_owned()))
                .map_err(|why| Failure::other(Exit::Usage, format!("no secret to sign with: {why}")));
        }
        let missing = |why: String| {
            Failure::other(Exit::Usage, format!("no secret to sign with: {why}"))
                .with_tip("--secret-env names the variable that has it")
        };
        match &self.source {
            Some(source) => {
                let read: Vec<_> = source.secrets.iter().map(read).collect();
                let why =
                    read.iter().filter_map(|one| one.as_ref().err().cloned()).collect::<Vec<_>>().join("; ");
                read.into_iter().find_map(Result::ok).ok_or_else(|| missing(why))
            }
            None => {
                let secrets = env::var(GITHUB_SECRETS).unwrap_or_default();
                let Ok(secrets) = secrets.parse::<Secrets>();
                let first = secrets.exposed().next().map(str::to_owned);
                first.ok_or_else(|| missing(format!("the variable {GITHUB_SECRETS} is not set")))
            }
        }
    }
}

fn read(place: &SecretPlace) -> Result<String, String> {
    read_secret(place).map(|secret| secret.expose().to_owned())
}

/// The sources of a folder; none if there is no folder.
fn declared(routes: &Path) -> Result<Vec<Source>, Failure> {
    if !routes.exists() {
        return Ok(Vec::new());
    }
    let set = RouteSet::load(route_files::of_set(&[routes.to_owned()])?);
    let set = set.map_err(|faults| Failure::other(Exit::Refused, faults.to_string()))?;
    Ok(set.sources().to_vec())
}

fn unknown(name: &str, sources: &[Source]) -> Failure {
    let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
    let tip = match names.as_slice() {
        [] => "no source is declared; --routes names the folder that declares some".to_owned(),
        names => format!("declared are {}", names.join(", ")),
    };
    Failure::other(Exit::Usage, format!("`{name}` is neither a source nor a provider")).with_tip(tip)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(what: &str, sources: &str) -> Result<(String, String), String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), format!("version: 1\nsources: [{sources}]")).unwrap();
        let found = Target::find(what, folder.path(), false);
        found
            .map(|(target, event)| (target.path().join("/"), event.to_owned()))
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_source_goes_before_a_provider() {
        let is = |path: &str, event: &str| Ok((path.to_owned(), event.to_owned()));
        let a = "{ name: a, provider: stripe, secrets: [ { env: A } ] }";
        let b = "{ name: b, provider: stripe, secrets: [ { env: B } ] }";
        let github = "{ name: github, provider: github, secrets: [ { env: G } ] }";
        assert_eq!(found("a.invoice.paid", a), is("webhooks/a", "invoice.paid"));
        assert_eq!(found("stripe.invoice.paid", a), is("webhooks/a", "invoice.paid"));
        assert_eq!(found("github.push", a), is("webhook/github", "push"));
        assert_eq!(found("github.push", github), is("webhooks/github", "push"));
        for (what, sources, why) in [
            ("stripe.x", "", "no route file declares a source of `stripe`"),
            ("stripe.x", &*format!("{a}, {b}"), "several sources are of `stripe`"),
            ("shop.x", a, "`shop` is neither a source nor a provider"),
            ("github", a, "`github` names no event"),
            ("github.", a, "`github.` names no event"),
        ] {
            assert_eq!(found(what, sources), Err(why.to_owned()));
        }
    }
}
