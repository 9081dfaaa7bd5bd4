//! What the handlers share.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use signalbox_bus::{Bus, Error, Feed, RequestError, Start, Waiters};
use signalbox_domain::EventId;
use signalbox_proto::{
    Message,
    names::subject,
    v1::{
        LookupReply, LookupRequest, RouteFiles, ScheduleReply, ScheduleRequest, lookup_reply, schedule_reply,
        schedule_request,
    },
};
use signalbox_routing::SubjectFilter;
use signalbox_service::{Process, Readiness};
use signalbox_telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use crate::{
    Options, Secrets,
    accept::Acceptor,
    auth::{self, Gate, Unasked},
    dead_letters::DeadLetters,
    http::streams::Places,
    limits::Limits,
    links::Elsewhere,
    metrics::Meters,
    problem::Problem,
    sources::Sources,
};

/// What the handlers share.
pub struct App {
    /// Takes commands and events in.
    pub accept: Acceptor,
    /// How long an answer may take that depends on others.
    pub wait: Duration,
    /// Cancelled when the process stops.
    pub stop: CancellationToken,
    /// Whether the whole way is open.
    pub readiness: Readiness,
    /// What `/metrics` tells.
    pub metrics: Arc<Metrics>,
    /// What this service measures.
    pub meters: Meters,
    /// Who may call.
    pub gate: Gate,
    /// How much is taken.
    pub limits: Limits,
    /// What GitHub signs with.
    pub github: Secrets,
    /// Whose webhooks are taken.
    pub sources: Sources,
    /// Where people look at what is not here.
    pub elsewhere: Elsewhere,
    /// The dead letters.
    pub dead_letters: DeadLetters,
    /// Places for streams of server-sent events.
    pub streams: Places,
    bus: Bus,
}

/// Which routes run.
pub enum Running {
    /// None yet.
    None,
    /// Those that were asked about.
    Same,
    /// These: their version, and their files.
    Set(String, RouteFiles),
}

impl App {
    /// What the handlers of `process` share, which listens at that address.
    ///
    /// # Errors
    /// When who calls cannot be found out.
    pub fn new(
        process: &Process,
        options: &Options,
        listen: SocketAddr,
        bus: Bus,
        waiters: Waiters,
    ) -> anyhow::Result<Self> {
        let meters = Meters::new(&process.metrics);
        let stop = process.stop.clone();
        let gate = auth::gate(process, &options.auth, listen, &bus)?;
        Ok(Self {
            accept: Acceptor::new(bus.clone(), waiters, options.wait, stop.clone(), meters.clone()),
            wait: options.wait,
            stop,
            readiness: process.readiness.clone(),
            metrics: Arc::clone(&process.metrics),
            meters,
            limits: Limits::new(&options.limits, gate.unasked == Unasked::Nobody),
            gate,
            github: options.github_secrets.clone(),
            sources: Sources::default(),
            elsewhere: Elsewhere {
                temporal_ui: options.temporal_ui.clone(),
                namespace: options.temporal_namespace.clone(),
                jaeger_ui: options.jaeger_ui.clone(),
            },
            dead_letters: DeadLetters::new(bus.clone()),
            streams: Places::default(),
            bus,
        })
    }

    /// Asks the router about a workflow; it may take `timeout`.
    ///
    /// # Errors
    /// When the router gave no answer.
    pub async fn look_up(
        &self,
        request: &LookupRequest,
        timeout: Duration,
    ) -> Result<lookup_reply::What, RequestError> {
        let reply: LookupReply = self.ask(subject::LOOKUP, request, timeout).await?;
        reply.what.ok_or(RequestError::Unreadable(subject::LOOKUP))
    }

    /// Asks the scheduler manager for a change: the event id of the `call` makes it safe to repeat.
    ///
    /// # Errors
    /// A [`Problem`], also when the scheduler manager replied with one.
    pub async fn change_schedule(
        &self,
        call: &EventId,
        what: schedule_request::What,
    ) -> Result<schedule_reply::What, Problem> {
        if !self.bus.is_connected() {
            return Err(Problem::disconnected().about(call));
        }
        self.schedule(call.to_string(), what).await.map_err(|problem| problem.perhaps_done().about(call))
    }

    /// Asks the scheduler manager. The same `request_id` again has no second effect.
    ///
    /// # Errors
    /// A [`Problem`], also when the scheduler manager replied with one.
    pub async fn schedule(
        &self,
        request_id: String,
        what: schedule_request::What,
    ) -> Result<schedule_reply::What, Problem> {
        let request = ScheduleRequest { request_id, what: Some(what) };
        let reply: Result<ScheduleReply, _> = self.ask(subject::SCHEDULE, &request, self.wait).await;
        match reply.map_err(|error| Problem::from(&error))?.what {
            Some(schedule_reply::What::Problem(problem)) => Err(problem.into()),
            Some(what) => Ok(what),
            None => Err(Problem::from(&RequestError::Unreadable(subject::SCHEDULE))),
        }
    }

    /// The routes that run, unless they are those of version `known`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn running_routes(&self, known: Option<&str>) -> Result<Running, Error> {
        if !self.bus.is_connected() {
            return Ok(Running::None);
        }
        let sets = self.bus.route_sets().await?;
        let timeline = sets.timeline().await?.map(|timeline| timeline.value);
        let last = timeline.and_then(|timeline| timeline.periods.into_iter().next_back());
        let Some(version) = last.map(|period| period.version) else { return Ok(Running::None) };
        if known == Some(&version) {
            return Ok(Running::Same);
        }
        Ok(sets.files(&version).await?.map_or(Running::None, |files| Running::Set(version, files)))
    }

    /// Events as they are stored, from a place on; without it, from now on.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub async fn follow_events(&self, filter: &SubjectFilter, from: Option<Start>) -> Result<Feed, Error> {
        self.bus.follow_events(filter.as_str(), from).await
    }

    /// Outcomes as they are recorded, from a place on; without it, from now on.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn follow_outcomes(&self, from: Option<Start>) -> Result<Feed, Error> {
        self.bus.follow_outcomes(from).await
    }

    async fn ask<Q: Message, A: Message + Default>(
        &self,
        subject: &'static str,
        question: &Q,
        timeout: Duration,
    ) -> Result<A, RequestError> {
        // The client would keep the question and send it later, when nobody waits for the answer.
        if !self.bus.is_connected() {
            return Err(RequestError::NotSent(subject, "not connected".into()));
        }
        let _counted = self.meters.waiting();
        self.bus.request(subject, question, timeout).await
    }
}
