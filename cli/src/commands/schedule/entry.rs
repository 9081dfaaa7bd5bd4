//! A schedule as flags: each is a field of an entry of `schedules` in a route file.

use clap::{Args, ValueHint};
use serde_json::{Map, Value, json};

/// When it fires.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "When")]
pub struct Times {
    /// Five fields are minutes first; six fields are seconds first; `@daily` and its kin; any of several
    #[arg(long, value_name = "EXPRESSION", value_hint = ValueHint::Other)]
    pub cron: Vec<String>,

    /// Again and again after this time, 90s or 1h30m; 1h/5m is five minutes past each hour
    #[arg(long, value_name = "TIME", value_hint = ValueHint::Other)]
    pub every: Vec<String>,

    /// Once, at 2026-12-24T18:00 by the time zone, or with an offset of its own
    #[arg(long, value_name = "TIME", value_hint = ValueHint::Other)]
    pub at: Vec<String>,

    /// Once, so long from now
    #[arg(long, value_name = "TIME", conflicts_with = "at", value_hint = ValueHint::Other)]
    pub after: Option<String>,

    /// Not on 2026-12-25, on 12-25 of any year, or from 2026-12-24..2027-01-02
    #[arg(long, value_name = "DAYS", value_hint = ValueHint::Other)]
    pub except: Vec<String>,

    /// IANA name of the time zone that all of it means; UTC if nobody says
    #[arg(long, value_name = "ZONE", value_hint = ValueHint::Other)]
    pub time_zone: Option<String>,

    /// None fires before this date or time
    #[arg(long = "start-at", value_name = "TIME", value_hint = ValueHint::Other)]
    pub from: Option<String>,

    /// None fires after this date or time
    #[arg(long = "end-at", value_name = "TIME", value_hint = ValueHint::Other)]
    pub until: Option<String>,

    /// So many runs, and then no more
    #[arg(long, value_name = "NUMBER", value_hint = ValueHint::Other)]
    pub runs: Option<u64>,

    /// Each fires up to this much later, at random
    #[arg(long, value_name = "TIME", value_hint = ValueHint::Other)]
    pub jitter: Option<String>,
}

/// What it begins.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "What")]
pub struct Begins {
    /// Start the lab's workflow with this for its task
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["workflow", "emit"], value_hint = ValueHint::Other)]
    pub name: Option<String>,

    /// Start a workflow of this type
    #[arg(long, value_name = "TYPE", conflicts_with = "emit", value_hint = ValueHint::Other)]
    pub workflow: Option<String>,

    /// Task queue of the workflow's worker
    #[arg(long, value_name = "NAME", requires = "workflow", value_hint = ValueHint::Other)]
    pub task_queue: Option<String>,

    /// An argument of the workflow, as JSON; several in their order
    #[arg(long = "arg", value_name = "JSON", requires = "workflow", value_parser = json_value, value_hint = ValueHint::Other)]
    pub args: Vec<Value>,

    /// Publish an event on this subject, for routes to act on
    #[arg(long, value_name = "SUBJECT", value_hint = ValueHint::Other)]
    pub emit: Option<String>,

    /// Data of the event, as JSON
    #[arg(long, value_name = "JSON", requires = "emit", value_parser = json_value, value_hint = ValueHint::Other)]
    pub data: Option<Value>,

    /// When a run is due and the last has not ended: skip, buffer-one, buffer-all, cancel-other, terminate-other, allow-all
    #[arg(long, value_name = "POLICY", value_hint = ValueHint::Other)]
    pub overlap: Option<String>,

    /// How late a run may be that was missed while Temporal was away
    #[arg(long, value_name = "TIME", value_hint = ValueHint::Other)]
    pub catch_up: Option<String>,

    /// Pause when a run fails
    #[arg(long)]
    pub pause_on_failure: bool,
}

/// The workflow of the lab, as it names itself.
const LAB: &str = "CronWorkflow";

/// A JSON text.
pub fn json_value(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{error}; a text in JSON has quotes: '\"text\"'"))
}

impl Times {
    /// Whether it says when, and not only when not.
    pub fn is_given(&self) -> bool {
        !(self.cron.is_empty() && self.every.is_empty() && self.at.is_empty() && self.after.is_none())
    }

    /// The fields that were given.
    pub fn add_to(&self, entry: &mut Map<String, Value>) {
        if self.is_given() {
            for name in ["cron", "every", "calendars", "at", "after"] {
                entry.remove(name);
            }
        }
        let every: Vec<Value> = self.every.iter().map(|text| interval(text)).collect();
        let several = [
            ("cron", list(&self.cron)),
            ("every", every),
            ("at", list(&self.at)),
            ("except", list(&self.except)),
        ];
        for (name, values) in several {
            match <[Value; 1]>::try_from(values) {
                Ok([one]) => drop(entry.insert(name.to_owned(), one)),
                Err(values) if values.is_empty() => {}
                Err(values) => drop(entry.insert(name.to_owned(), values.into())),
            }
        }
        let texts = [
            ("after", &self.after),
            ("time_zone", &self.time_zone),
            ("from", &self.from),
            ("until", &self.until),
            ("jitter", &self.jitter),
        ];
        for (name, text) in texts {
            entry.extend(text.as_ref().map(|text| (name.to_owned(), text.as_str().into())));
        }
        entry.extend(self.runs.map(|runs| ("runs".to_owned(), runs.into())));
    }
}

impl Begins {
    /// The fields that were given.
    pub fn add_to(&self, entry: &mut Map<String, Value>) {
        let begins = match (&self.name, &self.workflow, &self.emit) {
            (Some(name), ..) => Some(("start", json!({ "workflow": LAB, "args": [name] }))),
            (_, Some(workflow), _) => Some(("start", self.start(workflow))),
            (.., Some(subject)) => Some(("emit", self.event(subject))),
            _ => None,
        };
        if let Some((name, begins)) = begins {
            entry.remove("start");
            entry.remove("emit");
            entry.insert(name.to_owned(), begins);
        }
        for (name, text) in [("overlap", &self.overlap), ("catch_up", &self.catch_up)] {
            entry.extend(text.as_ref().map(|text| (name.to_owned(), text.as_str().into())));
        }
        if self.pause_on_failure {
            entry.insert("pause_on_failure".to_owned(), true.into());
        }
    }

    /// The lab's workflow, whose runs overlap, if nothing else was given.
    pub fn add_lab_to(entry: &mut Map<String, Value>) {
        if !entry.contains_key("start") && !entry.contains_key("emit") {
            entry.insert("start".to_owned(), json!({ "workflow": LAB, "args": ["Cron Triggered"] }));
        }
        let starts_lab = entry.get("start").is_some_and(|start| start["workflow"] == LAB);
        if starts_lab && !entry.contains_key("overlap") {
            entry.insert("overlap".to_owned(), "allow-all".into());
        }
    }

    fn start(&self, workflow: &str) -> Value {
        let mut start = json!({ "workflow": workflow });
        if let Some(queue) = &self.task_queue {
            start["task_queue"] = queue.as_str().into();
        }
        if !self.args.is_empty() {
            start["args"] = self.args.clone().into();
        }
        start
    }

    fn event(&self, subject: &str) -> Value {
        match &self.data {
            Some(data) => json!({ "subject": subject, "data": data }),
            None => subject.into(),
        }
    }
}

fn list(texts: &[String]) -> Vec<Value> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

/// `1h`, or `1h/5m` with an offset.
fn interval(text: &str) -> Value {
    match text.split_once('/') {
        Some((interval, offset)) => json!({ "interval": interval, "offset": offset }),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        times: Times,
        #[command(flatten)]
        begins: Begins,
    }

    fn entry(flags: &[&str], of: Value) -> Value {
        let flags = Flags::try_parse_from([&["x"], flags].concat()).unwrap();
        let Value::Object(mut entry) = of else { panic!("{of}") };
        flags.times.add_to(&mut entry);
        flags.begins.add_to(&mut entry);
        entry.into()
    }

    #[test]
    fn flags_are_fields() {
        let flags = [
            "--every", "1h/5m", "--except", "12-25", "--except", "12-26", "--runs", "3", "--emit", "events.a",
        ];
        let expected = json!({
            "every": { "interval": "1h", "offset": "5m" }, "except": ["12-25", "12-26"], "runs": 3, "emit": "events.a"
        });
        assert_eq!(entry(&flags, json!({})), expected);
        let flags =
            ["--cron", "@daily", "--workflow", "W", "--task-queue", "q", "--arg", "1", "--arg", "\"a\""];
        let start = json!({ "workflow": "W", "task_queue": "q", "args": [1, "a"] });
        assert_eq!(entry(&flags, json!({})), json!({ "cron": "@daily", "start": start }));
    }

    #[test]
    fn another_time_or_another_start_takes_the_place_of_the_old_one() {
        let old = json!({ "id": "a", "cron": ["@daily", "@weekly"], "time_zone": "UTC", "emit": "events.a" });
        let new = entry(&["--every", "1h", "--name", "N"], old);
        let start = json!({ "workflow": LAB, "args": ["N"] });
        assert_eq!(new, json!({ "id": "a", "time_zone": "UTC", "every": "1h", "start": start }));
    }

    #[test]
    fn the_labs_workflow_is_what_is_meant_if_nothing_is_said() {
        let mut entry = Map::new();
        Begins::add_lab_to(&mut entry);
        assert_eq!((&entry["start"]["workflow"], &entry["overlap"]), (&json!(LAB), &json!("allow-all")));
        let mut emits = Map::from_iter([("emit".to_owned(), "events.a".into())]);
        Begins::add_lab_to(&mut emits);
        assert_eq!(emits.len(), 1);
    }

    #[test]
    fn an_argument_is_json() {
        assert!(json_value("text").unwrap_err().contains("quotes"));
    }
}
