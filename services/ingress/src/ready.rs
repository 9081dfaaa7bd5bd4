//! Readiness: whether the whole way is open, from NATS to the scheduler manager's Temporal.

use std::time::Duration;

use futures::future::join;
use signalbox_bus::Bus;
use signalbox_proto::{names::subject, v1::StatusReply};
use signalbox_service::{Condition, Readiness};
use signalbox_telemetry::Chain;
use tokio::time::{MissedTickBehavior, interval};

/// How often the others are asked; also how long their answer may take.
const EVERY: Duration = Duration::from_secs(1);

/// Keeps the conditions of the other services up to date. `nats` and `streams` are kept with the connection.
pub async fn watch(bus: Bus, readiness: Readiness) {
    let router = readiness.condition("signal-router");
    let scheduler = readiness.condition("scheduler-manager");
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        join(ask(&bus, subject::ROUTER_STATUS, &router), ask(&bus, subject::SCHEDULER_STATUS, &scheduler))
            .await;
    }
}

async fn ask(bus: &Bus, subject: &'static str, condition: &Condition) {
    if !bus.is_connected() {
        return condition.unmet("NATS is away");
    }
    match bus.request::<_, StatusReply>(subject, &(), EVERY).await {
        Ok(status) if status.ready => condition.met(),
        Ok(status) => condition.unmet(waits_for(&status)),
        Err(error) => condition.unmet(Chain(&error).to_string()),
    }
}

fn waits_for(status: &StatusReply) -> String {
    let unmet = status.conditions.iter().filter(|condition| !condition.met);
    unmet.map(|condition| format!("{}: {}", condition.name, condition.detail)).collect::<Vec<_>>().join("; ")
}
