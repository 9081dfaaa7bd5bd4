//! Paths of this service, for links in its answers.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
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

/// The result of a workflow.
pub fn result(workflow_id: &str) -> String {
    path("workflow-result", workflow_id)
}

/// The description of a workflow.
pub fn workflow(workflow_id: &str) -> String {
    path("workflows", workflow_id)
}

fn path(family: &str, id: &str) -> String {
    format!("/{family}/{}", utf8_percent_encode(id, ESCAPED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_one_segment() {
        assert_eq!(event(&"a/b c?#é".parse().unwrap()), "/events/a%2Fb%20c%3F%23%C3%A9");
        assert_eq!(result("../x"), "/workflow-result/..%2Fx");
        assert_eq!(workflow("order-7"), "/workflows/order-7");
    }
}
