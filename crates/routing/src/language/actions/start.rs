//! `start` and `signal_with_start`.

use signalbox_domain::{self as domain, ConflictPolicy, WorkflowAction};

use super::{
    super::{
        fields::{Entries, Field, Section, Shape, optional, required},
        reader::Reader,
        template::{Span, Template, Text},
    },
    options::{
        Defaults, EXECUTION_TIMEOUT, ID_REUSE_POLICY, MEMO, PRIORITY, RETRY, RUN_TIMEOUT, SEARCH_ATTRIBUTES,
        StartOptions, TASK_QUEUE, TASK_TIMEOUT,
    },
    signal::{ARGS, Message, SIGNAL_OF_START, render_args, render_name},
    target::{SINGLETON, Target, WORKFLOW_ID},
};
use crate::{cel::scope::Scope, yaml::Node};

pub(crate) const WORKFLOW: Field =
    required("workflow", Shape::Text, "Type of the workflow, as its worker names it.");

const ID_CONFLICT_POLICY: Field = optional(
    "id_conflict_policy",
    Shape::OneOf(&["fail", "use_existing", "terminate_existing"]),
    "What to do when a workflow of that id runs: `fail` (a dead letter), `use_existing` or `terminate_existing`.",
);

pub(super) const START_DELAY: Field =
    optional("start_delay", Shape::Duration, "How long Temporal waits before the workflow begins.");

pub(crate) static START: Section =
    Section { what: "`start`", doc: "Starts a workflow.", fields: &of_start(ID_CONFLICT_POLICY) };

pub(crate) static SIGNAL_WITH_START: Section = Section {
    what: "`signal_with_start`",
    doc: "Signals the running workflow of an id, or starts one and signals it, in one step.",
    fields: &of_start(required("signal", Shape::Section(&SIGNAL_OF_START), "The signal.")),
};

/// The fields of both, with the one that each has of its own.
const fn of_start(own: Field) -> [Field; 15] {
    [
        WORKFLOW,
        WORKFLOW_ID,
        TASK_QUEUE,
        ARGS,
        own,
        ID_REUSE_POLICY,
        EXECUTION_TIMEOUT,
        RUN_TIMEOUT,
        TASK_TIMEOUT,
        START_DELAY,
        RETRY,
        MEMO,
        SEARCH_ATTRIBUTES,
        PRIORITY,
        SINGLETON,
    ]
}

/// What is started, under which id.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) target: Target,
    pub(crate) run: NewRun,
}

/// What is started.
#[derive(Debug)]
pub(crate) struct NewRun {
    pub(crate) workflow: Text,
    pub(crate) args: Vec<Template>,
    pub(crate) conflict_policy: ConflictPolicy,
    pub(crate) start_delay: Option<Span>,
    pub(crate) options: StartOptions,
}

pub(super) fn read(reader: &mut Reader<'_>, node: &Node, defaults: &Defaults<'_>) -> Option<Start> {
    let entries = reader.section(node, &START)?;
    let policy = reader.word(&entries, "id_conflict_policy");
    let start_delay = reader.optional(&entries, "start_delay", Reader::duration);
    let start = Start::read(reader, &entries, defaults);
    let conflict_policy = match policy? {
        Some("use_existing") => ConflictPolicy::UseExisting,
        Some("terminate_existing") => ConflictPolicy::TerminateExisting,
        _ => ConflictPolicy::Fail,
    };
    let Start { target, run } = start?;
    Some(Start { target, run: NewRun { conflict_policy, start_delay: start_delay?, ..run } })
}

impl Start {
    /// What the actions that start a workflow have in common.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        entries: &Entries<'_>,
        defaults: &Defaults<'_>,
    ) -> Option<Self> {
        let target = Target::read(reader, entries);
        let run = NewRun::read(reader, entries, defaults);
        Some(Self { target: target?, run: run? })
    }

    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<domain::Action, String> {
        let id = self.target.render(scope)?;
        Ok(domain::Action::Workflow(id, WorkflowAction::Start(self.run.render(scope)?)))
    }
}

impl NewRun {
    pub(crate) fn read(
        reader: &mut Reader<'_>,
        entries: &Entries<'_>,
        defaults: &Defaults<'_>,
    ) -> Option<Self> {
        let workflow = reader.required(entries, "workflow", Reader::name_template);
        let args = reader.args(entries, "args");
        let options = StartOptions::read(reader, entries, defaults);
        Some(Self {
            workflow: workflow?,
            args: args?,
            conflict_policy: ConflictPolicy::Fail,
            start_delay: None,
            options: options?,
        })
    }

    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<domain::Start, String> {
        Ok(domain::Start {
            workflow_type: render_name("workflow", &self.workflow, scope)?,
            task_queue: self.options.task_queue(scope)?,
            args: render_args(&self.args, scope)?,
            conflict_policy: self.conflict_policy,
            options: domain::StartOptions {
                start_delay: Span::render_field("start_delay", &self.start_delay, scope)?,
                ..self.options.render(scope)?
            },
        })
    }
}

#[derive(Debug)]
pub(crate) struct SignalWithStart {
    pub(crate) start: Start,
    pub(crate) signal: Message,
}

pub(super) fn read_with_signal(
    reader: &mut Reader<'_>,
    node: &Node,
    defaults: &Defaults<'_>,
) -> Option<SignalWithStart> {
    let entries = reader.section(node, &SIGNAL_WITH_START)?;
    let start_delay = reader.optional(&entries, "start_delay", Reader::duration);
    let start = Start::read(reader, &entries, defaults);
    let signal = reader.required(&entries, "signal", |reader, node, _| {
        let entries = reader.section(node, &SIGNAL_OF_START)?;
        Message::read(reader, &entries)
    });
    let Start { target, run } = start?;
    let run = NewRun { start_delay: start_delay?, ..run };
    Some(SignalWithStart { start: Start { target, run }, signal: signal? })
}

impl SignalWithStart {
    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<domain::Action, String> {
        let id = self.start.target.render(scope)?;
        let start = self.start.run.render(scope)?;
        let signal = self.signal.signal(scope).map_err(|why| format!("signal: {why}"))?;
        Ok(domain::Action::Workflow(id, WorkflowAction::SignalWithStart(start, signal)))
    }
}
