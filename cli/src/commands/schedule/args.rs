use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Args, ValueHint};
use serde_json::Value;
use signalbox_domain::ScheduleId;

use super::entry::{Begins, Times, json_value};
use super::{CallArgs, LookArgs};
use crate::text::time;
use crate::watch::WatchArgs;

/// Start a workflow, or emit an event, again and again or once
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule create half-minutes --cron '*/30 * * * * *'
  signalbox schedule create report --cron '0 9 * * 1-5' --time-zone Europe/Paris
  signalbox schedule create nightly --cron '0 2 * * *' --name Clean-up --json
  signalbox schedule create remind --cron '0 9 * * MON-FRI' --emit events.orders.remind
  signalbox schedule create once --after 10m --workflow CronWorkflow --arg '\"Just once\"'
  signalbox schedule create hourly --every 1h/5m --runs 24 --emit events.time.hour

Without --workflow and --emit it starts the lab's workflow; without a time it does so every minute.")]
pub struct Create {
    /// Id for the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,

    /// When.
    #[command(flatten)]
    pub times: Times,

    /// What.
    #[command(flatten)]
    pub begins: Begins,

    /// The call.
    #[command(flatten)]
    pub call: CallArgs,
}

/// List the schedules
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule list
  signalbox schedule list --json
  signalbox schedule list --watch")]
pub struct List {
    /// How often to look.
    #[command(flatten)]
    pub watch: WatchArgs,
    /// Where to look, and how to tell.
    #[command(flatten)]
    pub look: LookArgs,
}

/// Tell of one schedule: what it is, what ran, what is next
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule describe report
  signalbox schedule describe report --watch --interval 5s")]
pub struct Describe {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,
    /// How often to look.
    #[command(flatten)]
    pub watch: WatchArgs,
    /// Where to look, and how to tell.
    #[command(flatten)]
    pub look: LookArgs,
}

/// Give a schedule another time or something else to begin; what is not given stays
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule change report --cron '0 8 * * 1-5'
  signalbox schedule change report --time-zone Europe/Rome --name 'Early report'
  signalbox schedule change report --end-at 2099-12-31 --emit events.reports.due")]
#[group(id = "what", required = true, multiple = true, args = ["cron", "every", "at", "after", "except", "time_zone",
    "from", "until", "runs", "jitter", "name", "workflow", "emit", "overlap", "catch_up", "pause_on_failure"])]
pub struct Change {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,

    /// When.
    #[command(flatten)]
    pub times: Times,

    /// What.
    #[command(flatten)]
    pub begins: Begins,

    /// The call.
    #[command(flatten)]
    pub call: CallArgs,
}

/// Have a schedule start nothing by itself until it is resumed
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

    /// The call.
    #[command(flatten)]
    pub call: CallArgs,
}

/// Have a paused schedule start runs again
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule resume report")]
pub struct Resume {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,
    /// The call.
    #[command(flatten)]
    pub call: CallArgs,
}

/// Start one run now
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule trigger report
  signalbox schedule trigger report --arg '\"By hand\"'

Of a schedule that emits an event, --arg is the event's data.")]
pub struct Trigger {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,

    /// An argument instead of the schedule's own, this once, as JSON; several in their order
    #[arg(long = "arg", value_name = "JSON", value_parser = json_value, value_hint = ValueHint::Other)]
    pub args: Vec<Value>,

    /// The call.
    #[command(flatten)]
    pub call: CallArgs,
}

/// Start now the runs that a schedule has in a span of time
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule backfill report --from 2026-01-05 --to 2026-01-10
  signalbox schedule backfill report --from 2026-02-02T00:00:00Z --to 2026-02-04")]
pub struct Backfill {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,

    /// The first instant, as 2026-01-01T09:00:00+02:00; a day alone begins at midnight in UTC
    #[arg(long, value_name = "TIME", value_hint = ValueHint::Other, value_parser = instant)]
    pub from: DateTime<Utc>,

    /// The last instant
    #[arg(long, value_name = "TIME", value_hint = ValueHint::Other, value_parser = instant)]
    pub to: DateTime<Utc>,

    /// The call.
    #[command(flatten)]
    pub call: CallArgs,
}

/// Delete a schedule; runs that it has started go on
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule delete report")]
pub struct Delete {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,
    /// The call.
    #[command(flatten)]
    pub call: CallArgs,
}

/// Tell what is different between the declared schedules and those that Temporal has
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule plan
  signalbox schedule plan --json

What is different is mended without being asked; `signalbox apply` declares.")]
pub struct Plan {
    /// Where to look, and how to tell.
    #[command(flatten)]
    pub look: LookArgs,
}

fn instant(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let day = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc());
    time::read(text)
        .or_else(day)
        .ok_or("write it as 2026-01-01T09:00:00Z, 2026-01-01T09:00:00+02:00 or 2026-01-01")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_an_instant_too() {
        assert_eq!(instant("2026-01-01").unwrap(), instant("2026-01-01T02:00:00+02:00").unwrap());
        assert!(instant("2026-01-32").is_err() && instant("tomorrow").is_err());
    }
}
