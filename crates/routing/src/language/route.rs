//! A route: which events it wants, and what it does about them.

use std::time::Duration;

use super::{
    actions::{self, ACTIONS, Action, DEADLINE, Defaults, One, one_action, one_of_them},
    events::DeclaredEvent,
    fields::{Entries, Field, Section, Shape, optional, required},
    flow::{self, FLOW},
    prospects::Prospects,
    reader::{Reader, all},
    template::{evaluate, kind},
};
use signalbox_domain::Flow;

use crate::{
    cel::expression::Expression,
    cel::scope::Scope,
    fault::Span,
    rules,
    subject::SubjectFilter,
    yaml::{Kind, Node},
};

/// Actions of one route at most.
const MOST_ACTIONS: usize = 64;

static ACTION: Section = Section { what: "an action", doc: "One thing to do.", fields: &ACTIONS };

pub(super) const ON: Field = required(
    "on",
    Shape::Filters,
    "Subject filter: `*` stands for one token, `>` at the end for all the rest.",
);

/// The fields of a route besides its one action.
const OWN: [Field; 7] = [
    required(
        "name",
        Shape::Name,
        "Name of the route, of its own in the whole set: letters, digits, `-` and `_`.",
    ),
    optional("description", Shape::Name, "What it is for, for people."),
    ON,
    optional("when", Shape::Guard, "The route wants only events for which this is true."),
    DEADLINE,
    optional("do", Shape::Sections(&ACTION), "Several actions, in this order."),
    optional("flow", Shape::Section(&FLOW), "What holds back what is done to one workflow by this route."),
];

const FIELDS: [Field; 18] = {
    let [name, description, on, when, deadline, several, flow] = OWN;
    let [a, b, c, d, e, f, g, h, i, j, k] = ACTIONS;
    [name, description, on, when, deadline, flow, several, a, b, c, d, e, f, g, h, i, j, k]
};

pub(crate) static ROUTE: Section = Section {
    what: "a route",
    doc: "Which events are wanted, and what is done about them.",
    fields: &FIELDS,
};

/// A checked route.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) filters: Vec<SubjectFilter>,
    pub(crate) guard: Option<Expression>,
    /// For how long, from when its event was stored, a command is tried.
    pub(crate) deadline: Option<Duration>,
    pub(crate) actions: Vec<Action>,
    /// What holds back what it does.
    pub(crate) flow: Option<Flow>,
    /// The file that it is in.
    pub(crate) file: Box<str>,
    /// Where its name stands there.
    pub(crate) span: Span,
    /// Where its guard stands there.
    pub(crate) guard_at: Option<Span>,
}

/// Reads a route, which has `defaults` for its starts, and checks it for those of the declared `events` that it gets.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    node: &Node,
    defaults: &Defaults<'_>,
    events: &[DeclaredEvent],
) -> Option<Route> {
    reader.prospects = Prospects::nothing();
    let entries = reader.section(node, &ROUTE)?;
    let name =
        reader.required(&entries, "name", |reader, node, field| route_name(reader, node, field, "a route"));
    let span = entries.get("name").map(|node| reader.span(node));
    let description =
        reader.optional(&entries, "description", |reader, node, name| reader.text(node, name).map(drop));
    let filters = reader.required(&entries, "on", filters);
    if let Some(filters) = &filters {
        reader.prospects = Prospects::of(filters, events);
    }
    let guard = reader.optional(&entries, "when", Reader::guard);
    let guard_at = entries.get("when").map(|node| reader.span(node));
    let deadline = match entries.get("deadline") {
        Some(_) => reader.span_of_time(&entries, "deadline"),
        None => defaults.deadline(reader),
    };
    let actions = read_actions(reader, &entries, defaults);
    let flow = reader.optional(&entries, "flow", |reader, node, _| flow::read(reader, node));
    if let (Some(node), Some(Some(flow)), Some(actions)) = (entries.get("flow"), &flow, &actions) {
        flow::check(reader, node, flow, actions);
    }
    description?;
    Some(Route {
        name: name?,
        filters: filters?,
        guard: guard?,
        deadline: deadline?,
        actions: actions?,
        flow: flow?,
        file: reader.file.into(),
        span: span?,
        guard_at,
    })
}

fn read_actions(
    reader: &mut Reader<'_>,
    entries: &Entries<'_>,
    defaults: &Defaults<'_>,
) -> Option<Vec<Action>> {
    let (one, several) = (one_action(entries), entries.get("do"));
    match (one, several) {
        (One::Named(name, node), None) => {
            actions::read(reader, name, node, defaults).map(|action| vec![action])
        }
        (One::Missing, Some(node)) => {
            let items = reader.list(node, "do")?;
            if items.is_empty() || items.len() > MOST_ACTIONS {
                let message = format!("`do` has 1 to {MOST_ACTIONS} actions");
                reader.fault(reader.span(node), rules::VALUE, message);
            }
            all(items.iter().map(|item| listed_action(reader, item, defaults)))
        }
        _ => {
            let span = Span { at: entries.node.at.position, length: 1 };
            let help = format!("{}, or several of them under `do`", one_of_them());
            reader.fault_with_help(span, rules::MISSING_FIELD, "a route has one action or `do`", Some(help));
            None
        }
    }
}

fn listed_action(reader: &mut Reader<'_>, item: &Node, defaults: &Defaults<'_>) -> Option<Action> {
    let entries = reader.section(item, &ACTION)?;
    match one_action(&entries) {
        One::Named(name, node) => actions::read(reader, name, node, defaults),
        One::Missing | One::Several => {
            let span = Span { at: item.at.position, length: 1 };
            reader.fault(span, rules::VALUE, "each item of `do` is one action");
            None
        }
    }
}

/// The name of a route, or of something else that is a token of subjects.
pub(super) fn route_name(reader: &mut Reader<'_>, node: &Node, field: &str, of: &str) -> Option<String> {
    let name = reader.text(node, field)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        let message = format!("the name of {of} has 1 to 64 letters (a-z, A-Z), digits, `-` or `_`");
        reader.fault(reader.span(node), rules::VALUE, message);
        return None;
    }
    Some(name.to_owned())
}

/// One subject filter, or a list of them.
pub(super) fn filters(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<Vec<SubjectFilter>> {
    match &node.kind {
        Kind::List(items) if !items.is_empty() => all(items.iter().map(|item| filter(reader, item, name))),
        Kind::List(_) => {
            reader.fault(reader.span(node), rules::VALUE, format!("`{name}` names no subject"));
            None
        }
        _ => filter(reader, node, name).map(|filter| vec![filter]),
    }
}

fn filter(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<SubjectFilter> {
    let text = reader.text(node, name)?;
    let filter = text.parse::<SubjectFilter>();
    filter.map_err(|bad| reader.fault(reader.span(node), rules::SUBJECT, bad.to_string())).ok()
}

impl Route {
    /// Whether the guard lets the event through.
    ///
    /// # Errors
    /// The guard failed, or is not a boolean. Neither is a `false`.
    pub(crate) fn admits(&self, scope: &Scope<'_>) -> Result<bool, String> {
        let Some(guard) = &self.guard else { return Ok(true) };
        let value = evaluate(guard, scope).map_err(|why| format!("when: {why}"))?;
        value.as_bool().ok_or_else(|| format!("when: `{guard}` is {}, not a boolean", kind(&value)))
    }
}
