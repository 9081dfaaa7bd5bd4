//! Paths of this service, for links in its answers.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use signalbox_domain::EventId;

/// What may not stand as it is in a segment of a path (RFC 3986, 3.3).
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What is known of an event.
pub fn event(id: &EventId) -> String {
    path("events", id.as_str())
}

/// The same of one that lies there in the stream: so it is known before anything came of it.
pub fn stored_event(id: &EventId, stream_sequence: u64) -> String {
    format!("{}?sequence={stream_sequence}", event(id))
}

/// Where people look at what is not here.
#[derive(Clone, Debug, Default)]
pub struct Elsewhere {
    /// The Temporal Web UI.
    pub temporal_ui: String,
    /// The namespace that workflows are in.
    pub namespace: String,
    /// Jaeger.
    pub jaeger_ui: String,
}

impl Elsewhere {
    /// A run in the Temporal Web UI; without its id, all runs of the workflow.
    pub fn run(&self, workflow_id: &str, run_id: &str) -> String {
        let base = self.temporal_ui.trim_end_matches('/');
        let namespace = path("namespaces", &self.namespace);
        let workflow = path("workflows", workflow_id);
        let run = if run_id.is_empty() { String::new() } else { format!("/{run_id}") };
        format!("{base}{namespace}{workflow}{run}")
    }

    /// A schedule in the Temporal Web UI.
    pub fn schedule(&self, schedule_id: &str) -> String {
        let base = self.temporal_ui.trim_end_matches('/');
        format!("{base}{}{}", path("namespaces", &self.namespace), path("schedules", schedule_id))
    }

    /// A trace in Jaeger.
    pub fn trace(&self, trace_id: &str) -> String {
        format!("{}{}", self.jaeger_ui.trim_end_matches('/'), path("trace", trace_id))
    }
}

/// The result of a workflow.
pub fn result(workflow_id: &str) -> String {
    path("workflow-result", workflow_id)
}

/// The description of a workflow.
pub fn workflow(workflow_id: &str) -> String {
    path("workflows", workflow_id)
}

/// A schedule.
pub fn schedule(schedule_id: &str) -> String {
    path("schedules", schedule_id)
}

/// All runs of a schedule.
pub fn runs_of_schedule(schedule_id: &str) -> String {
    // A text literal of a visibility query.
    let literal = schedule_id.replace('\\', "\\\\").replace('\'', "\\'");
    let query =
        utf8_percent_encode(&format!("TemporalScheduledById = '{literal}'"), NON_ALPHANUMERIC).to_string();
    format!("/workflows?query={query}")
}

/// One segment of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn path(family: &str, id: &str) -> String {
    format!("/{family}/{}", segment(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_one_segment() {
        assert_eq!(event(&"a/b c?#é".parse().unwrap()), "/events/a%2Fb%20c%3F%23%C3%A9");
        assert_eq!(result("../x"), "/workflow-result/..%2Fx");
        assert_eq!(workflow("order-7"), "/workflows/order-7");
        assert_eq!(schedule("a/b"), "/schedules/a%2Fb");
        assert_eq!(runs_of_schedule("a'b"), "/workflows?query=TemporalScheduledById%20%3D%20%27a%5C%27b%27");
        assert_eq!(stored_event(&"a b".parse().unwrap(), 7), "/events/a%20b?sequence=7");
    }

    #[test]
    fn people_find_what_is_elsewhere() {
        let elsewhere = Elsewhere {
            temporal_ui: "http://localhost:8233/".into(),
            namespace: "default".into(),
            jaeger_ui: "http://localhost:16686".into(),
        };
        let run = "http://localhost:8233/namespaces/default/workflows/a%2Fb";
        assert_eq!(elsewhere.run("a/b", ""), run);
        assert_eq!(elsewhere.run("a/b", "r-1"), format!("{run}/r-1"));
        let schedule = "http://localhost:8233/namespaces/default/schedules/a%20b";
        assert_eq!(elsewhere.schedule("a b"), schedule);
        assert_eq!(elsewhere.trace("4bf9"), "http://localhost:16686/trace/4bf9");
    }
}
