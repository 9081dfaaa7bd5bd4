//! What stands around the exporter: spans never wait for a collector, and what does not reach it is counted.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

/// What became of spans, by result. Of the process, as the tracer is.
static SPANS: LazyLock<Family<ByResult, Counter>> = LazyLock::new(Family::default);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByResult {
    result: &'static str,
}

/// The metric that tells what became of spans.
pub(crate) fn spans() -> Family<ByResult, Counter> {
    SPANS.clone()
}

fn count(result: &'static str, spans: usize) {
    SPANS.get_or_create(&ByResult { result }).inc_by(spans as u64);
}

/// What a [`Gate`] and a [`Watched`] exporter know of each other.
#[derive(Debug)]
pub(super) struct Queue {
    endpoint: String,
    room: usize,
    waiting: AtomicUsize,
    /// Whether spans are lost, so that one line tells the beginning and one the end.
    losing: AtomicBool,
    dropped_since_export: AtomicBool,
}

impl Queue {
    fn lost(&self, result: &'static str, spans: usize, why: &str) {
        count(result, spans);
        if !self.losing.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                endpoint = self.endpoint,
                error = why,
                "spans are lost until the collector takes them; events are not affected"
            );
        }
    }

    fn exported(&self, spans: usize) {
        count("exported", spans);
        let dropped = self.dropped_since_export.swap(false, Ordering::Relaxed);
        if !dropped && self.losing.swap(false, Ordering::Relaxed) {
            tracing::info!(endpoint = self.endpoint, "the collector takes all spans again");
        }
    }
}

/// Lets ended spans through to the batches as long as there is room, and drops them otherwise.
#[derive(Debug)]
pub(super) struct Gate {
    batches: BatchSpanProcessor,
    queue: Arc<Queue>,
}

impl Gate {
    pub(super) fn before(batches: BatchSpanProcessor, queue: Arc<Queue>) -> Self {
        Self { batches, queue }
    }
}

impl SpanProcessor for Gate {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.queue.waiting.fetch_add(1, Ordering::Relaxed) < self.queue.room {
            return self.batches.on_end(span);
        }
        self.queue.waiting.fetch_sub(1, Ordering::Relaxed);
        self.queue.dropped_since_export.store(true, Ordering::Relaxed);
        self.queue.lost("dropped", 1, "the collector is too slow");
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// An exporter that counts what it sends and says when it cannot.
#[derive(Debug)]
pub(super) struct Watched<E> {
    exporter: E,
    queue: Arc<Queue>,
}

impl<E> Watched<E> {
    /// `room` is how many spans may wait for `endpoint`.
    pub(super) fn around(exporter: E, endpoint: &str, room: usize) -> (Self, Arc<Queue>) {
        let queue = Arc::new(Queue {
            endpoint: endpoint.to_owned(),
            room,
            waiting: AtomicUsize::new(0),
            losing: AtomicBool::new(false),
            dropped_since_export: AtomicBool::new(false),
        });
        (Self { exporter, queue: Arc::clone(&queue) }, queue)
    }
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.queue.waiting.fetch_sub(spans, Ordering::Relaxed);
        let done = self.exporter.export(batch).await;
        match &done {
            Ok(()) => self.queue.exported(spans),
            Err(error) => self.queue.lost("failed", spans, &error.to_string()),
        }
        done
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};

    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::{
        error::OTelSdkError,
        trace::{BatchConfigBuilder, SdkTracerProvider},
    };

    use super::*;

    /// Takes a batch each time that it is told how, and waits for that.
    #[derive(Debug)]
    struct Collector(Mutex<mpsc::Receiver<OTelSdkResult>>);

    impl SpanExporter for Collector {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().recv().unwrap_or(Ok(()))
        }
    }

    fn counted(result: &'static str) -> u64 {
        SPANS.get_or_create(&ByResult { result }).get()
    }

    /// The counts are the process's, so there is one test.
    #[test]
    fn spans_never_wait_and_each_is_counted_once() {
        const ROOM: usize = 4;
        let (answer, answers) = mpsc::channel();
        let (exporter, queue) = Watched::around(Collector(Mutex::new(answers)), "http://collector", ROOM);
        let losing = Arc::clone(&queue);
        let batches = BatchConfigBuilder::default().with_max_queue_size(64).build();
        let batches = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let provider = SdkTracerProvider::builder().with_span_processor(Gate::before(batches, queue)).build();
        let spans = |number| (0..number).for_each(|_| drop(provider.tracer("test").start("work")));

        spans(ROOM + 3);
        assert_eq!((counted("dropped"), losing.losing.load(Ordering::Relaxed)), (3, true));

        answer.send(Err(OTelSdkError::InternalFailure("refused".into()))).unwrap();
        provider.force_flush().unwrap_err();
        assert_eq!((counted("failed"), counted("exported")), (ROOM as u64, 0));

        for still_losing in [true, false] {
            spans(2);
            answer.send(Ok(())).unwrap();
            provider.force_flush().unwrap();
            assert_eq!(
                losing.losing.load(Ordering::Relaxed),
                still_losing,
                "spans were dropped since the last"
            );
        }
        assert_eq!((counted("failed"), counted("exported"), counted("dropped")), (4, 4, 3));
    }
}
