use std::time::Duration;

use clap::{Args, ValueHint};
use signalbox_ingress::{Action, Grant, Pattern, SubjectFilter};
use signalbox_service::NatsArgs;

use crate::output::Output;

/// Make a key; it is told now and never again
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox keys create ada --action admin --expires 30d
  signalbox keys create ci --action start --action read --workflow-type 'Deploy*'
  signalbox keys create shop --action events:publish --source '/shop/*' --json

Actions: start, signal, update, query, cancel, terminate (workflows); read (workflows, results,
schedules); events:publish, events:read; schedules (changes); dead-letters; metrics; admin (all).
A limit that is not given limits nothing. `*` at the end stands for any rest.")]
pub struct Create {
    /// What people call it
    #[arg(value_hint = ValueHint::Other)]
    pub name: String,
    #[command(flatten)]
    pub grant: GrantArgs,
    /// For how long it is good, such as 12h or 90d; without end, if it is not given
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub expires: Option<Duration>,
    #[command(flatten)]
    pub nats: NatsArgs,
    #[command(flatten)]
    pub output: Output,
}

/// What a key is for.
#[derive(Debug, Args)]
pub struct GrantArgs {
    /// What it may do; may be repeated
    #[arg(long = "action", required = true, value_name = "ACTION", value_hint = ValueHint::Other)]
    actions: Vec<Action>,
    /// To workflows of this type alone; may be repeated
    #[arg(long = "workflow-type", value_name = "TYPE", value_hint = ValueHint::Other)]
    workflow_types: Vec<Pattern>,
    /// With events of this source alone; may be repeated
    #[arg(long = "source", value_name = "SOURCE", value_hint = ValueHint::Other)]
    sources: Vec<Pattern>,
    /// With events on this subject alone, and so for the routes that match it: a NATS filter; may be repeated
    #[arg(long = "subject", value_name = "SUBJECT", value_hint = ValueHint::Other)]
    subjects: Vec<SubjectFilter>,
}

impl From<GrantArgs> for Grant {
    fn from(args: GrantArgs) -> Self {
        let GrantArgs { actions, workflow_types, sources, subjects } = args;
        Self { actions: actions.into_iter().collect(), workflow_types, sources, subjects }
    }
}

/// List keys
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox keys list
  signalbox keys list --json")]
pub struct List {
    #[command(flatten)]
    pub nats: NatsArgs,
    #[command(flatten)]
    pub output: Output,
}

/// Show what a key is for
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox keys show 0123456789ab
  signalbox keys show 0123456789ab --json")]
pub struct Show {
    /// The key's id: what stands between `sbx_` and the next `_`
    #[arg(value_hint = ValueHint::Other)]
    pub id: String,
    #[command(flatten)]
    pub nats: NatsArgs,
    #[command(flatten)]
    pub output: Output,
}

/// Revoke a key; it is refused from now on
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox keys revoke 0123456789ab
  signalbox keys revoke 0123456789ab --json")]
pub struct Revoke {
    /// The key's id: what stands between `sbx_` and the next `_`
    #[arg(value_hint = ValueHint::Other)]
    pub id: String,
    #[command(flatten)]
    pub nats: NatsArgs,
    #[command(flatten)]
    pub output: Output,
}
