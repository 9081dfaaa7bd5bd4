//! Many at once, two managers, one that is killed, servers that are away.

use std::time::Instant;

use anyhow::bail;
use async_nats::jetstream;
use signalbox_proto::{
    names::{bucket, route_key},
    v1::{CreateSchedule, RouteFile, RouteFiles, ScheduleSpec, WantedRoutes},
};

use super::*;

fn many(count: usize, more: &str) -> Vec<String> {
    (0..count).map(|number| yearly(&format!("many-{number:04}"), more)).collect()
}

impl Scheduled {
    /// Waits until the manager finds them all as they are declared.
    async fn has(&self, count: usize, within: Duration) {
        let manager = self.manager();
        eventually(within, async || {
            manager.pass().await;
            let declared = manager.sum("declared", "").await?;
            let differing = manager.sum("differing", "").await?;
            ensure!(
                declared == count as f64 && differing == 0.0,
                "{declared}, of which {differing} were not"
            );
            Ok(())
        })
        .await;
    }

    /// What a plan says when all is done.
    async fn is_done(&self, count: u32) {
        let began = Instant::now();
        let plan = self.plan().await;
        println!("a plan of {count} schedules took {:?}", began.elapsed());
        assert_eq!((plan.unchanged, plan.steps), (count, vec![]));
    }

    /// The set that was applied last, past the command line's own check.
    async fn apply_unchecked(&self, version: &str, text: &str) {
        let jetstream = jetstream::new(self.stack.nats_client().await.unwrap());
        let routes = jetstream.get_key_value(bucket::ROUTES).await.unwrap();
        let files = RouteFiles { files: vec![RouteFile { name: "a.yaml".into(), text: text.into() }] };
        routes.put(route_key::set(version), files.encode_to_vec().into()).await.unwrap();
        let wanted = WantedRoutes { version: version.into(), ..Default::default() };
        routes.put(route_key::WANTED, wanted.encode_to_vec().into()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_are_made_within_a_minute_and_looked_at_without_a_write() {
    let scheduled = Scheduled::start().await;
    let manager = scheduled.manager();
    let began = Instant::now();
    scheduled.apply(&many(1000, "")).await;
    eventually(SOON * 3, async || {
        let writes = manager.writes().await;
        ensure!(writes >= 1000.0, "{writes}");
        Ok(())
    })
    .await;
    let took = began.elapsed();
    println!("1000 schedules were made in {took:?}");
    assert!(took < Duration::from_secs(60), "{took:?}");
    scheduled.has(1000, SOON).await;
    assert_eq!(manager.sum("writes_total", "kind=\"create\"").await.unwrap(), 1000.0);
    assert_eq!(manager.writes().await, 1000.0, "nothing was written again");
    let took = manager.sum("pass_seconds", "").await.unwrap();
    println!("1000 unchanged schedules were compared in {took} s");
    assert!(took < 15.0, "less than two on a machine with nothing else to do: {took}");
    scheduled.is_done(1000).await;

    let began = Instant::now();
    scheduled.apply(&[]).await;
    eventually(SOON * 4, async || {
        let left = scheduled.listed().await?.len();
        ensure!(left == 0, "{left} are left");
        Ok(())
    })
    .await;
    println!("1000 schedules were deleted in {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_managers_change_nothing_twice() {
    const COUNT: usize = 120;
    let scheduled = Scheduled::start().await;
    let (_process, api) = scheduled.stack.launch_another(Service::SchedulerManager).unwrap();
    let other = Metrics(api);
    eventually(SOON, async || {
        let ready = other.0.get("/readyz").await?;
        ensure!(ready.status == 200, "{}", ready.body);
        Ok(())
    })
    .await;
    let manager = scheduled.manager();
    scheduled.apply(&many(COUNT, "")).await;
    scheduled.has(COUNT, SOON * 2).await;
    for manager in [&manager, &other] {
        manager.pass().await;
    }
    let made = manager.writes().await + other.writes().await;
    assert_eq!(made, COUNT as f64, "each was made once");

    scheduled.apply(&many(COUNT, ", time_zone: Asia/Tokyo")).await;
    scheduled.has(COUNT, SOON * 2).await;
    for manager in [&manager, &other] {
        manager.pass().await;
    }
    // Temporal counts the updates of a schedule in its conflict token.
    let mut tokens = BTreeMap::<String, usize>::new();
    for number in 0..COUNT {
        let schedule = scheduled.in_temporal(&format!("many-{number:04}")).await;
        *tokens.entry(schedule["conflictToken"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(tokens.len(), 1, "some were changed more often than others: {tokens:?}");
    println!("writes of both: {} and {}", manager.writes().await, other.writes().await);

    scheduled.apply(&[]).await;
    scheduled.lists(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_that_is_killed_in_the_middle_leaves_nothing_half_made() {
    let mut scheduled = Scheduled::start().await;
    let manager = scheduled.manager();
    scheduled.apply(&many(300, ", overlap: buffer-one, note: whole, paused: true")).await;
    let made = eventually(SOON, async || {
        let made = manager.writes().await;
        ensure!(made > 20.0, "{made}");
        Ok(made)
    })
    .await;
    scheduled.stack.kill(Service::SchedulerManager).unwrap();
    let there = scheduled.listed().await.unwrap();
    println!("{made} were made when it was killed, {} are listed", there.len());
    if there.len() >= 300 {
        panic!("it was killed too late for this test to tell anything");
    }
    for id in there.keys() {
        let schedule = scheduled.in_temporal(id).await;
        assert!(schedule["searchAttributes"]["indexedFields"]["SignalboxDeclared"].is_object(), "{schedule}");
        assert_eq!(schedule["schedule"]["state"]["notes"], "whole");
        assert_eq!(schedule["schedule"]["state"]["paused"], true);
    }
    scheduled.stack.launch_all(&[Service::SchedulerManager]).await.unwrap();
    scheduled.has(300, SOON * 2).await;
    scheduled.is_done(300).await;
    let writes = scheduled.manager().writes().await;
    assert!(writes < 300.0, "what was made was not made again: {writes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_temporal_is_away_changes_are_refused_or_wait() {
    let mut scheduled = Scheduled::start().await;
    scheduled.apply(&many(10, "")).await;
    scheduled.has(10, SOON).await;
    scheduled.stack.temporal.kill().unwrap();
    // Applying does not need it.
    scheduled.apply_unchecked("other", &file(&[yearly("after", "")])).await;
    let declaration = yearly("called", "");
    let spec = ScheduleSpec { schedule_id: "called".into(), declaration, ..Default::default() };
    let create = What::Create(CreateSchedule { schedule: Some(spec) });
    assert_eq!(scheduled.refused(create).await, "temporal-away");
    assert_eq!(scheduled.refused(What::Plan(PlanSchedules {})).await, "temporal-away");
    eventually(SOON, async || {
        let failed = scheduled.manager().sum("passes_total", "result=\"failed\"").await?;
        ensure!(failed >= 2.0, "{failed}");
        Ok(())
    })
    .await;
    scheduled.stack.temporal.start_again().await.unwrap();
    eventually(SOON * 2, async || {
        let plan = match scheduled.call(&unique("call"), What::Plan(PlanSchedules {})).await {
            schedule_reply::What::Plan(plan) => plan,
            other => bail!("{other:?}"),
        };
        ensure!(plan.version == "other" && plan.unchanged == 1 && plan.steps.is_empty(), "{plan:?}");
        Ok(())
    })
    .await;
    scheduled.lists(&["after"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_to_be_declared_no_more_is_not_deleted() {
    let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
    stack.set("SIGNALBOX_RECONCILE_EVERY", "1s");
    stack.launch_all(&[Service::SchedulerManager]).await.unwrap();
    let temporal = binary(Binary::Temporal).unwrap().to_str().unwrap().to_owned();
    let scheduled = Scheduled { cli: Cli::to(&stack), stack, temporal };
    let marked = ["--cron", "0 9 1 1 *", "--schedule-search-attribute", "SignalboxDeclared=\"0\""];
    let start = ["--schedule-id", "old", "--type", "T", "--task-queue", "q", "--workflow-id", "old"];
    scheduled.temporal(&[&["create"], start.as_slice(), marked.as_slice()].concat()).await;
    let manager = scheduled.manager();
    manager.pass().await;
    assert_eq!(scheduled.plan().await, SchedulePlan::default(), "no set was ever applied");

    scheduled.apply_unchecked("broken", "version: 1\nschedules: 7\n").await;
    eventually(SOON, async || {
        let failed = manager.sum("passes_total", "result=\"failed\"").await?;
        ensure!(failed >= 2.0, "{failed}");
        Ok(())
    })
    .await;
    assert_eq!(scheduled.refused(What::Plan(PlanSchedules {})).await, "routes-unreadable");
    scheduled.lists(&["old"]).await;
    scheduled.apply_unchecked("other", &file(&[yearly("new", "")])).await;
    scheduled.lists(&["new"]).await;
}
