//! Calls on schedules: the scheduler manager carries them out, once a request id.

use std::time::Duration;

use signalbox_domain::{Command, Fault, Reason, ScheduleCall};
use signalbox_proto::{
    names::subject,
    v1::{Problem, ScheduleReply, ScheduleRequest, schedule_reply::What},
};
use signalbox_telemetry::Chain;
use signalbox_temporal::{Accepted, Failure};

use super::Applier;

/// A call that takes longer is made again, and is then the same call.
const DEADLINE: Duration = Duration::from_secs(10);

impl Applier {
    pub(super) async fn schedule(
        &self,
        command: &Command,
        call: &ScheduleCall,
        repeated: bool,
    ) -> Result<Accepted, Failure> {
        let request =
            ScheduleRequest { request_id: command.effect_key.to_string(), what: Some(call.clone()) };
        let answer = self.bus.request::<_, ScheduleReply>(subject::SCHEDULE, &request, DEADLINE).await;
        match answer.map(|reply| reply.what) {
            Ok(Some(What::Schedule(_) | What::Schedules(_) | What::Deleted(_) | What::Plan(_))) => {
                Ok(Accepted::default())
            }
            Ok(Some(What::Problem(problem))) => refused(call, &problem, repeated),
            Ok(None) => Err(Failure::transient("the scheduler manager answers nothing that is known here")),
            Err(error) => Err(Failure::transient(Chain(&error).to_string())),
        }
    }
}

/// The one classification of what the scheduler manager says.
fn refused(call: &ScheduleCall, problem: &Problem, repeated: bool) -> Result<Accepted, Failure> {
    let (fault, reason) = match problem.code.as_str() {
        // A deletion whose answer was lost, most likely; it is gone as it was to be.
        "schedule-not-found" if repeated && matches!(call, ScheduleCall::Delete(_)) => {
            return Ok(Accepted { deduplicated: true, ..Accepted::default() });
        }
        "schedule-exists" => (Fault::Permanent, Reason::ScheduleExists),
        "schedule-not-found" => (Fault::Permanent, Reason::ScheduleNotFound),
        "bad-cron" | "bad-time-zone" | "bad-range" | "bad-schedule" | "bad-schedule-id" | "bad-request" => {
            (Fault::Permanent, Reason::InvalidArgument)
        }
        // The last minute has a run for each of its seconds; the next has room.
        "temporal-away" | "nats-away" | "too-many-runs" => (Fault::Transient, Reason::Refused),
        // `schedule-refused`, `schedule-foreign`, and what a later manager says: it is kept with its reason.
        _ => (Fault::Permanent, Reason::Refused),
    };
    Err(Failure { fault, reason, detail: problem.detail.clone() })
}

#[cfg(test)]
mod tests {
    use signalbox_proto::v1::{DeleteSchedule, ResumeSchedule};

    use super::*;

    fn of(code: &str) -> (Fault, Reason) {
        let problem = Problem { code: code.to_owned(), detail: "why".to_owned() };
        let failure = refused(&ScheduleCall::Resume(ResumeSchedule::default()), &problem, true).unwrap_err();
        assert_eq!(failure.detail, "why");
        (failure.fault, failure.reason)
    }

    #[test]
    fn each_code_of_the_manager_has_one_class() {
        for code in ["temporal-away", "nats-away", "too-many-runs"] {
            assert_eq!(of(code), (Fault::Transient, Reason::Refused), "{code}");
        }
        for code in
            ["bad-cron", "bad-time-zone", "bad-range", "bad-schedule", "bad-schedule-id", "bad-request"]
        {
            assert_eq!(of(code), (Fault::Permanent, Reason::InvalidArgument), "{code}");
        }
        assert_eq!(of("schedule-exists"), (Fault::Permanent, Reason::ScheduleExists));
        assert_eq!(of("schedule-not-found"), (Fault::Permanent, Reason::ScheduleNotFound));
        for code in ["schedule-refused", "schedule-foreign", "never-heard-of"] {
            assert_eq!(of(code), (Fault::Permanent, Reason::Refused), "{code}");
        }
    }

    #[test]
    fn what_is_deleted_may_be_deleted_again() {
        let delete = ScheduleCall::Delete(DeleteSchedule::default());
        let gone = Problem { code: "schedule-not-found".to_owned(), ..Default::default() };
        assert!(refused(&delete, &gone, true).unwrap().deduplicated);
        assert_eq!(refused(&delete, &gone, false).unwrap_err().reason, Reason::ScheduleNotFound);
    }
}
