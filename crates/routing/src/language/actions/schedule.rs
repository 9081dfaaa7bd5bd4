//! `schedule`.

use signalbox_domain::{
    self as domain, ChangeSchedule, CreateSchedule, DeleteSchedule, PauseSchedule, ResumeSchedule,
    ScheduleArgs, ScheduleCall, ScheduleId, ScheduleSpec, TriggerSchedule,
};

use super::{
    super::{
        fields::{Entries, Section, Shape, optional, required},
        reader::Reader,
        template::{Template, Text},
        wanted::Wanted,
    },
    options::{Defaults, StartOptions, TASK_QUEUE},
    signal::{ARGS, render_args, render_name},
    target::Target,
};
use crate::{cel::scope::Scope, fault::Span, rules, yaml::Node};

const OPERATIONS: &[&str] = &["create", "change", "pause", "resume", "trigger", "delete"];

pub(crate) static SCHEDULE: Section = Section {
    what: "`schedule`",
    doc: "Makes, changes, pauses, resumes, triggers or deletes a schedule.",
    fields: &[
        required("schedule_id", Shape::Text, "Id of the schedule; what happens to one id happens in order."),
        required("operation", Shape::OneOf(OPERATIONS), "What to do."),
        optional(
            "cron",
            Shape::Text,
            "When: five fields are minutes first, six are seconds first (`create`, `change`).",
        ),
        optional(
            "time_zone",
            Shape::Text,
            "IANA name of the time zone; UTC if nobody says (`create`, `change`).",
        ),
        optional("workflow", Shape::Text, "Type of the workflow that it starts (`create`)."),
        optional(
            "workflow_id",
            Shape::Text,
            "Id of what it starts, to which the time is appended; the schedule id if nobody says (`create`).",
        ),
        TASK_QUEUE,
        ARGS,
        optional("note", Shape::Text, "Why, for people (`pause`)."),
        optional(
            "singleton",
            Shape::Boolean,
            "Says that one schedule for all events is meant, so that `schedule_id` need not depend on the event.",
        ),
    ],
};

#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) target: Target,
    operation: Operation,
}

#[derive(Debug)]
enum Operation {
    Create {
        cron: Text,
        time_zone: Option<Text>,
        workflow: Text,
        workflow_id: Option<Text>,
        args: Vec<Template>,
        options: Box<StartOptions>,
    },
    Change {
        cron: Option<Text>,
        time_zone: Option<Text>,
        args: Option<Vec<Template>>,
    },
    Pause {
        note: Option<Text>,
    },
    Resume,
    Trigger,
    Delete,
}

pub(super) fn read(reader: &mut Reader<'_>, node: &Node, defaults: &Defaults<'_>) -> Option<Schedule> {
    let entries = reader.section(node, &SCHEDULE)?;
    let target = Target::named(reader, &entries, "schedule_id", Wanted::ScheduleId);
    let operation =
        reader.word(&entries, "operation")?.and_then(|word| operation(reader, &entries, word, defaults));
    Some(Schedule { target: target?, operation: operation? })
}

fn operation(
    reader: &mut Reader<'_>,
    entries: &Entries<'_>,
    word: &str,
    defaults: &Defaults<'_>,
) -> Option<Operation> {
    let useful: &[&str] = match word {
        "create" => &["cron", "time_zone", "workflow", "workflow_id", "task_queue", "args"],
        "change" => &["cron", "time_zone", "args"],
        "pause" => &["note"],
        _ => &[],
    };
    for name in ["cron", "time_zone", "workflow", "workflow_id", "task_queue", "args", "note"] {
        if let Some(node) = entries.get(name).filter(|_| !useful.contains(&name)) {
            let message = format!("`{name}` means nothing for the operation `{word}`");
            reader.fault(reader.span(node), rules::UNKNOWN_FIELD, message);
        }
    }
    let needed: &[&str] = if word == "create" { &["cron", "workflow"] } else { &[] };
    for name in needed.iter().filter(|name| entries.get(name).is_none()) {
        let span = Span { at: entries.node.at.position, length: 1 };
        reader.fault(span, rules::MISSING_FIELD, format!("missing field `{name}`: `create` needs it"));
    }
    let cron = reader.optional(entries, "cron", cron);
    let time_zone = reader.optional(entries, "time_zone", time_zone);
    match word {
        "create" => {
            let workflow = reader.required(entries, "workflow", Reader::name_template);
            let workflow_id = reader.optional(entries, "workflow_id", Reader::text_template);
            let args = reader.args(entries, "args");
            let options = StartOptions::with_task_queue(reader, entries, defaults);
            Some(Operation::Create {
                cron: cron??,
                time_zone: time_zone?,
                workflow: workflow?,
                workflow_id: workflow_id?,
                args: args?,
                options: Box::new(options?),
            })
        }
        "change" => {
            let args = reader.args(entries, "args")?;
            let args = entries.get("args").map(|_| args);
            Some(Operation::Change { cron: cron?, time_zone: time_zone?, args })
        }
        "pause" => Some(Operation::Pause { note: reader.optional(entries, "note", Reader::text_template)? }),
        "resume" => Some(Operation::Resume),
        "trigger" => Some(Operation::Trigger),
        _ => Some(Operation::Delete),
    }
}

/// What is written out is checked now.
fn cron(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<Text> {
    let text = reader.text_template(node, name)?;
    if let Some(Err(bad)) = text.constant().map(str::parse::<signalbox_schedules::Cron>) {
        let help = bad.suggestion().map(ToOwned::to_owned);
        reader.fault_with_help(reader.span(node), rules::VALUE, bad.to_string(), help);
        return None;
    }
    Some(text)
}

fn time_zone(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<Text> {
    let text = reader.text_template(node, name)?;
    if let Some(Err(bad)) = text.constant().map(signalbox_schedules::time_zone) {
        let help = bad.suggestion().map(|zone| format!("did you mean `{zone}`?"));
        reader.fault_with_help(reader.span(node), rules::VALUE, bad.to_string(), help);
        return None;
    }
    Some(text)
}

impl Schedule {
    pub(crate) fn render(&self, route: &str, scope: &Scope<'_>) -> Result<domain::Action, String> {
        let id = self.target.render(scope)?;
        let call = self.operation.render(&id, route, scope)?;
        Ok(domain::Action::Schedule(id, call))
    }
}

impl Operation {
    fn render(&self, id: &ScheduleId, route: &str, scope: &Scope<'_>) -> Result<ScheduleCall, String> {
        let schedule_id = id.to_string();
        let text = |field: &str, text: &Option<Text>| Text::render_field(field, text, scope);
        Ok(match self {
            Self::Create { cron, time_zone, workflow, workflow_id, args, options } => {
                let start = domain::Start {
                    workflow_type: render_name("workflow", workflow, scope)?,
                    task_queue: options.task_queue(scope)?,
                    args: render_args(args, scope)?,
                    conflict_policy: domain::ConflictPolicy::Fail,
                    options: domain::StartOptions::default(),
                };
                let schedule = ScheduleSpec {
                    cron: cron.render(scope).map_err(|why| format!("cron: {why}"))?,
                    time_zone: text("time_zone", time_zone)?.unwrap_or_default(),
                    start: Some(start.into()),
                    workflow_id: text("workflow_id", workflow_id)?.unwrap_or_else(|| schedule_id.clone()),
                    created_at: Some(domain::wire_time(scope.at)),
                    schedule_id,
                    ..Default::default()
                };
                ScheduleCall::Create(CreateSchedule { schedule: Some(schedule) })
            }
            Self::Change { cron, time_zone, args } => {
                let args = args.as_ref().map(|args| render_args(args, scope)).transpose()?;
                let args = args
                    .map(|args| ScheduleArgs { args: args.iter().map(|arg| arg.bytes().clone()).collect() });
                let (cron, time_zone) = (text("cron", cron)?, text("time_zone", time_zone)?);
                ScheduleCall::Change(ChangeSchedule {
                    schedule_id,
                    cron,
                    time_zone,
                    args,
                    declaration: String::new(),
                })
            }
            Self::Pause { note } => {
                let note = text("note", note)?.unwrap_or_else(|| format!("route {route}"));
                ScheduleCall::Pause(PauseSchedule { schedule_id, note })
            }
            Self::Resume => ScheduleCall::Resume(ResumeSchedule { schedule_id }),
            Self::Trigger => ScheduleCall::Trigger(TriggerSchedule { schedule_id, args: None }),
            Self::Delete => ScheduleCall::Delete(DeleteSchedule { schedule_id }),
        })
    }
}
