//! A collector as a test owns it: OTLP over gRPC.

mod trace;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use signalbox_servers::free_port;
use tokio::{net::TcpListener, sync::oneshot};
use tonic::{Request, Response, Status, transport::Server};

pub use trace::{Span, SpanKind, Trace};

/// What a collector does with what it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Collecting {
    /// Keeps it.
    #[default]
    Taking,
    /// Reads it and never answers.
    Silent,
    /// Refuses it: `RESOURCE_EXHAUSTED`.
    Full,
}

/// A collector that takes traces by OTLP over gRPC and keeps their spans. It ends when it is dropped, and runs on a
/// thread of its own: it may outlive the test that started it.
#[derive(Debug)]
pub struct OtlpReceiver {
    address: SocketAddr,
    state: Arc<State>,
    server: Option<(oneshot::Sender<()>, thread::JoinHandle<()>)>,
}

#[derive(Debug, Default)]
struct State {
    collecting: Mutex<Collecting>,
    requests: AtomicUsize,
    spans: Mutex<Vec<Span>>,
}

impl OtlpReceiver {
    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start() -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut receiver = Self { address, state: Arc::default(), server: None };
        receiver.start_again()?;
        Ok(receiver)
    }

    /// Starts it again where it was, with what it had, after [`stop`](Self::stop).
    ///
    /// # Errors
    /// When somebody else has its port.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let listener = std::net::TcpListener::bind(self.address)?;
        listener.set_nonblocking(true)?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let service = TraceServiceServer::new(Collector(Arc::clone(&self.state)));
        let serve = async move {
            let listener = TcpListener::from_std(listener)?;
            let incoming = futures::stream::unfold(listener, async |listener| {
                let accepted = listener.accept().await.map(|(stream, _)| stream);
                Some((accepted, listener))
            });
            let serving = Server::builder().add_service(service).serve_with_incoming(incoming);
            tokio::select! {
                served = serving => Ok(served?),
                _ = stopped => anyhow::Ok(()),
            }
        };
        let thread = thread::Builder::new().name("otlp".to_owned()).spawn(move || {
            if let Err(error) = runtime.block_on(serve) {
                eprintln!("the collector ended: {error:#}");
            }
        })?;
        self.server = Some((stop, thread));
        Ok(())
    }

    /// Ends it: nobody listens, and open connections close.
    pub fn stop(&mut self) {
        if let Some((stop, thread)) = self.server.take() {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it does this.
    pub fn collect(&self, collecting: Collecting) {
        *self.state.collecting.lock().unwrap_or_else(PoisonError::into_inner) = collecting;
    }

    /// How many requests have come, whatever became of them.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::Relaxed)
    }

    /// What it has of a trace, by its id of 32 hexadecimal digits.
    pub fn trace(&self, id: &str) -> Trace {
        self.spans(|span| span.trace_id == id)
    }

    /// The spans of any trace of which this is true.
    pub fn spans(&self, which: impl Fn(&Span) -> bool) -> Trace {
        let spans = self.state.spans.lock().unwrap_or_else(PoisonError::into_inner);
        Trace::new(spans.iter().filter(|span| which(span)).cloned().collect())
    }
}

impl Drop for OtlpReceiver {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Collector(Arc<State>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        let collecting = *self.0.collecting.lock().unwrap_or_else(PoisonError::into_inner);
        match collecting {
            Collecting::Taking => {
                let mut spans = self.0.spans.lock().unwrap_or_else(PoisonError::into_inner);
                spans.extend(trace::read(request.into_inner()));
                Ok(Response::new(ExportTraceServiceResponse::default()))
            }
            Collecting::Silent => std::future::pending().await,
            Collecting::Full => Err(Status::resource_exhausted("full")),
        }
    }
}
