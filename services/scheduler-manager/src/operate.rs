//! What calls do with schedules without changing what is desired.

use bytes::Bytes;
use chrono::Utc;
use serde_json::{Value, json};
use signalbox_domain::JsonText;
use signalbox_proto::v1::{BackfillSchedule, Problem, ScheduleView};
use signalbox_temporal::{OtherRun, ScheduleError, SchedulePatch};

use crate::{
    backfill::backfill,
    manager::{Manager, refusal},
    spec::{problem, schedule_id},
};

/// The workflow that publishes an event, of which only the data are its caller's.
const EMIT_EVENT: &str = "EmitEvent";

/// Names that somebody else has taken, before the call is refused.
const NAMES_TRIED: usize = 5;

impl Manager {
    /// Pauses or resumes it, or the like. The same request id again has no second effect.
    pub(crate) async fn patch(
        &self,
        request_id: &str,
        id: &str,
        patch: SchedulePatch,
    ) -> Result<ScheduleView, Problem> {
        let id = schedule_id(id)?;
        let what = format!("{patch:?}");
        self.temporal.patch_schedule(&id, request_id, patch).await.map_err(|error| refusal(&error))?;
        tracing::info!(schedule.id = %id, what, "schedule operated");
        self.describe(id.as_str()).await
    }

    /// Starts one run now.
    pub(crate) async fn trigger(&self, request_id: &str, id: &str) -> Result<ScheduleView, Problem> {
        let (described, desired) = self.look(id).await?;
        let when = Self::when(&described, desired.as_ref());
        let second = self.taken.take(id, when.as_ref(), Utc::now())?;
        self.patch(request_id, id, SchedulePatch::Trigger(second)).await
    }

    /// Starts one run now, with these arguments. Temporal's index tells which call has had its run; it is a little behind,
    /// so those of the last minute are kept in mind.
    pub(crate) async fn trigger_with(
        &self,
        request_id: &str,
        id: &str,
        args: Vec<Bytes>,
    ) -> Result<ScheduleView, Problem> {
        let args = JsonText::read_all(args).map_err(|error| problem("bad-request", error))?;
        let (described, desired) = self.look(id).await?;
        let args = arguments(described.workflow_type(), &described.args(), args)?;
        let schedule = schedule_id(id)?;
        let _turn = self.turns.of(&schedule).await;
        let earlier = self.temporal.run_triggered_by(&schedule, request_id).await;
        if earlier.map_err(|error| refusal(&error))?.is_some() {
            return self.describe(id).await;
        }
        let when = Self::when(&described, desired.as_ref());
        let take = || self.taken.take(id, when.as_ref(), Utc::now());
        let tried = self.tried.second(id, request_id);
        let mut second = tried.map_or_else(take, Ok)?;
        for _ in 0..NAMES_TRIED {
            self.tried.remember(id, request_id, second);
            let run = OtherRun { second, args: args.clone(), request_id: request_id.to_owned() };
            match self.temporal.start_run(&described, &run).await {
                // If it was tried before, the run of that name is this call's, and has ended.
                Err(ScheduleError::Exists(_)) if tried.is_none() => second = take()?,
                Ok(()) | Err(ScheduleError::Exists(_)) => {
                    tracing::info!(schedule.id = id, %second, "schedule triggered with other arguments");
                    return self.describe(id).await;
                }
                Err(error) => return Err(refusal(&error)),
            }
        }
        Err(problem("too-many-runs", format!("the schedule `{id}` has runs of all seconds that were tried")))
    }

    /// Starts the runs that it had to start in a time, if they are not too many.
    pub(crate) async fn backfill(
        &self,
        request_id: &str,
        asked: BackfillSchedule,
    ) -> Result<ScheduleView, Problem> {
        let (described, desired) = self.look(&asked.schedule_id).await?;
        let when = Self::when(&described, desired.as_ref());
        let patch =
            backfill(&asked.schedule_id, when.as_ref(), described.runs_in_turn(), asked.from, asked.to)?;
        self.patch(request_id, &asked.schedule_id, patch).await
    }
}

/// What a run gets whose caller gives it these arguments.
fn arguments(workflow_type: &str, own: &[Value], given: Vec<JsonText>) -> Result<Vec<JsonText>, Problem> {
    if workflow_type != EMIT_EVENT {
        return Ok(given);
    }
    let [data] = given.as_slice() else {
        let detail = "the schedule emits an event; give one argument, which is the event's data";
        return Err(problem("bad-request", detail));
    };
    let data: Value = serde_json::from_slice(data.bytes()).map_err(|error| problem("bad-request", error))?;
    let mut event = match own {
        [Value::Object(event)] => event.clone(),
        [Value::String(subject)] => [("subject".to_owned(), json!(subject))].into_iter().collect(),
        _ => return Err(problem("bad-request", "the schedule's event cannot be read")),
    };
    event.insert("data".to_owned(), data);
    Ok(vec![JsonText::from_value(&Value::Object(event))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[Value]) -> Vec<JsonText> {
        values.iter().map(JsonText::from_value).collect()
    }

    #[test]
    fn a_workflow_gets_what_is_given() {
        assert_eq!(arguments("Report", &[json!(1)], texts(&[json!("a"), json!(2)])).unwrap().len(), 2);
        assert!(arguments("Report", &[json!(1)], Vec::new()).unwrap().is_empty());
    }

    #[test]
    fn of_an_event_only_the_data_are_given() {
        let given = || texts(&[json!({"n": 1})]);
        let own = json!({"subject": "events.a", "type": "b", "data": 0});
        assert_eq!(
            arguments(EMIT_EVENT, &[own], given()).unwrap(),
            texts(&[json!({"subject": "events.a", "type": "b", "data": {"n": 1}})])
        );
        assert_eq!(
            arguments(EMIT_EVENT, &[json!("events.a")], given()).unwrap(),
            texts(&[json!({"subject": "events.a", "data": {"n": 1}})])
        );
        for wrong in [vec![], texts(&[json!(1), json!(2)])] {
            assert_eq!(arguments(EMIT_EVENT, &[json!("events.a")], wrong).unwrap_err().code, "bad-request");
        }
    }
}
