//! `update` and `update_with_start`.

use signalbox_domain::{self as domain, UpdateWait, WorkflowAction};

use super::{
    super::{
        fields::{Entries, Field, Section, Shape, optional, required},
        reader::Reader,
    },
    if_missing::{IF_MISSING_OR_START, IfMissing},
    options::{
        Defaults, EXECUTION_TIMEOUT, ID_REUSE_POLICY, MEMO, PRIORITY, RETRY, RUN_TIMEOUT, SEARCH_ATTRIBUTES,
        TASK_QUEUE, TASK_TIMEOUT,
    },
    signal::{ARGS, Message},
    start::{Start, WORKFLOW},
    target::{SINGLETON, Target, WORKFLOW_ID},
};
use crate::{cel::scope::Scope, yaml::Node};

const NAME: Field = required("name", Shape::Text, "Name of the update.");

const WAIT: Field = optional(
    "wait",
    Shape::OneOf(&["accepted", "completed"]),
    "Until a worker has taken it, or until its handler has returned. Later actions on this workflow wait as long.",
);

pub(crate) static UPDATE: Section = Section {
    what: "`update`",
    doc: "Updates the running workflow of an id.",
    fields: &[WORKFLOW_ID, NAME, ARGS, WAIT, IF_MISSING_OR_START, SINGLETON],
};

static UPDATE_OF_START: Section =
    Section { what: "`update`", doc: "The update that comes with the start.", fields: &[NAME, ARGS, WAIT] };

pub(crate) static UPDATE_WITH_START: Section = Section {
    what: "`update_with_start`",
    doc: "Updates the running workflow of an id, or starts one and updates it, in one step.",
    fields: &[
        WORKFLOW,
        WORKFLOW_ID,
        TASK_QUEUE,
        ARGS,
        required("update", Shape::Section(&UPDATE_OF_START), "The update."),
        ID_REUSE_POLICY,
        EXECUTION_TIMEOUT,
        RUN_TIMEOUT,
        TASK_TIMEOUT,
        RETRY,
        MEMO,
        SEARCH_ATTRIBUTES,
        PRIORITY,
        SINGLETON,
    ],
};

#[derive(Debug)]
pub(crate) struct Update {
    pub(crate) target: Target,
    pub(crate) call: Call,
    pub(crate) if_missing: IfMissing,
}

/// What is called, and how far it is waited for.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) message: Message,
    wait: UpdateWait,
}

#[derive(Debug)]
pub(crate) struct UpdateWithStart {
    pub(crate) start: Start,
    pub(crate) call: Call,
}

pub(super) fn read(reader: &mut Reader<'_>, node: &Node, defaults: &Defaults<'_>) -> Option<Update> {
    let entries = reader.section(node, &UPDATE)?;
    let target = Target::read(reader, &entries);
    let call = Call::read(reader, &entries);
    let if_missing = IfMissing::read(reader, &entries, defaults);
    Some(Update { target: target?, call: call?, if_missing: if_missing? })
}

pub(super) fn read_with_start(
    reader: &mut Reader<'_>,
    node: &Node,
    defaults: &Defaults<'_>,
) -> Option<UpdateWithStart> {
    let entries = reader.section(node, &UPDATE_WITH_START)?;
    let start = Start::read(reader, &entries, defaults);
    let call = reader.required(&entries, "update", |reader, node, _| {
        let entries = reader.section(node, &UPDATE_OF_START)?;
        Call::read(reader, &entries)
    });
    Some(UpdateWithStart { start: start?, call: call? })
}

impl Call {
    fn read(reader: &mut Reader<'_>, entries: &Entries<'_>) -> Option<Self> {
        let message = Message::read(reader, entries);
        let wait = match reader.word(entries, "wait")? {
            Some("completed") => UpdateWait::Completed,
            _ => UpdateWait::Accepted,
        };
        Some(Self { message: message?, wait })
    }

    fn render(&self, scope: &Scope<'_>) -> Result<domain::Update, String> {
        let (name, args) = self.message.render(scope)?;
        Ok(domain::Update { name, args, wait: self.wait })
    }
}

impl Update {
    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<domain::Action, String> {
        let id = self.target.render(scope)?;
        let update = self.call.render(scope)?;
        let action = match self.if_missing.start(scope)? {
            Some(start) => WorkflowAction::UpdateWithStart(start, update),
            None => WorkflowAction::Update(update),
        };
        Ok(domain::Action::Workflow(id, action))
    }
}

impl UpdateWithStart {
    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<domain::Action, String> {
        let id = self.start.target.render(scope)?;
        let start = self.start.run.render(scope)?;
        let update = self.call.render(scope).map_err(|why| format!("update: {why}"))?;
        Ok(domain::Action::Workflow(id, WorkflowAction::UpdateWithStart(start, update)))
    }
}
