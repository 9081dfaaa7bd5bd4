//! `signal`.

use signalbox_domain::{self as domain, JsonText, WorkflowAction};

use super::{
    super::{
        fields::{Field, Section, Shape, optional, required},
        reader::Reader,
        template::{Template, Text},
        wanted::Wanted,
    },
    if_missing::{IF_MISSING_OR_START, IfMissing},
    options::Defaults,
    target::{SINGLETON, Target, WORKFLOW_ID},
};
use crate::{cel::scope::Scope, yaml::Node};

const NAME: Field = required("name", Shape::Text, "Name of the signal.");
pub(crate) const ARGS: Field = optional("args", Shape::Values, "Arguments, one value each.");

pub(crate) static SIGNAL: Section = Section {
    what: "`signal`",
    doc: "Signals the running workflow of an id.",
    fields: &[WORKFLOW_ID, NAME, ARGS, IF_MISSING_OR_START, SINGLETON],
};

pub(super) static SIGNAL_OF_START: Section =
    Section { what: "`signal`", doc: "The signal that follows the start.", fields: &[NAME, ARGS] };

#[derive(Debug)]
pub(crate) struct Signal {
    pub(crate) target: Target,
    pub(crate) message: Message,
    pub(crate) if_missing: IfMissing,
}

pub(super) fn read(reader: &mut Reader<'_>, node: &Node, defaults: &Defaults<'_>) -> Option<Signal> {
    let entries = reader.section(node, &SIGNAL)?;
    let target = Target::read(reader, &entries);
    let message = Message::read(reader, &entries);
    let if_missing = IfMissing::read(reader, &entries, defaults);
    Some(Signal { target: target?, message: message?, if_missing: if_missing? })
}

impl Signal {
    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<domain::Action, String> {
        let id = self.target.render(scope)?;
        let signal = self.message.signal(scope)?;
        let action = match self.if_missing.start(scope)? {
            Some(start) => WorkflowAction::SignalWithStart(start, signal),
            None => WorkflowAction::Signal(signal),
        };
        Ok(domain::Action::Workflow(id, action))
    }
}

/// A name and arguments: of a signal, an update or a query.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) name: Text,
    pub(crate) args: Vec<Template>,
}

impl Message {
    pub(super) fn read(reader: &mut Reader<'_>, entries: &super::super::fields::Entries<'_>) -> Option<Self> {
        let name = reader.required(entries, "name", Reader::name_template);
        let args = reader.args(entries, "args");
        Some(Self { name: name?, args: args? })
    }

    pub(super) fn signal(&self, scope: &Scope<'_>) -> Result<domain::Signal, String> {
        let (name, args) = self.render(scope)?;
        Ok(domain::Signal { name, args })
    }

    pub(super) fn render(&self, scope: &Scope<'_>) -> Result<(String, Vec<JsonText>), String> {
        Ok((render_name("name", &self.name, scope)?, render_args(&self.args, scope)?))
    }
}

/// A name that Temporal takes: of a workflow type, a task queue, a signal, an update or a query.
pub(super) fn render_name(field: &str, name: &Text, scope: &Scope<'_>) -> Result<String, String> {
    let name = name.render(scope).map_err(|why| format!("{field}: {why}"))?;
    match Wanted::Name.refuse(&name) {
        Some(why) => Err(format!("{field}: {why}")),
        None => Ok(name),
    }
}

pub(super) fn render_args(args: &[Template], scope: &Scope<'_>) -> Result<Vec<JsonText>, String> {
    let render = |arg: &Template| arg.render(scope).map(|value| JsonText::from_value(&value));
    args.iter().map(render).collect::<Result<_, _>>().map_err(|why| format!("args: {why}"))
}
