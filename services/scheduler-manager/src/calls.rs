//! Calls on schedules, by NATS request-reply.

use std::sync::Arc;

use signalbox_bus::{Bus, Call, Offer, status};
use signalbox_proto::{
    names::{service, subject},
    v1::{
        CreateSchedule, DeleteSchedule, DescribeSchedule, ListSchedules, PauseSchedule, PlanSchedules,
        Problem, ResumeSchedule, ScheduleDeleted, ScheduleList, ScheduleReply, ScheduleRequest, ScheduleSpec,
        TriggerSchedule, schedule_reply::What, schedule_request,
    },
};
use signalbox_service::{Process, Readiness};
use signalbox_temporal::SchedulePatch;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{manager::Manager, spec::problem};

/// Calls that are answered at once; more wait in NATS.
const AT_ONCE: usize = 64;

/// What Temporal notes when nobody says why; it takes no empty note.
const PAUSED: &str = "paused";
const RESUMED: &str = "resumed";

const OFFER: Offer = Offer {
    name: service::SCHEDULER,
    description: "Creates, describes, lists, changes, pauses, resumes, triggers, backfills and deletes schedules, and plans those that are declared",
    endpoints: &[("schedule", subject::SCHEDULE), ("status", subject::SCHEDULER_STATUS)],
};

pub(crate) struct Calls {
    bus: Bus,
    manager: watch::Receiver<Option<Arc<Manager>>>,
    readiness: Readiness,
    stop: CancellationToken,
}

impl Calls {
    pub(crate) fn new(bus: Bus, manager: watch::Receiver<Option<Arc<Manager>>>, process: &Process) -> Self {
        Self { bus, manager, readiness: process.readiness.clone(), stop: process.stop.clone() }
    }

    /// Answers until the service stops, and finishes what it has begun.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        self.bus.serve(&OFFER, AT_ONCE, &self.stop, |call| self.answer(call)).await;
        Ok(())
    }

    async fn answer(&self, call: Call) {
        if call.subject == subject::SCHEDULER_STATUS {
            return call.answer(&status(&self.readiness)).await;
        }
        match call.question::<ScheduleRequest>() {
            Err(error) => call.refuse(&error.to_string()).await,
            Ok(request) => {
                let what = self.carry_out(request).await.unwrap_or_else(What::Problem);
                call.answer(&ScheduleReply { what: Some(what) }).await;
            }
        }
    }

    async fn carry_out(&self, request: ScheduleRequest) -> Result<What, Problem> {
        let manager = self.manager.borrow().clone();
        let manager = manager.ok_or_else(|| problem("temporal-away", "Temporal is not connected yet"))?;
        use schedule_request::What::{
            Backfill, Change, Create, Delete, Describe, List, Pause, Plan, Resume, Trigger,
        };
        let call = request.request_id;
        let view =
            match request.what.ok_or_else(|| problem("bad-request", "the request names nothing to do"))? {
                Create(CreateSchedule { schedule }) => {
                    let spec =
                        schedule.ok_or_else(|| problem("bad-request", "there is no schedule to create"))?;
                    let spec = ScheduleSpec { request_id: call, confirmed: false, previous: None, ..spec };
                    manager.create(spec).await?
                }
                Describe(DescribeSchedule { schedule_id }) => manager.describe(&schedule_id).await?,
                Change(change) => manager.change(call, change).await?,
                Pause(PauseSchedule { schedule_id, note }) => {
                    let note = if note.is_empty() { PAUSED.to_owned() } else { note };
                    manager.patch(&call, &schedule_id, SchedulePatch::Pause(note)).await?
                }
                Resume(ResumeSchedule { schedule_id }) => {
                    manager.patch(&call, &schedule_id, SchedulePatch::Resume(RESUMED.to_owned())).await?
                }
                Trigger(TriggerSchedule { schedule_id, args: None }) => {
                    manager.trigger(&call, &schedule_id).await?
                }
                Trigger(TriggerSchedule { schedule_id, args: Some(args) }) => {
                    manager.trigger_with(&call, &schedule_id, args.args).await?
                }
                Backfill(backfill) => manager.backfill(&call, backfill).await?,
                Plan(PlanSchedules {}) => return Ok(What::Plan(manager.plan().await?)),
                List(ListSchedules {}) => {
                    return Ok(What::Schedules(ScheduleList { schedules: manager.list().await? }));
                }
                Delete(DeleteSchedule { schedule_id }) => {
                    manager.delete(&schedule_id).await?;
                    return Ok(What::Deleted(ScheduleDeleted { schedule_id }));
                }
            };
        Ok(What::Schedule(view))
    }
}
