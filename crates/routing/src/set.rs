//! A set of routes, and the plan that it makes of an event.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use signalbox_domain::{Command, EffectKey, Event, Origin, Trigger, Verdict};

use crate::{
    fault::{Fault, Faults},
    file::{self, Placed},
    route::Route,
    scope::Scope,
    subject::SubjectIndex,
};

/// A checked set of routes. It does not change; share it in an `Arc`.
#[derive(Debug)]
pub struct RouteSet {
    /// By name, which makes plans independent of the order of declaration.
    routes: Vec<Route>,
    index: SubjectIndex,
    version: String,
}

/// What a route set makes of an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What to do, by name of route.
    pub commands: Vec<Command>,
    /// For each route whose filter matched, by name: whether it applies, and if not, why.
    pub verdicts: Vec<Verdict>,
    /// Routes that failed on this event, by name. Each also has a verdict, and no command.
    pub errors: Vec<RouteError>,
}

/// Why a route failed on an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("route `{route}`: {detail}")]
pub struct RouteError {
    /// Name of the route.
    pub route: String,
    /// The field, the expression and what is wrong. Names and types of data are in it, values are not.
    pub detail: String,
}

impl RouteSet {
    /// Reads and checks route files, given by name and text. Their order is of no consequence.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn load(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, Faults> {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort();
        let (mut routes, mut faults) = (Vec::new(), Vec::new());
        for (name, text) in &files {
            let (read, wrong) = file::read(name, text);
            routes.extend(read.into_iter().map(|placed| (name.as_str(), placed)));
            faults.extend(wrong);
        }
        faults.extend(repeated_names(&routes));
        if !faults.is_empty() {
            faults.sort();
            return Err(Faults(faults));
        }
        let mut routes: Vec<_> = routes.into_iter().map(|(_, placed)| placed.route).collect();
        routes.sort_by(|a, b| a.name.cmp(&b.name));
        let mut index = SubjectIndex::default();
        for (item, route) in routes.iter().enumerate() {
            index.insert(&route.filter, item);
        }
        Ok(Self { routes, index, version: version(&files) })
    }

    /// Hash of the files' contents, 16 hexadecimal digits. Names and order of the files do not count.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many routes there are.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The names of the routes, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.routes.iter().map(|route| route.name.as_str())
    }

    /// What to do about `event`. The same event gives the same plan; `at` is the time that its commands carry.
    pub fn plan(&self, event: &Event, at: DateTime<Utc>) -> Plan {
        let mut plan = Plan::default();
        let scope = Scope::new(event);
        for route in self.index.matching(&event.nats_subject) {
            if let Some(route) = self.routes.get(route) {
                let outcome = self.command(route, event, &scope, at);
                plan.add(&route.name, outcome);
            }
        }
        plan
    }

    fn command(
        &self,
        route: &Route,
        event: &Event,
        scope: &Scope<'_>,
        at: DateTime<Utc>,
    ) -> Result<Option<Command>, String> {
        if !route.admits(scope)? {
            return Ok(None);
        }
        let action = route.action(scope)?;
        Ok(Some(Command {
            effect_key: EffectKey::derive(
                &event.source,
                &event.id,
                &route.name,
                0,
                &action.label(),
                action.key(),
            ),
            origin: Origin {
                event: event.reference(),
                route: Some(route.name.clone()),
                route_set: self.version.clone(),
                trigger: Trigger::Event,
            },
            reply_to: event.reply_to.clone(),
            trace: event.trace.clone(),
            accepted_at: at,
            action,
        }))
    }
}

impl Plan {
    fn add(&mut self, route: &str, outcome: Result<Option<Command>, String>) {
        let verdict =
            |matched, detail: &str| Verdict { route: route.to_owned(), matched, detail: detail.to_owned() };
        match outcome {
            Ok(Some(command)) => {
                self.verdicts.push(verdict(true, ""));
                self.commands.push(command);
            }
            Ok(None) => self.verdicts.push(verdict(false, "`when` is false")),
            Err(detail) => {
                self.verdicts.push(verdict(false, &detail));
                self.errors.push(RouteError { route: route.to_owned(), detail });
            }
        }
    }
}

fn repeated_names(routes: &[(&str, Placed)]) -> Vec<Fault> {
    let mut seen = HashMap::new();
    let mut faults = Vec::new();
    for (file, placed) in routes {
        let name = placed.route.name.as_str();
        if let Some((first_file, first)) = seen.insert(name, (*file, placed.at)) {
            let first = format!("{first_file}:{}:{}", first.line, first.column);
            let message = format!("the name `{name}` is taken by the route at {first}");
            faults.push(Fault { file: (*file).to_owned(), at: placed.at, message });
        }
    }
    faults
}

fn version(files: &[(String, String)]) -> String {
    let mut digests: Vec<_> = files.iter().map(|(_, text)| Sha256::digest(text)).collect();
    digests.sort();
    let whole = digests.iter().fold(Sha256::new(), |hasher, digest| hasher.chain_update(digest)).finalize();
    hex::encode(whole.get(..8).unwrap_or(&whole))
}
