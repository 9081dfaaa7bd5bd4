//! A schedule as a caller writes it: an entry of `schedules` in a route file, as JSON.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use signalbox_domain::ScheduleId;
use signalbox_routing::{DeclaredSchedule, Faults};
use signalbox_schedules::{after, duration};

use crate::{
    auth::{Action, Principal},
    problem::{Code, Problem},
};

/// The source of the events that schedules emit, as far as it is known before.
const EMITTED_BY: &str = "/temporal";

/// The end of a path that is no schedule's.
const PREVIEW: &str = "preview";

/// Reads it. `after`, which only calls have, becomes the time that is so long after `now`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(mut entry: Map<String, Value>, now: DateTime<Utc>) -> Result<DeclaredSchedule, Problem> {
    from_now(&mut entry, now)?;
    let schedule = DeclaredSchedule::read(&Value::Object(entry).to_string());
    let schedule = schedule.map_err(|faults| refused(&faults))?;
    if schedule.id.as_str() == PREVIEW {
        return Err(bad(format!("`id`: `{PREVIEW}` is a path of the API; take another id")));
    }
    Ok(schedule)
}

/// The same of one that the path names, too.
///
/// # Errors
/// Also when it has another id.
pub fn read_as(
    id: &ScheduleId,
    mut entry: Map<String, Value>,
    now: DateTime<Utc>,
) -> Result<DeclaredSchedule, Problem> {
    match entry.get("id") {
        Some(own) if own.as_str() != Some(id.as_str()) => {
            return Err(Problem::malformed(format!("the path says `{id}`, and the body `id`: {own}")));
        }
        Some(_) => {}
        None => drop(entry.insert("id".to_owned(), id.as_str().into())),
    }
    read(entry, now)
}

/// Replaces `after` by `at`.
pub fn from_now(entry: &mut Map<String, Value>, now: DateTime<Utc>) -> Result<(), Problem> {
    let Some(delay) = entry.remove("after") else { return Ok(()) };
    if entry.contains_key("at") {
        return Err(bad("`after` and `at` say both when it fires once; give one of them"));
    }
    let delay = delay.as_str().ok_or_else(|| bad("`after` is a text; write for example `10m`"))?;
    let delay =
        duration(delay).map_err(|why| bad(format!("`after`: {}; {}", why.reason(), why.suggestion())))?;
    let at = after(delay, now).ok_or_else(|| bad("`after` ends after the last time there is; write less"))?;
    entry.insert("at".to_owned(), at.into());
    Ok(())
}

/// Whether the caller may have it so: schedules of its type, or the event that it emits.
///
/// # Errors
/// If not.
pub fn allowed(principal: &Principal, schedule: &DeclaredSchedule) -> Result<(), Problem> {
    match &schedule.emits {
        Some(subject) => principal.may_publish(EMITTED_BY, subject)?,
        None => principal.may_reach(&[Action::Schedules, Action::Start], &schedule.start.workflow_type)?,
    }
    Ok(())
}

/// What is wrong with a schedule, or with its times; where it stands in the body means nothing to anybody.
pub fn refused(faults: &Faults) -> Problem {
    bad(faults.text())
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(Code::BadSchedule, detail.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(more: Value) -> Map<String, Value> {
        let mut entry = Map::from_iter([("emit".to_owned(), "events.a".into())]);
        entry.extend(more.as_object().unwrap().clone());
        entry
    }

    fn now() -> DateTime<Utc> {
        "2026-01-01T00:00:00.5Z".parse().unwrap()
    }

    #[test]
    fn after_is_a_time_from_now_on() {
        let id: ScheduleId = "once".parse().unwrap();
        let read = |more| read_as(&id, entry(more), now());
        let once = read(json!({ "after": "10m" })).unwrap();
        let times: Vec<_> = once.timing.next_times(now()).collect();
        assert_eq!(times, ["2026-01-01T00:10:01Z".parse::<DateTime<Utc>>().unwrap()]);
        for (odd, why) in [
            (json!({ "after": "soon" }), "after"),
            (json!({ "after": 5 }), "a text"),
            (json!({ "after": "1m", "at": "2027-01-01T00:00" }), "one of them"),
            (json!({ "after": "1000000y" }), "after"),
        ] {
            let refused = read(odd.clone()).unwrap_err().to_string();
            assert!(refused.contains(why), "{odd}: {refused}");
        }
    }

    #[test]
    fn the_path_and_the_body_name_the_same_schedule() {
        let id: ScheduleId = "a".parse().unwrap();
        assert_eq!(read_as(&id, entry(json!({ "cron": "@daily" })), now()).unwrap().id, id);
        assert_eq!(read_as(&id, entry(json!({ "cron": "@daily", "id": "a" })), now()).unwrap().id, id);
        assert!(read_as(&id, entry(json!({ "cron": "@daily", "id": "b" })), now()).is_err());
        let wrong = read_as(&id, entry(json!({ "cron": "61 * * * *", "timezone": "UTC" })), now());
        let told = wrong.unwrap_err().to_string();
        assert!(told.contains("`cron`") && told.contains("did you mean `time_zone`"), "{told}");
    }
}
