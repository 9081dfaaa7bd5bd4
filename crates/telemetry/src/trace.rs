//! Traces: where spans go, and which are kept.

mod gate;
mod options;
mod span;
mod workflow;

use std::{env, sync::OnceLock, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, IdGenerator, RandomIdGenerator, SdkTracer, SdkTracerProvider,
    },
};
use uuid::Uuid;

pub(crate) use gate::spans;
pub use options::{TraceOptions, TracesSampler};
pub use span::{Span, current};
pub use workflow::{SpanDetails, WorkflowTracer};

use gate::{Gate, Watched};

/// How long a span waits for others to be sent with it, unless `OTEL_BSP_SCHEDULE_DELAY` says otherwise.
const SEND_EVERY: Duration = Duration::from_secs(1);

/// Spans that wait to be sent; more are dropped and counted.
const QUEUE: usize = 8192;

/// How long the end of a process waits for a collector to take the last spans.
const LAST_SPANS_WITHIN: Duration = Duration::from_secs(2);

/// The instrumentation scope of all spans of this project.
const SCOPE: &str = "signalbox";

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// The tracer of the process; `None` while nothing is traced.
fn tracer() -> Option<&'static SdkTracer> {
    TRACER.get()
}

/// Sends spans until it is dropped, and then the last ones.
#[derive(Debug)]
#[must_use = "the last spans are sent when it is dropped"]
pub struct Tracing(Option<SdkTracerProvider>);

/// The exporter of spans cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("traces cannot be sent to {endpoint} (--otlp-endpoint)")]
pub struct TraceError {
    endpoint: String,
    source: ExporterBuildError,
}

/// Traces this process from now on, if `options` name a collector. Needs a Tokio runtime then. The collector need
/// not be there.
///
/// # Errors
/// When the address of the collector cannot work.
pub fn start_tracing(service: &'static str, options: &TraceOptions) -> Result<Tracing, TraceError> {
    start_tracing_with_ids(service, options, RandomIdGenerator::default())
}

/// The same, with span ids of another making.
///
/// # Errors
/// As [`start_tracing`].
pub fn start_tracing_with_ids(
    service: &'static str,
    options: &TraceOptions,
    ids: impl IdGenerator + 'static,
) -> Result<Tracing, TraceError> {
    let Some(endpoint) = options.endpoint() else { return Ok(Tracing(None)) };
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build();
    let exporter = exporter.map_err(|source| TraceError { endpoint: endpoint.to_owned(), source })?;
    let (exporter, gate) = Watched::around(exporter, endpoint, QUEUE);
    let mut batches = BatchConfigBuilder::default().with_max_queue_size(QUEUE);
    if env::var_os("OTEL_BSP_SCHEDULE_DELAY").is_none() {
        batches = batches.with_scheduled_delay(SEND_EVERY);
    }
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches.build()).build();
    let provider = SdkTracerProvider::builder()
        .with_sampler(options.sampler())
        .with_id_generator(ids)
        .with_resource(resource(service))
        .with_span_processor(Gate::before(processor, gate))
        .build();
    // A second start in a process, which only tests make, goes on with the first one's tracer.
    let _ = TRACER.set(provider.tracer(SCOPE));
    Ok(Tracing(Some(provider)))
}

/// Who the spans are of (OpenTelemetry semantic conventions, Resource: service).
fn resource(service: &'static str) -> Resource {
    let named = env::var_os("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty());
    let resource = Resource::builder().with_attributes([
        KeyValue::new("service.namespace", "signalbox"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", Uuid::now_v7().to_string()),
    ]);
    if named { resource.build() } else { resource.with_service_name(service).build() }
}

impl Drop for Tracing {
    fn drop(&mut self) {
        let Some(provider) = self.0.take() else { return };
        if let Err(error) = provider.shutdown_with_timeout(LAST_SPANS_WITHIN) {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}
