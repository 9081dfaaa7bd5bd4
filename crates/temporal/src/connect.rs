//! The connection, and what must exist in Temporal beforehand.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use signalbox_proto::names::{header, search_attribute};
use signalbox_service::TemporalArgs;
use signalbox_telemetry::current;
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, GrpcCompression, NamespacedClient, TlsOptions,
    grpc::WorkflowService,
    tonic::{Code, IntoRequest, Request, Status, metadata::AsciiMetadataValue},
};
use temporalio_common::protos::temporal::api::{
    enums::v1::IndexedValueType,
    operatorservice::v1::{AddSearchAttributesRequest, ListSearchAttributesRequest},
    workflowservice::v1::DescribeNamespaceRequest,
};

use crate::execute::SignalCounts;

/// How to connect. `Debug` shows no secret.
#[derive(Clone)]
pub struct Options {
    /// `host:port` or a URL.
    pub address: String,
    /// The namespace.
    pub namespace: String,
    /// Key for Temporal Cloud and the like; it turns TLS on.
    pub api_key: Option<String>,
    /// Whether to use TLS with the system's roots.
    pub tls: bool,
    /// Who Temporal says did it, `signal-router@host`.
    pub identity: String,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, namespace, tls, identity, api_key: _ } = self;
        f.debug_struct("Options")
            .field("address", address)
            .field("namespace", namespace)
            .field("tls", tls)
            .field("identity", identity)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// As the flags say; Temporal lists this process under `name`.
    pub fn new(args: &TemporalArgs, name: &str) -> Self {
        Self {
            address: args.temporal_address.clone(),
            namespace: args.temporal_namespace.clone(),
            api_key: args.temporal_api_key.as_ref().map(|secret| secret.expose().to_owned()),
            tls: args.temporal_tls,
            identity: format!("{name}@{}", std::process::id()),
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not one; waiting does not mend it.
    #[error("`{0}` is not an address of a Temporal server: host:port is")]
    Address(String),
    /// The server is not there, or not ready.
    #[error("no Temporal server answers at {address}")]
    Away {
        /// The address.
        address: String,
        /// What the client says.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server has no such namespace yet.
    #[error("Temporal has no namespace `{0}`: make it with `temporal operator namespace create -n {0}`")]
    Namespace(String),
    /// A search attribute that runs or schedules carry is missing and cannot be made.
    #[error(
        "Temporal has no search attribute `{name}` and does not let us make it: `temporal operator search-attribute create --name {name} --type Keyword`"
    )]
    SearchAttribute {
        /// Its name.
        name: &'static str,
        /// What the server says.
        #[source]
        cause: Box<Status>,
    },
}

/// A connection to one namespace of Temporal, cheap to clone.
#[derive(Clone)]
pub struct Temporal {
    pub(crate) client: Client,
    options: Arc<Options>,
    pub(crate) signals: SignalCounts,
}

/// A call that is to answer at once is given up after this.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
const CHECK_DEADLINE: Duration = Duration::from_secs(2);

impl Temporal {
    /// Connects, once.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(options: &Options) -> Result<Self, ConnectError> {
        let tls = options.tls || options.api_key.is_some();
        let with_scheme = match options.address.contains("://") {
            true => options.address.clone(),
            false => format!("{}://{}", if tls { "https" } else { "http" }, options.address),
        };
        let url: url::Url =
            with_scheme.parse().map_err(|_| ConnectError::Address(options.address.clone()))?;
        let connection = ConnectionOptions::new(url)
            .identity(options.identity.clone())
            .connect_timeout(Duration::from_secs(5))
            .maybe_tls_options(tls.then(|| TlsOptions::builder().build()))
            .maybe_api_key(options.api_key.clone())
            // A server that is near enough to need no TLS gains nothing from smaller messages.
            .grpc_compression(if tls { GrpcCompression::Gzip } else { GrpcCompression::None })
            .build();
        let away = |cause: Box<dyn std::error::Error + Send + Sync>| ConnectError::Away {
            address: options.address.clone(),
            cause,
        };
        let connection = Connection::connect(connection).await.map_err(|e| away(e.into()))?;
        let client = Client::new(connection, ClientOptions::new(options.namespace.clone()).build())
            .map_err(|e| away(e.to_string().into()))?;
        Ok(Self { client, options: Arc::new(options.clone()), signals: SignalCounts::default() })
    }

    /// Another connection of the same kind, which shares nothing with this one.
    ///
    /// # Errors
    /// [`ConnectError::Away`].
    pub async fn another(&self) -> Result<Self, ConnectError> {
        Self::connect(&self.options).await
    }

    /// Connects as soon as a server with the namespace is there and has what runs need. `on_wait` is told,
    /// before each pause, why it waits.
    ///
    /// # Errors
    /// Only what waiting does not mend: [`ConnectError::Address`].
    pub async fn connect_when_up(
        options: &Options,
        mut on_wait: impl FnMut(&ConnectError),
    ) -> Result<Self, ConnectError> {
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(2))
            .with_jitter()
            .without_max_times()
            .build();
        loop {
            match Self::connect_and_prepare(options).await {
                Err(error @ ConnectError::Address(_)) => return Err(error),
                Err(error) => on_wait(&error),
                Ok(temporal) => return Ok(temporal),
            }
            tokio::time::sleep(pauses.next().unwrap_or(Duration::from_secs(2))).await;
        }
    }

    async fn connect_and_prepare(options: &Options) -> Result<Self, ConnectError> {
        let temporal = Self::connect(options).await?;
        temporal.check().await?;
        temporal.ensure_search_attributes().await?;
        Ok(temporal)
    }

    /// Whether the server answers and has the namespace, within two seconds.
    ///
    /// # Errors
    /// [`ConnectError::Away`] or [`ConnectError::Namespace`].
    pub async fn check(&self) -> Result<(), ConnectError> {
        let request = DescribeNamespaceRequest { namespace: self.client.namespace(), ..Default::default() };
        let mut service = self.service();
        let answer = service.describe_namespace(within(CHECK_DEADLINE, request));
        let cause = match tokio::time::timeout(CHECK_DEADLINE, answer).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(status)) if status.code() == Code::NotFound => {
                return Err(ConnectError::Namespace(self.client.namespace()));
            }
            Ok(Err(status)) => status.into(),
            Err(elapsed) => elapsed.into(),
        };
        Err(ConnectError::Away { address: self.options.address.clone(), cause })
    }

    /// Makes the search attributes that runs and schedules carry, where they are missing.
    ///
    /// # Errors
    /// [`ConnectError::SearchAttribute`].
    pub async fn ensure_search_attributes(&self) -> Result<(), ConnectError> {
        const NAMES: [&str; 2] = [search_attribute::TRIGGER, search_attribute::DECLARED];
        let failed =
            |name| move |cause: Status| ConnectError::SearchAttribute { name, cause: Box::new(cause) };
        let mut operator = self.client.connection().operator_service();
        let namespace = self.client.namespace();
        let list = ListSearchAttributesRequest { namespace: namespace.clone() };
        let known = operator.list_search_attributes(within(DEADLINE, list)).await;
        let known = known.map_err(failed(NAMES[0]))?.into_inner().custom_attributes;
        for name in NAMES.into_iter().filter(|name| !known.contains_key(*name)) {
            let search_attributes = HashMap::from([(name.to_owned(), IndexedValueType::Keyword as i32)]);
            let add = AddSearchAttributesRequest { namespace: namespace.clone(), search_attributes };
            match operator.add_search_attributes(within(DEADLINE, add)).await {
                Ok(_) => {}
                // Another service was quicker.
                Err(status) if status.code() == Code::AlreadyExists => {}
                Err(status) => return Err(failed(name)(status)),
            }
        }
        Ok(())
    }

    /// The client itself, for a worker.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Raw calls without retries: whether to try again is decided by who knows the effect.
    pub(crate) fn service(&self) -> Box<dyn WorkflowService> {
        self.client.connection().workflow_service()
    }
}

/// A request that is given up after `deadline`, by the server too. It belongs to the trace that the task works for:
/// a Temporal server that traces itself goes on with it.
pub(crate) fn within<T>(deadline: Duration, message: T) -> Request<T> {
    let mut request = message.into_request();
    request.set_timeout(deadline);
    let trace = current();
    if let Some(Ok(parent)) = trace.traceparent().map(str::parse::<AsciiMetadataValue>) {
        request.metadata_mut().insert(header::TRACEPARENT, parent);
    }
    request
}
