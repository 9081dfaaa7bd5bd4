//! Which workflows are running under ids that events would no longer lead to.

use std::collections::BTreeMap;

use signalbox_domain::WorkflowId;

use super::tally::Moved;
use crate::api::Api;
use crate::exit::Exit;

/// Workflows that are looked up at most.
const MOST: usize = 200;

/// Those that are open, as far as it can be said.
#[derive(Debug, Default)]
pub struct OpenRuns {
    /// Ids that have an open run.
    pub ids: Vec<WorkflowId>,
    /// How many were not looked up.
    pub unknown: usize,
    /// Why not.
    pub why: Option<String>,
}

/// Looks the ids up, until the API does not answer.
pub async fn of(api: &Api, moved: &BTreeMap<WorkflowId, Moved>) -> OpenRuns {
    let mut open = OpenRuns::default();
    for (index, id) in moved.keys().enumerate() {
        if index == MOST {
            open.unknown = moved.len() - index;
            open.why = Some(format!("at most {MOST} workflows are looked up"));
            break;
        }
        match api.get(&["workflows", id.as_str()]).await {
            Ok(answer) if answer.text("status") == "running" => open.ids.push(id.clone()),
            Ok(_) => {}
            Err(error) if error.exit() == Exit::NotFound => {}
            Err(error) => {
                open.unknown = moved.len() - index;
                open.why = Some(error.to_string());
                break;
            }
        }
    }
    open
}
