//! Schedules that route files declare: made, changed, mended and deleted in Temporal, whatever happens meanwhile.

mod calls;
mod many;

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use signalbox_proto::{
    Message,
    names::subject,
    v1::{
        PlanSchedules, SchedulePlan, ScheduleReply, ScheduleRequest, ScheduleView, planned_schedule::Step,
        schedule_reply, schedule_request::What,
    },
};
use signalbox_servers::Binary;
use signalbox_testkit::{Api, Service, Stack, binary, eventually};
use tempfile::TempDir;

use crate::{SIGNALBOX, SOON, cli::Cli, unique};

/// A stack whose route set is the test's own.
struct Scheduled {
    stack: Stack,
    cli: Cli,
    temporal: String,
}

impl Scheduled {
    /// The manager looks more often than it does otherwise.
    async fn start() -> Self {
        let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
        stack.set("SIGNALBOX_RECONCILE_EVERY", "1s");
        stack.launch_all(&[Service::SignalRouter, Service::SchedulerManager]).await.unwrap();
        let temporal = binary(Binary::Temporal).unwrap().to_str().unwrap().to_owned();
        Self { cli: Cli::to(&stack), stack, temporal }
    }

    /// Applies a file with these schedules, one a line.
    async fn apply(&self, schedules: &[String]) {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("schedules.yaml"), file(schedules)).unwrap();
        let told = self.cli.run(&["apply", folder.path().to_str().unwrap(), "--wait=30s", "--json"]).await;
        assert_eq!((told.code, told.json()["status"].as_str()), (0, Some("running")), "{told:?}");
    }

    /// What `temporal schedule …` says.
    async fn temporal(&self, args: &[&str]) -> String {
        self.of_temporal(&[&["schedule"], args].concat()).await
    }

    /// What `temporal …` says.
    async fn of_temporal(&self, args: &[&str]) -> String {
        let mut command = self.cli.program(&self.temporal);
        let address = self.stack.temporal.address();
        let output = command.args(args).args(["--address", &address]).output().await.unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A schedule as Temporal itself tells it.
    async fn in_temporal(&self, id: &str) -> Value {
        serde_json::from_str(&self.temporal(&["describe", "--schedule-id", id, "-o", "json"]).await).unwrap()
    }

    /// Which schedules Temporal lists, and of what declaration.
    async fn listed(&self) -> anyhow::Result<BTreeMap<String, Option<String>>> {
        let all: Vec<Value> = serde_json::from_str(&self.temporal(&["list", "-o", "json"]).await)?;
        let entry = |listed: &Value| {
            let mark = &listed["searchAttributes"]["indexedFields"]["SignalboxDeclared"]["data"];
            Some((listed["scheduleId"].as_str()?.to_owned(), mark.as_str().map(str::to_owned)))
        };
        Ok(all.iter().filter_map(entry).collect())
    }

    async fn lists(&self, ids: &[&str]) {
        eventually(SOON, async || {
            let listed = self.listed().await?;
            ensure!(listed.keys().eq(ids.iter()), "{listed:?}");
            Ok(())
        })
        .await;
    }

    /// What the manager answers to a call.
    async fn call(&self, request_id: &str, what: What) -> schedule_reply::What {
        let request = ScheduleRequest { request_id: request_id.to_owned(), what: Some(what) };
        let nats = self.stack.nats_client().await.unwrap();
        let request =
            async_nats::Request::new().payload(request.encode_to_vec().into()).timeout(Some(SOON * 2));
        let reply = nats.send_request(subject::SCHEDULE, request).await.unwrap();
        ScheduleReply::decode(reply.payload).unwrap().what.unwrap()
    }

    async fn view(&self, what: What) -> ScheduleView {
        match self.call(&unique("call"), what).await {
            schedule_reply::What::Schedule(view) => view,
            other => panic!("{other:?}"),
        }
    }

    async fn refused(&self, what: What) -> String {
        match self.call(&unique("call"), what).await {
            schedule_reply::What::Problem(problem) => problem.code,
            other => panic!("{other:?}"),
        }
    }

    /// An error while Temporal does not answer, as the manager then says.
    async fn try_plan(&self) -> anyhow::Result<SchedulePlan> {
        match self.call(&unique("call"), What::Plan(PlanSchedules {})).await {
            schedule_reply::What::Plan(plan) => Ok(plan),
            other => bail!("{other:?}"),
        }
    }

    async fn plan(&self) -> SchedulePlan {
        self.try_plan().await.unwrap()
    }

    async fn planned(&self, id: &str) -> Option<(Step, Vec<String>)> {
        let plan = self.plan().await;
        let found = plan.steps.into_iter().find(|step| step.schedule_id == id)?;
        Some((found.step(), found.differences))
    }

    /// Nothing is left to do.
    async fn settled(&self) {
        eventually(SOON, async || {
            let plan = self.try_plan().await?;
            ensure!(plan.steps.is_empty(), "{plan:?}");
            Ok(())
        })
        .await;
    }

    fn manager(&self) -> Metrics {
        Metrics(self.stack.service(Service::SchedulerManager))
    }
}

/// What a manager counts.
struct Metrics(Api);

impl Metrics {
    /// The sum of all samples of that name and these labels.
    async fn sum(&self, name: &str, labels: &str) -> anyhow::Result<f64> {
        let text = self.0.get("/metrics").await?.body;
        let text = text.as_str().context("no metrics")?;
        let samples = text.lines().filter(|line| line.starts_with(&format!("signalbox_scheduler_{name}{{")));
        let of = samples.filter(|line| line.contains(labels));
        of.map(|line| Ok(line.rsplit_once(' ').context("no sample")?.1.parse::<f64>()?)).sum()
    }

    async fn writes(&self) -> f64 {
        self.sum("writes_total", "").await.unwrap()
    }

    /// Waits until it has compared all once more, from now on.
    async fn pass(&self) {
        let passes = async || self.sum("passes_total", "result=\"ok\"").await;
        // One may be under way that has not seen what is there now.
        let before = passes().await.unwrap();
        eventually(SOON, async || {
            let now = passes().await?;
            ensure!(now >= before + 2.0, "{now} passes after {before}");
            Ok(())
        })
        .await;
    }
}

fn file(schedules: &[String]) -> String {
    let list: String = schedules.iter().map(|schedule| format!("  - {schedule}\n")).collect();
    let list = if list.is_empty() { String::new() } else { format!("schedules:\n{list}") };
    format!("version: 1\n{list}")
}

/// One that starts a workflow which nobody works for, once a year.
fn yearly(id: &str, more: &str) -> String {
    format!("{{ id: {id}, cron: 0 9 1 1 *, start: {{ workflow: Nobody, task_queue: nobody }}{more} }}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_is_made_changed_and_deleted() {
    let scheduled = Scheduled::start().await;
    scheduled.apply(&[yearly("first", ""), yearly("second", ", time_zone: Europe/Paris, note: why")]).await;
    scheduled.lists(&["first", "second"]).await;
    scheduled.settled().await;
    let second = scheduled.in_temporal("second").await;
    assert_eq!(second["schedule"]["spec"]["timezoneName"], "Europe/Paris");
    assert_eq!(second["schedule"]["state"]["notes"], "why");
    assert_eq!(second["schedule"]["policies"]["overlapPolicy"], "SCHEDULE_OVERLAP_POLICY_SKIP");
    let before = scheduled.in_temporal("first").await;

    scheduled.apply(&[yearly("first", ""), yearly("second", ", time_zone: Asia/Tokyo")]).await;
    eventually(SOON, async || {
        let second = scheduled.in_temporal("second").await;
        ensure!(second["schedule"]["spec"]["timezoneName"] == "Asia/Tokyo", "{second}");
        Ok(())
    })
    .await;
    scheduled.settled().await;
    let after = scheduled.in_temporal("first").await;
    assert_eq!(before["conflictToken"], after["conflictToken"], "it was not touched");

    scheduled.apply(&[yearly("first", "")]).await;
    scheduled.lists(&["first"]).await;
    scheduled.apply(&[]).await;
    scheduled.lists(&[]).await;
    let manager = scheduled.manager();
    for (kind, count) in [("create", 2.0), ("change", 1.0), ("mend", 0.0), ("delete", 2.0)] {
        assert_eq!(manager.sum("writes_total", &format!("kind=\"{kind}\"")).await.unwrap(), count, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_gone_is_made_again_unless_it_had_its_runs() {
    let scheduled = Scheduled::start().await;
    scheduled.apply(&[yearly("once", ", runs: 1"), yearly("always", "")]).await;
    scheduled.lists(&["always", "once"]).await;
    let manager = scheduled.manager();
    manager.pass().await;
    // Temporal does so itself some days after the last run.
    for id in ["once", "always"] {
        scheduled.temporal(&["delete", "--schedule-id", id]).await;
    }
    scheduled.lists(&["always"]).await;
    manager.pass().await;
    scheduled.lists(&["always"]).await;
    let plan = scheduled.plan().await;
    assert_eq!((plan.unchanged, plan.steps), (2, vec![]));
    assert_eq!(manager.writes().await, 3.0);
    // Another declaration is another schedule.
    scheduled.apply(&[yearly("once", ", runs: 2")]).await;
    scheduled.lists(&["once"]).await;
    assert_eq!(scheduled.in_temporal("once").await["schedule"]["state"]["remainingActions"], "2");
}
