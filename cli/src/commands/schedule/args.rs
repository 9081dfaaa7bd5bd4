use chrono::{DateTime, Utc};
use clap::{Args, ValueHint};
use signalbox_domain::ScheduleId;

use super::{CallArgs, LookArgs};
use crate::text::time;
use crate::watch::WatchArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule create heartbeat --cron '*/30 * * * * *'
  signalbox schedule create report --cron '0 9 * * MON-FRI' --time-zone Europe/Paris
  signalbox schedule create nightly --cron '0 2 * * *' --name 'Nightly clean-up' --json

Five fields are minutes first; six fields are seconds first.")]
pub struct Create {
    /// Id for the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,

    /// When it runs
    #[arg(long, value_name = "EXPRESSION", default_value = "* * * * *", value_hint = ValueHint::Other)]
    pub cron: String,

    /// What each run calls its task
    #[arg(long, value_name = "TEXT", default_value = "Cron Triggered", value_hint = ValueHint::Other)]
    pub name: String,

    /// IANA name of the time zone that the expression means
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_hint = ValueHint::Other)]
    pub time_zone: String,

    #[command(flatten)]
    pub call: CallArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule list
  signalbox schedule list --json
  signalbox schedule list --watch")]
pub struct List {
    #[command(flatten)]
    pub watch: WatchArgs,
    #[command(flatten)]
    pub look: LookArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule describe report
  signalbox schedule describe report --watch --interval 5s")]
pub struct Describe {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,
    #[command(flatten)]
    pub watch: WatchArgs,
    #[command(flatten)]
    pub look: LookArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule change report --cron '0 8 * * MON-FRI'
  signalbox schedule change report --time-zone America/New_York --name 'Early report'")]
#[group(id = "what", required = true, multiple = true, args = ["cron", "name", "time_zone"])]
pub struct Change {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,

    /// When it runs
    #[arg(long, value_name = "EXPRESSION", value_hint = ValueHint::Other)]
    pub cron: Option<String>,

    /// What each run calls its task
    #[arg(long, value_name = "TEXT", value_hint = ValueHint::Other)]
    pub name: Option<String>,

    /// IANA name of the time zone that the expression means
    #[arg(long, value_name = "ZONE", value_hint = ValueHint::Other)]
    pub time_zone: Option<String>,

    #[command(flatten)]
    pub call: CallArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule pause report --note 'the reports are late'")]
pub struct Pause {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,

    /// Why, for people
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, value_hint = ValueHint::Other)]
    pub note: String,

    #[command(flatten)]
    pub call: CallArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule resume report")]
pub struct Resume {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,
    #[command(flatten)]
    pub call: CallArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule trigger report")]
pub struct Trigger {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,
    #[command(flatten)]
    pub call: CallArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule backfill report --from 2026-01-05T00:00:00Z --to 2026-01-09T23:59:59Z")]
pub struct Backfill {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,

    /// The first instant, as RFC 3339 has it
    #[arg(long, value_name = "TIME", value_hint = ValueHint::Other, value_parser = instant)]
    pub from: DateTime<Utc>,

    /// The last instant
    #[arg(long, value_name = "TIME", value_hint = ValueHint::Other, value_parser = instant)]
    pub to: DateTime<Utc>,

    #[command(flatten)]
    pub call: CallArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule delete report")]
pub struct Delete {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,
    #[command(flatten)]
    pub call: CallArgs,
}

fn instant(text: &str) -> Result<DateTime<Utc>, &'static str> {
    time::read(text).ok_or("write it as 2026-01-01T09:00:00Z or 2026-01-01T09:00:00+02:00")
}
