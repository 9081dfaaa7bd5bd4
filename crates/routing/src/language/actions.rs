//! What a route does: one file an action, with its fields, how they are read, and what they make of an event.

mod end;
mod if_missing;
mod options;
mod publish;
mod query;
mod schedule;
mod signal;
mod signal_all;
mod start;
mod target;
mod update;

use chrono::{DateTime, Utc};
use signalbox_domain as domain;

/// Fields that other starts than those of routes have too.
pub(crate) mod of_start {
    pub(crate) use super::{
        options::{
            EXECUTION_TIMEOUT, MEMO, PRIORITY, RETRY, RUN_TIMEOUT, SEARCH_ATTRIBUTES, TASK_QUEUE,
            TASK_TIMEOUT,
        },
        signal::ARGS,
        start::WORKFLOW,
    };
}

pub(crate) use options::{DEADLINE, DEFAULT_TASK_QUEUE, Defaults, OPTIONS, StartOptions};
pub(crate) use start::NewRun;
pub(crate) use target::Target;

use super::{
    fields::{Entries, Field, Shape, optional},
    reader::Reader,
    template::Template,
};
use crate::{cel::scope::Scope, yaml::Node};

/// An action, with expressions still to be evaluated.
#[derive(Debug)]
pub(crate) enum Action {
    Start(start::Start),
    Signal(signal::Signal),
    SignalWithStart(start::SignalWithStart),
    Update(update::Update),
    UpdateWithStart(update::UpdateWithStart),
    Query(query::Query),
    End(end::End),
    SignalAll(signal_all::SignalAll),
    Schedule(schedule::Schedule),
    Publish(publish::Publish),
}

/// The actions by their names.
pub(crate) const ACTIONS: [Field; 11] = [
    optional("start", Shape::Section(&start::START), "Starts a workflow."),
    optional("signal", Shape::Section(&signal::SIGNAL), "Signals a running workflow."),
    optional(
        "signal_with_start",
        Shape::Section(&start::SIGNAL_WITH_START),
        "Signals a workflow; starts it first if it does not run, in one step.",
    ),
    optional("update", Shape::Section(&update::UPDATE), "Updates a running workflow."),
    optional(
        "update_with_start",
        Shape::Section(&update::UPDATE_WITH_START),
        "Updates a workflow; starts it first if it does not run, in one step.",
    ),
    optional(
        "query",
        Shape::Section(&query::QUERY),
        "Asks a workflow; whoever waits for the event gets the answer.",
    ),
    optional(
        "cancel",
        Shape::Section(&end::CANCEL),
        "Asks a running workflow to end; it may clean up first.",
    ),
    optional("terminate", Shape::Section(&end::TERMINATE), "Ends a running workflow where it stands."),
    optional(
        "signal_all",
        Shape::Section(&signal_all::SIGNAL_ALL),
        "Signals all running workflows that a visibility query finds.",
    ),
    optional(
        "schedule",
        Shape::Section(&schedule::SCHEDULE),
        "Makes, changes, pauses, resumes, triggers or deletes a schedule.",
    ),
    optional(
        "publish",
        Shape::Section(&publish::PUBLISH),
        "Publishes an event, which goes its own way by the routes.",
    ),
];

/// The action that stands among these entries, by its name.
pub(super) enum One<'n> {
    Named(&'static str, &'n Node),
    Missing,
    Several,
}

pub(super) fn one_action<'n>(entries: &Entries<'n>) -> One<'n> {
    let mut there = ACTIONS.iter().filter_map(|field| Some((field.name, entries.get(field.name)?)));
    match (there.next(), there.next()) {
        (None, _) => One::Missing,
        (Some((name, node)), None) => One::Named(name, node),
        (Some(_), Some(_)) => One::Several,
    }
}

/// The names of the actions, for messages.
pub(super) fn one_of_them() -> String {
    format!("one of `{}`", ACTIONS.map(|field| field.name).join("`, `"))
}

/// Reads the action `name`.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    name: &str,
    node: &Node,
    defaults: &Defaults<'_>,
) -> Option<Action> {
    match name {
        "start" => start::read(reader, node, defaults).map(Action::Start),
        "signal" => signal::read(reader, node, defaults).map(Action::Signal),
        "signal_with_start" => start::read_with_signal(reader, node, defaults).map(Action::SignalWithStart),
        "update" => update::read(reader, node, defaults).map(Action::Update),
        "update_with_start" => update::read_with_start(reader, node, defaults).map(Action::UpdateWithStart),
        "query" => query::read(reader, node).map(Action::Query),
        "cancel" => end::read_cancel(reader, node).map(Action::End),
        "terminate" => end::read_terminate(reader, node).map(Action::End),
        "signal_all" => signal_all::read(reader, node).map(Action::SignalAll),
        "schedule" => schedule::read(reader, node, defaults).map(Action::Schedule),
        "publish" => publish::read(reader, node).map(Action::Publish),
        _ => None,
    }
}

impl Action {
    /// The workflow or schedule that it is for, if it is for one.
    pub(crate) fn target(&self) -> Option<&Target> {
        match self {
            Self::Start(start) => Some(&start.target),
            Self::Signal(signal) => Some(&signal.target),
            Self::SignalWithStart(both) => Some(&both.start.target),
            Self::Update(update) => Some(&update.target),
            Self::UpdateWithStart(both) => Some(&both.start.target),
            Self::Query(query) => Some(&query.target),
            Self::End(end) => Some(&end.target),
            Self::Schedule(schedule) => Some(&schedule.target),
            Self::SignalAll(_) | Self::Publish(_) => None,
        }
    }

    /// What becomes of it, for an event that was stored then, while no run of its workflow is open.
    pub(crate) fn if_missing(&self, at: DateTime<Utc>) -> domain::IfMissing {
        let if_missing = match self {
            Self::Signal(signal) => &signal.if_missing,
            Self::Update(update) => &update.if_missing,
            Self::Query(query) => &query.if_missing,
            Self::End(end) => &end.if_missing,
            Self::Start(_)
            | Self::SignalWithStart(_)
            | Self::UpdateWithStart(_)
            | Self::SignalAll(_)
            | Self::Schedule(_)
            | Self::Publish(_) => return domain::IfMissing::Dead,
        };
        if_missing.terms(at)
    }

    /// The arguments of its signal or update, if it is about one workflow.
    pub(crate) fn message_args(&self) -> Option<&[Template]> {
        match self {
            Self::Signal(signal) => Some(&signal.message.args),
            Self::SignalWithStart(both) => Some(&both.signal.args),
            Self::Update(update) => Some(&update.call.message.args),
            Self::UpdateWithStart(both) => Some(&both.call.message.args),
            Self::Start(_)
            | Self::Query(_)
            | Self::End(_)
            | Self::SignalAll(_)
            | Self::Schedule(_)
            | Self::Publish(_) => None,
        }
    }

    /// What it does, as an action of `route`, for one event.
    ///
    /// # Errors
    /// Says which field has no value, or one that cannot be used.
    pub(crate) fn render(&self, route: &str, scope: &Scope<'_>) -> Result<domain::Action, String> {
        match self {
            Self::Start(start) => start.render(scope),
            Self::Signal(signal) => signal.render(scope),
            Self::SignalWithStart(both) => both.render(scope),
            Self::Update(update) => update.render(scope),
            Self::UpdateWithStart(both) => both.render(scope),
            Self::Query(query) => query.render(scope),
            Self::End(end) => end.render(route, scope),
            Self::SignalAll(all) => all.render(scope),
            Self::Schedule(schedule) => schedule.render(route, scope),
            Self::Publish(publish) => publish.render(route, scope),
        }
    }
}
