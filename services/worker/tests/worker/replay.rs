//! Recorded histories: today's code must accept the runs of yesterday's.
//!
//! One history for each branch of each workflow. `SIGNALBOX_RECORD_HISTORIES=1 cargo test -p signalbox-worker`
//! records those that are missing from the runs of the other tests; a recorded one is never changed.

use std::path::{Path, PathBuf};

use temporalio_client::WorkflowHistory;
use temporalio_sdk::workflow_replayer::WorkflowReplayer;

use crate::lab::Run;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("histories")
}

/// Keeps the history of a run that has ended, if asked for and not there yet.
pub async fn record(name: &str, run: &Run) {
    let file = folder().join(format!("{name}.json"));
    if std::env::var_os("SIGNALBOX_RECORD_HISTORIES").is_none() || file.exists() {
        return;
    }
    let history = run.handle.fetch_history(Default::default()).to_json().await.unwrap();
    std::fs::write(file, history).unwrap();
}

#[tokio::test]
async fn recorded_histories_still_replay() {
    let mut files: Vec<_> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 30, "only {} histories", files.len());
    let mut refused = Vec::new();
    for file in files {
        let history = WorkflowHistory::from_json(&std::fs::read(&file).unwrap()).unwrap();
        let replayer = WorkflowReplayer::new(signalbox_worker::replayer_options().unwrap()).unwrap();
        if let Err(why) = replayer.replay_workflow(history).await {
            refused.push(format!("{}: {why}", file.display()));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}
