//! Whoever calls too often is held back, and nobody else is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use procfs::process::{Process, all_processes};
use reqwest::StatusCode;
use signalbox_testkit::{Api, Service, Stack, eventually};
use tokio::{task::JoinSet, time::interval};

use crate::{SIGNALBOX, SOON, cli::Cli};

/// Calls a second that a key may make.
const LIMIT: usize = 10;

/// Calls of the modest one.
const MODEST: usize = 25;

/// What the promise is about.
const MEMORY_AT_MOST: u64 = 150 * 1024 * 1024;

async fn key(cli: &Cli) -> String {
    cli.json(&["keys", "create", "k", "--action", "read"]).await["key"].as_str().unwrap().to_owned()
}

async fn call(api: &Api, key: &str) -> StatusCode {
    let call = api.request(reqwest::Method::GET, "/").bearer_auth(key);
    let response = call.send().await.unwrap();
    let status = response.status();
    response.bytes().await.unwrap();
    status
}

/// The process that listens there.
fn ingress(api: &Api) -> Process {
    let listen = api.url("").trim_start_matches("http://").to_owned();
    let is_it = |process: &Process| {
        let words = process.cmdline().unwrap_or_default();
        words.contains(&listen) && words.iter().any(|word| word == "ingress")
    };
    all_processes().unwrap().flatten().find(is_it).unwrap()
}

fn resident(process: &Process) -> u64 {
    process.status().unwrap().vmrss.unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn at_ten_times_a_limit_others_get_through_and_memory_stays() {
    let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
    stack.set("SIGNALBOX_AUTH", "on");
    stack.set("SIGNALBOX_RATE_PER_KEY", format!("{LIMIT}/s"));
    stack.set("SIGNALBOX_RATE_PER_ADDRESS", "off");
    stack.launch_all(&Service::ALL).await.unwrap();
    let cli = Cli::to(&stack);
    let (greedy, modest) = (key(&cli).await, key(&cli).await);
    for key in [&greedy, &modest] {
        eventually(SOON, async || {
            anyhow::ensure!(call(&stack.api, key).await == StatusCode::OK);
            Ok(())
        })
        .await;
    }

    let (over, taken, refused) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (mut callers, began) = (JoinSet::new(), Instant::now());
    for _ in 0..16 {
        let (api, key, over) = (stack.api(), greedy.clone(), Arc::clone(&over));
        let (taken, refused) = (Arc::clone(&taken), Arc::clone(&refused));
        callers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                match call(&api, &key).await {
                    StatusCode::OK => taken.fetch_add(1, Ordering::Relaxed),
                    StatusCode::TOO_MANY_REQUESTS => refused.fetch_add(1, Ordering::Relaxed),
                    other => panic!("{other}"),
                };
            }
        });
    }
    let process = ingress(&stack.api);
    let mut most = 0;
    let mut pace = interval(Duration::from_secs(2) / u32::try_from(LIMIT).unwrap());
    for n in 0..MODEST {
        pace.tick().await;
        assert_eq!(call(&stack.api, &modest).await, StatusCode::OK, "call {n} of one within its limit");
        most = most.max(resident(&process));
    }
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    let seconds = began.elapsed().as_secs_f64();
    let (taken, refused) = (taken.load(Ordering::Relaxed), refused.load(Ordering::Relaxed));
    let allowed = LIMIT as f64 * (seconds + 1.0);
    println!("{taken} taken, {refused} refused in {seconds:.1} s; {} MiB", most / 1024 / 1024);
    assert!(taken as f64 <= allowed, "{taken} in {seconds} s");
    assert!(
        (taken + refused) as f64 >= 10.0 * LIMIT as f64 * seconds,
        "not ten times the limit: {refused} in {seconds} s"
    );
    assert!(most < MEMORY_AT_MOST, "{most} bytes");
}
