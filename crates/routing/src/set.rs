//! A set of routes.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use signalbox_domain::{Action, Command, EffectKey, Event, Flow, Origin, Terms, Trigger};

use crate::{
    cel::{on_large_stack, scope::Scope},
    fault::{Fault, Faults},
    files::FileSet,
    language::{self, document, events::DeclaredEvent, route::Route},
    lint,
    plan::Plan,
    schedule::DeclaredSchedule,
    source::Source,
    subject::{SubjectFilter, SubjectIndex},
};

/// A checked set of routes. It does not change; share it in an `Arc`.
#[derive(Debug)]
pub struct RouteSet {
    /// By name, which makes plans independent of the order of declaration.
    routes: Vec<Route>,
    index: SubjectIndex,
    events: Vec<DeclaredEvent>,
    event_index: SubjectIndex,
    sources: Vec<Source>,
    schedules: Vec<DeclaredSchedule>,
    version: String,
    warnings: Vec<Fault>,
}

/// Events that are declared for subjects that match a filter.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    /// The filter.
    pub filter: &'a SubjectFilter,
    /// What has happened when one comes, for people.
    pub description: Option<&'a str>,
    /// JSON Schema of the data.
    pub schema: &'a Value,
}

impl RouteSet {
    /// Reads and checks route files, given by name and text. Their order is of no consequence; those that
    /// [`FileSet::takes`] not are passed over.
    ///
    /// # Errors
    /// Everything that is wrong with any of them, when any of it is an error.
    pub fn load(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, Faults> {
        let files: FileSet = files.into_iter().filter(|(name, _)| FileSet::takes(name)).collect();
        on_large_stack(|| Self::read(&files)).unwrap_or_else(|| Err(Faults(vec![Fault::unreadable(&files)])))
    }

    fn read(files: &FileSet) -> Result<Self, Faults> {
        let parsed: Vec<_> =
            files.routes().map(|(name, text)| (name, text, crate::yaml::parse(text))).collect();
        let mut opened: Vec<_> =
            parsed.iter().map(|(name, text, parsed)| document::open(name, text, parsed, files)).collect();
        let events: Vec<_> = opened.iter_mut().flat_map(|file| std::mem::take(&mut file.events)).collect();
        let mut sources: Vec<_> =
            opened.iter_mut().flat_map(|file| std::mem::take(&mut file.sources)).collect();
        let (mut routes, mut schedules, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for document in opened.into_iter().map(|file| file.read(&events)) {
            routes.extend(document.routes);
            schedules.extend(document.schedules);
            faults.extend(document.faults);
        }
        faults.extend(lint::all(&routes, &sources, &schedules));
        faults.sort();
        let faults = Faults(faults);
        if faults.refuse() {
            return Err(faults);
        }
        routes.sort_by(|a, b| a.name.cmp(&b.name));
        let index = SubjectIndex::of(routes.iter().map(|route| &route.filters));
        let event_index = SubjectIndex::of(events.iter().map(|event: &DeclaredEvent| &event.filters));
        sources.sort_by(|a, b| a.source.name.cmp(&b.source.name));
        let sources = sources.into_iter().map(|declared| declared.source).collect();
        schedules.sort_by(|a, b| a.schedule.id.cmp(&b.schedule.id));
        let schedules = schedules.into_iter().map(|placed| placed.schedule).collect();
        Ok(Self {
            routes,
            index,
            events,
            event_index,
            sources,
            schedules,
            version: version(files),
            warnings: faults.0,
        })
    }

    /// Hash of the files, 16 hexadecimal digits: of their names and texts, schemas' too, whatever their order.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What is probably not meant, but works.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
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

    /// Whose webhooks are taken, by name.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What time triggers, by id.
    pub fn schedules(&self) -> &[DeclaredSchedule] {
        &self.schedules
    }

    /// The events that are declared, by the subjects that they come on.
    pub fn declared(&self) -> impl Iterator<Item = Declared<'_>> {
        self.events.iter().flat_map(|event| {
            event.filters.iter().map(|filter| Declared {
                filter,
                description: event.description.as_deref(),
                schema: &event.schema,
            })
        })
    }

    /// What to do about `event`. The same event gives the same plan; `at` is the time that its commands carry.
    pub fn plan(&self, event: &Event, at: DateTime<Utc>) -> Plan {
        if let Some(detail) = self.mismatch(event) {
            return Plan::of_mismatch(detail);
        }
        let mut plan = Plan::default();
        let scope = Scope::new(event, at);
        for route in self.matching(event) {
            plan.add(&route.name, self.commands(route, &scope));
        }
        plan
    }

    /// All routes, by name.
    pub(crate) fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Why the event is not what it was declared to be.
    pub(crate) fn mismatch(&self, event: &Event) -> Option<String> {
        if self.events.is_empty() {
            return None;
        }
        let declared = self.event_index.matching(&event.nats_subject);
        declared
            .into_iter()
            .filter_map(|index| self.events.get(index))
            .find_map(|declared| declared.mismatch(event))
    }

    /// The routes whose filter matches, by name.
    pub(crate) fn matching(&self, event: &Event) -> impl Iterator<Item = &Route> {
        self.index.matching(&event.nats_subject).into_iter().filter_map(|index| self.routes.get(index))
    }

    /// What one route does about the event of `scope`; `None` if its guard is false.
    pub(crate) fn commands(&self, route: &Route, scope: &Scope<'_>) -> Result<Option<Vec<Command>>, String> {
        if !route.admits(scope)? {
            return Ok(None);
        }
        let commands = route.actions.iter().enumerate().map(|(index, action)| {
            let rendered = action.render(&route.name, scope);
            let rendered = rendered.map_err(|why| match route.actions.len() {
                1 => why,
                _ => format!("action {}: {why}", index + 1),
            })?;
            Ok(self.command(route, index, scope, rendered, terms(route, index, action, scope.at)))
        });
        commands.collect::<Result<_, String>>().map(Some)
    }

    fn command(
        &self,
        route: &Route,
        index: usize,
        scope: &Scope<'_>,
        mut action: Action,
        terms: Terms,
    ) -> Command {
        let event = scope.event;
        let effect_key =
            EffectKey::derive(&event.source, &event.id, &route.name, index, &action.label(), action.key());
        if let Action::Publish(published) = &mut action {
            published.id = (&effect_key).into();
        }
        Command {
            effect_key,
            origin: Origin {
                event: event.reference(),
                route: Some(route.name.clone()),
                route_set: self.version.clone(),
                trigger: Trigger::Event,
            },
            reply_to: event.reply_to.clone(),
            trace: event.trace.clone(),
            accepted_at: scope.at,
            repeated: false,
            matching: None,
            terms,
            action,
        }
    }
}

/// On what terms an action of a route is carried out, for an event that was stored then.
fn terms(route: &Route, index: usize, action: &language::actions::Action, at: DateTime<Utc>) -> Terms {
    Terms {
        give_up_at: route.deadline.map(|deadline| at + deadline),
        if_missing: action.if_missing(at),
        flow: route.flow.as_ref().map(|flow| of_action(flow, index)),
        ..Terms::default()
    }
}

/// The flow of one action of a route.
fn of_action(flow: &Flow, index: usize) -> Box<Flow> {
    Box::new(Flow { action: u32::try_from(index).unwrap_or(u32::MAX), ..flow.clone() })
}

fn version(files: &FileSet) -> String {
    let mut hasher = Sha256::new();
    for part in files.iter().flat_map(|(name, text)| [name, text]) {
        // With its length, so that no part runs into the next.
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let whole = hasher.finalize();
    hex::encode(whole.get(..8).unwrap_or(&whole))
}

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;
