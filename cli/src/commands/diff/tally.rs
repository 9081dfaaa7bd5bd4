//! Differences, counted; of each kind a few are kept.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use signalbox_domain::{Event, WorkflowId};
use signalbox_routing::{Difference, DifferenceKind, Made, brief};

use super::open_runs::OpenRuns;

/// Examples that are kept of each kind of difference of each route.
const EXAMPLES: usize = 3;

/// Workflow ids that are kept; of more there is only the number.
pub const MOST_MOVED: usize = 1000;

/// What differs, by route and kind.
#[derive(Debug, Default)]
pub struct Tally {
    events: u64,
    unreadable: u64,
    differing: u64,
    counts: BTreeMap<(Option<String>, DifferenceKind), Count>,
    moved: BTreeMap<WorkflowId, Moved>,
    more_moved: u64,
}

/// Differences of one kind.
#[derive(Debug, Default)]
pub struct Count {
    pub count: u64,
    pub examples: Vec<Example>,
}

/// One event and what differs about it.
#[derive(Debug, Serialize)]
pub struct Example {
    pub stream_sequence: u64,
    pub event_id: String,
    pub subject: String,
    pub before: Value,
    pub after: Value,
}

/// Where the last event that led to a workflow would lead instead.
#[derive(Debug)]
pub struct Moved {
    pub route: String,
    pub after: WorkflowId,
    pub stream_sequence: u64,
}

impl Tally {
    /// Notes a message that is no event.
    pub fn unreadable(&mut self) {
        self.unreadable += 1;
    }

    /// Notes what differs about an event.
    pub fn count(&mut self, event: &Event, differences: Vec<Difference>) {
        self.events += 1;
        self.differing += u64::from(!differences.is_empty());
        for difference in differences {
            self.note_moved(event, &difference);
            let count = self.counts.entry((difference.route, difference.kind)).or_default();
            count.count += 1;
            if count.examples.len() < EXAMPLES {
                count.examples.push(Example {
                    stream_sequence: event.stream_sequence,
                    event_id: event.id.to_string(),
                    subject: event.nats_subject.to_string(),
                    before: shown(&difference.before),
                    after: shown(&difference.after),
                });
            }
        }
    }

    fn note_moved(&mut self, event: &Event, difference: &Difference) {
        for (before, after) in difference.moved() {
            if self.moved.len() >= MOST_MOVED && !self.moved.contains_key(before) {
                self.more_moved += 1;
                continue;
            }
            let moved = Moved {
                route: difference.route.clone().unwrap_or_default(),
                after: after.clone(),
                stream_sequence: event.stream_sequence,
            };
            self.moved.insert(before.clone(), moved);
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many events were looked at.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Messages that are no events.
    pub fn count_unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Events about which something differs.
    pub fn differing(&self) -> u64 {
        self.differing
    }

    /// By route and kind.
    pub fn counts(&self) -> impl Iterator<Item = (Option<&str>, DifferenceKind, &Count)> {
        self.counts.iter().map(|((route, kind), count)| (route.as_deref(), *kind, count))
    }

    /// Ids that events would no longer lead to.
    pub fn moved(&self) -> &BTreeMap<WorkflowId, Moved> {
        &self.moved
    }

    /// How many such ids were not kept.
    pub fn more_moved(&self) -> u64 {
        self.more_moved
    }

    /// For scripts.
    pub fn value(&self, open: &OpenRuns) -> Value {
        let differences = self.counts().map(|(route, kind, count)| {
            json!({ "route": route, "kind": kind, "count": count.count, "examples": count.examples })
        });
        let warnings = open.ids.iter().filter_map(|id| {
            let moved = self.moved.get(id)?;
            Some(json!({
                "workflow_id": id.as_str(),
                "route": moved.route,
                "workflow_id_after": moved.after.as_str(),
                "stream_sequence": moved.stream_sequence,
            }))
        });
        json!({
            "events": self.events,
            "no_events": self.unreadable,
            "differing": self.differing,
            "differences": differences.collect::<Value>(),
            "open_runs_of_old_ids": warnings.collect::<Value>(),
            "ids_not_looked_up": open.unknown as u64 + self.more_moved,
            "note": open.why,
        })
    }
}

fn shown(made: &Made) -> Value {
    match made {
        Made::Commands(commands) => commands.iter().map(brief).collect(),
        Made::Error(error) => json!({ "error": error }),
    }
}
