use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Args, ValueHint};
use signalbox_domain::ScheduleId;

use super::{CallArgs, LookArgs};
use crate::text::time;
use crate::watch::WatchArgs;

/// Start a workflow at the times of a cron expression
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule create heartbeat --cron '*/30 * * * * *'
  signalbox schedule create report --cron '0 9 * * 1-5' --time-zone Europe/Paris
  signalbox schedule create nightly --cron '0 2 * * *' --name Clean-up --json

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

/// Give a schedule another time or name; what is not given stays
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule change report --cron '0 8 * * 1-5'
  signalbox schedule change report --time-zone Europe/Rome --name 'Early report'")]
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
  signalbox schedule trigger report")]
pub struct Trigger {
    /// Id of the schedule
    #[arg(value_hint = ValueHint::Other)]
    pub schedule_id: ScheduleId,
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
