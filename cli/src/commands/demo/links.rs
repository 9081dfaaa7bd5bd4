use reqwest::Url;
use serde_json::{Value, json};

use crate::text::Details;

/// Where to look at what has happened.
pub struct Links {
    /// The run, in the Temporal Web UI.
    pub temporal: String,
    /// The trace, in Jaeger; where there is one.
    pub trace: Option<String>,
}

impl Links {
    /// For scripts.
    pub fn value(&self) -> Value {
        json!({ "temporal": self.temporal, "trace": self.trace })
    }

    /// For people.
    pub fn text(&self) -> String {
        let links = Details::untitled().with("in Temporal", &self.temporal);
        links.with("at the trace", self.trace.as_deref().unwrap_or_default()).to_string()
    }
}

/// A run in the Temporal Web UI.
pub fn temporal(ui: &str, namespace: &str, workflow_id: &str, run_id: &str) -> String {
    link(ui, &["namespaces", namespace, "workflows", workflow_id, run_id])
}

/// A trace in Jaeger.
pub fn trace(ui: &str, trace_id: &str) -> String {
    link(ui, &["trace", trace_id])
}

fn link(base: &str, path: &[&str]) -> String {
    let Ok(mut url) = Url::parse(base) else { return format!("{base}/{}", path.join("/")) };
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_run_and_the_trace() {
        let run = temporal("http://localhost:8233", "default", "deploy-a b", "r-1");
        assert_eq!(run, "http://localhost:8233/namespaces/default/workflows/deploy-a%20b/r-1");
        assert_eq!(trace("http://jaeger/ui/", "4bf9"), "http://jaeger/ui/trace/4bf9");
    }
}
