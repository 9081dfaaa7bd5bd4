use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use signalbox_servers::{
    Error, JaegerOptions, JaegerServer, Launch, NatsOptions, NatsServer, Process, TemporalOptions,
    TemporalServer, Wrapper,
};

use super::args::UpArgs;
use super::data::Data;
use super::output::Output;
use super::part::Part;
use crate::processors;

/// Who tries things out wants to see each effect; elsewhere those lines are not shown.
const LOG: [(&str, &str); 2] = [
    ("SIGNALBOX_LOG_FORMAT", "text"),
    ("SIGNALBOX_LOG", "signalbox_signal_router=debug,signalbox_worker=debug"),
];

/// All that is needed to start any part, again and again.
pub struct Plan {
    pub args: UpArgs,
    pub data: Data,
    pub output: Output,
    /// The binary `signalbox`, as it was when this began.
    pub signalbox: PathBuf,
    /// Empty if it is not run here.
    pub nats_server: PathBuf,
    /// Empty if it is not run here.
    pub temporal: PathBuf,
    /// Empty if it is not run here.
    pub jaeger: PathBuf,
}

/// A running part. Dropping it kills it.
pub enum Child {
    Jaeger(JaegerServer),
    Nats(NatsServer),
    Temporal(TemporalServer),
    Service(Process),
}

impl Child {
    /// Starts the part. The servers are ready then; a service has only begun.
    pub async fn start(plan: &Plan, part: Part) -> Result<Self, Error> {
        match part {
            Part::Jaeger => JaegerServer::start(plan.jaeger()).await.map(Self::Jaeger),
            Part::Nats => NatsServer::start(plan.nats()).await.map(Self::Nats),
            Part::Temporal => TemporalServer::start(plan.temporal()).await.map(Self::Temporal),
            service => Process::spawn(plan.service(service)).map(Self::Service),
        }
    }

    pub fn process(&mut self) -> &mut Process {
        match self {
            Self::Jaeger(server) => server.process(),
            Self::Nats(server) => server.process(),
            Self::Temporal(server) => server.process(),
            Self::Service(process) => process,
        }
    }
}

/// The supervisor, not a deadline, decides when a server takes too long: the disk may be slow, the data large.
const SERVER_READY_WITHIN: Duration = Duration::from_secs(120);

impl Plan {
    fn jaeger(&self) -> JaegerOptions {
        JaegerOptions::new(&self.jaeger)
            .ui_port(self.args.jaeger_ui_port)
            .otlp_port(self.args.otlp_port)
            .wrapper(self.behind_temporal())
            .log(self.output.sink(Part::Jaeger))
            .ready_within(SERVER_READY_WITHIN)
    }

    /// Where traces go, if Jaeger is run here.
    fn collector(&self) -> Option<String> {
        self.args.has(Part::Jaeger).then(|| format!("http://127.0.0.1:{}", self.args.otlp_port))
    }

    fn nats(&self) -> NatsOptions {
        let processors = processors::for_nats();
        let wrapper = self.behind_temporal();
        NatsOptions::new(&self.nats_server)
            .port(self.args.nats_port)
            .data_dir(self.data.nats())
            .processors(processors)
            .wrapper(if processors == Some(1) { wrapper.with_timer_slack() } else { wrapper })
            .log(self.output.sink(Part::Nats))
            .ready_within(SERVER_READY_WITHIN)
    }

    fn temporal(&self) -> TemporalOptions {
        let mut options = TemporalOptions::new(&self.temporal)
            .port(self.args.temporal_port)
            .ui_port(self.args.temporal_ui_port)
            .wrapper(self.wrapper())
            .log(self.output.sink(Part::Temporal))
            .ready_within(SERVER_READY_WITHIN);
        if let Some(file) = self.data.temporal() {
            options = options.database(file);
        }
        if let Some(collector) = self.collector() {
            options = options.traces_to(&collector);
        }
        options
    }

    fn service(&self, part: Part) -> Launch {
        let launch = Launch::new(part.name(), &self.signalbox);
        Launch {
            env: self.environment(),
            wrapper: Some(self.behind_temporal()),
            log: Some(self.output.sink(part)),
            ..launch.args(["serve", part.name(), "--listen", &self.listen(part)])
        }
    }

    /// Where the service listens.
    pub fn listen(&self, part: Part) -> String {
        format!("127.0.0.1:{}", self.args.port(part))
    }

    fn wrapper(&self) -> Wrapper {
        Wrapper::tied_to_this_process(self.signalbox.clone())
    }

    /// Temporal has the longest work: it goes before the others where the processors are not enough for all.
    fn behind_temporal(&self) -> Wrapper {
        self.wrapper().yielding()
    }

    /// What is not run here is found where the user's own environment says.
    fn environment(&self) -> Vec<(OsString, OsString)> {
        let UpArgs { nats_port, temporal_port, temporal_ui_port, routes, .. } = &self.args;
        let mut variables: Vec<(OsString, OsString)> = vec![("SIGNALBOX_ROUTES".into(), routes.into())];
        if self.args.has(Part::Nats) {
            variables.push(("NATS_URL".into(), format!("nats://127.0.0.1:{nats_port}").into()));
        }
        if self.args.has(Part::Temporal) {
            variables.push(("TEMPORAL_ADDRESS".into(), format!("127.0.0.1:{temporal_port}").into()));
            variables.push((
                "SIGNALBOX_TEMPORAL_UI".into(),
                format!("http://localhost:{temporal_ui_port}").into(),
            ));
        }
        if let Some(collector) = self.collector() {
            variables.push(("OTEL_EXPORTER_OTLP_ENDPOINT".into(), collector.into()));
        }
        let log = LOG.into_iter().filter(|(name, _)| env::var_os(name).is_none());
        variables.extend(log.map(|(name, value)| (name.into(), value.into())));
        variables.extend(processors::for_service().map(|(name, value)| (name.into(), value.into())));
        variables
    }
}
