//! End to end: the services as processes, a real `nats-server`, a real Temporal server.
//!
//! `SIGNALBOX_TEST_SHOW=1 cargo test --test end_to_end -- --nocapture` shows what the services log.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod actions;
mod auth;
mod auth_limits;
mod auth_nats;
mod bad_input;
mod bench;
mod chaos;
mod cli;
mod cli_demo;
mod cli_doctor;
mod cli_events;
mod cli_examples;
mod cli_routes;
mod cli_schedules;
mod compose;
mod crash;
mod dead_letters;
mod declared_schedules;
mod early;
mod event_told;
mod events;
mod events_http;
mod flow;
mod house;
mod http_docs;
mod lab;
mod late_outcomes;
mod links;
mod load;
mod observed;
mod other_sdk;
mod publishers;
mod readme;
mod repeated_calls;
mod replay;
mod replicas;
mod route_sets;
mod scenario_schedules;
mod schedules;
mod servers_away;
mod streams;
mod tls;
mod traces;
mod traces_events;
mod traces_faults;
mod traces_jaeger;
mod up;
mod variations;
mod webhooks;
mod workflows_http;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use serde_json::Value;
use signalbox_testkit::{Answer, Api, Stack, eventually};
use tokio::sync::Mutex;

const SIGNALBOX: &str = env!("CARGO_BIN_EXE_signalbox");
const SOON: Duration = Duration::from_secs(30);

/// One stack for all tests that break nothing; it goes with the last of them.
async fn shared() -> (Arc<Stack>, Api) {
    static STACK: Mutex<Weak<Stack>> = Mutex::const_new(Weak::new());
    let mut place = STACK.lock().await;
    let stack = match place.upgrade() {
        Some(stack) => stack,
        None => Arc::new(Stack::start(SIGNALBOX).await.unwrap()),
    };
    *place = Arc::downgrade(&stack);
    let api = stack.api();
    (stack, api)
}

/// An id that no other test uses.
fn unique(name: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn expect(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.body);
}

/// Waits until Temporal knows the workflow.
async fn described(api: &Api, workflow_id: &str) -> Value {
    eventually(SOON, async || {
        let answer = api.get(&format!("/workflows/{workflow_id}")).await?;
        anyhow::ensure!(answer.status == 200, "{}", answer.body);
        Ok(answer.body)
    })
    .await
}
