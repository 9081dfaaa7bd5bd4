//! What this service measures. The names are an API.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};
use signalbox_telemetry::{Metrics, latency_histogram};

/// The metrics of this service.
#[derive(Clone, Debug)]
pub struct Meters {
    requests: Family<Request, Counter>,
    latency: Family<Route, Histogram, fn() -> Histogram>,
    waiting: Gauge,
    accepted: Family<Kind, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

impl Meters {
    /// Registers them.
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            requests: metrics.register(
                "http_requests",
                "Answered requests, by template of the path, method and status",
                Family::default(),
            ),
            latency: metrics.register_seconds(
                "http_request",
                "Time from the head of a request to its answer, waits included",
                Family::new_with_constructor(latency_histogram as fn() -> Histogram),
            ),
            waiting: metrics.register(
                "http_waiting_callers",
                "Callers that wait now for an outcome or a result",
                Gauge::default(),
            ),
            accepted: metrics.register(
                "accepted",
                "Commands and events that JetStream has stored, duplicates included",
                Family::default(),
            ),
        }
    }

    /// A request was answered. `route` is the template of its path, so that ids make no series of their own.
    pub fn answered(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let of = Route { route: route.to_owned(), method: known(method) };
        self.latency.get_or_create(&of).observe(took.as_secs_f64());
        let Route { route, method } = of;
        self.requests.get_or_create(&Request { route, method, status: status.as_u16() }).inc();
    }

    /// JetStream has a `command` or an `event`.
    pub fn accepted(&self, kind: &'static str) {
        self.accepted.get_or_create(&Kind { kind }).inc();
    }

    /// Counts a caller as waiting until the guard is dropped.
    pub fn waiting(&self) -> WaitingCaller {
        self.waiting.inc();
        WaitingCaller(self.waiting.clone())
    }
}

/// Counts as one waiting caller.
#[derive(Debug)]
pub struct WaitingCaller(Gauge);

impl Drop for WaitingCaller {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A client may invent methods; they must not make series.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_cannot_make_series() {
        let metrics = Metrics::new("ingress");
        let meters = Meters::new(&metrics);
        for name in ["GET", "BREW", "WHEN"] {
            let method = Method::from_bytes(name.as_bytes()).unwrap();
            meters.answered("/events/{event_id}", &method, StatusCode::OK, Duration::from_millis(3));
        }
        let text = metrics.encode();
        let sample = r#"signalbox_http_requests_total{service="ingress",route="/events/{event_id}",method="other",status="200"} 2"#;
        assert!(text.contains(sample), "{text}");
        assert!(!text.contains("BREW"), "{text}");
    }

    #[test]
    fn waiting_callers_are_counted_while_they_wait() {
        let metrics = Metrics::new("ingress");
        let meters = Meters::new(&metrics);
        let waits = meters.waiting();
        assert!(metrics.encode().contains("signalbox_http_waiting_callers{service=\"ingress\"} 1\n"));
        drop(waits);
        assert!(metrics.encode().contains("signalbox_http_waiting_callers{service=\"ingress\"} 0\n"));
    }
}
