//! The connection.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use async_nats::{Client, ConnectOptions, Event, jetstream};
use signalbox_service::NatsArgs;

use crate::shown;

/// How to connect. `Debug` shows no secret.
#[derive(Clone, Default)]
pub struct Options {
    /// Servers, `nats://host:port`, with commas between.
    pub url: String,
    /// The name that NATS lists this connection under.
    pub name: String,
    /// A credentials file.
    pub credentials: Option<PathBuf>,
    /// User and password.
    pub user: Option<(String, String)>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &shown(&self.url))
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// As the flags say, under this name.
    pub fn new(args: &NatsArgs, name: impl Into<String>) -> Self {
        let password = args.nats_password.as_ref().map(|secret| secret.expose().to_owned());
        Self {
            url: args.nats_url.clone(),
            name: name.into(),
            credentials: args.nats_credentials.clone(),
            user: args.nats_user.clone().map(|user| (user, password.unwrap_or_default())),
        }
    }

    async fn prepared(&self) -> Result<ConnectOptions, ConnectError> {
        let mut connect = ConnectOptions::new()
            .name(&self.name)
            .custom_inbox_prefix(inbox_prefix(&self.name))
            .connection_timeout(Duration::from_secs(5))
            .request_timeout(Some(Duration::from_secs(5)))
            .ping_interval(Duration::from_secs(10))
            .reconnect_delay_callback(reconnect_delay);
        if let Some(path) = &self.credentials {
            connect = connect
                .credentials_file(path)
                .await
                .map_err(|cause| ConnectError::Credentials(path.clone(), cause))?;
        }
        if let Some((user, password)) = &self.user {
            connect = connect.user_and_password(user.clone(), password.clone());
        }
        Ok(connect)
    }

    async fn dial(&self, connect: ConnectOptions) -> Result<Bus, ConnectError> {
        let servers: Vec<_> = self.url.split(',').map(str::trim).collect();
        let client = connect
            .connect(servers)
            .await
            .map_err(|cause| ConnectError::Refused { url: shown(&self.url), cause })?;
        let jetstream = jetstream::ContextBuilder::new()
            .timeout(Duration::from_secs(5))
            .ack_timeout(Duration::from_secs(5))
            .max_ack_inflight(8192)
            .build(client.clone());
        Ok(Bus { client, jetstream })
    }
}

/// What became of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Connected, for the first time or again.
    Up,
    /// Lost; it is tried again for as long as the process lives.
    Down,
}

/// Why no connection was even tried.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The credentials file cannot be read.
    #[error("cannot read the NATS credentials file {0}")]
    Credentials(PathBuf, #[source] std::io::Error),
    /// The URL is malformed, or the server refuses us for good.
    #[error("cannot connect to NATS at {url}")]
    Refused {
        /// The address, without a password.
        url: String,
        /// What the client says.
        #[source]
        cause: async_nats::ConnectError,
    },
}

/// A connection to NATS, cheap to clone.
#[derive(Clone, Debug)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
}

impl Bus {
    /// Connects, at once or as soon as a server is there, and tells `on_change` of every change from then on.
    ///
    /// # Errors
    /// [`ConnectError`], for what waiting does not mend.
    pub async fn connect(
        options: &Options,
        on_change: impl Fn(LinkState) + Send + Sync + 'static,
    ) -> Result<Self, ConnectError> {
        let on_change = Arc::new(on_change);
        let connect = options.prepared().await?.retry_on_initial_connect().event_callback(move |event| {
            let on_change = Arc::clone(&on_change);
            async move {
                match event {
                    Event::Connected => on_change(LinkState::Up),
                    Event::Disconnected | Event::Closed => on_change(LinkState::Down),
                    Event::Draining => {}
                    other => tracing::warn!(nats.event = %other, "NATS connection"),
                }
            }
        });
        options.dial(connect).await
    }

    /// Connects now or not at all; once it stands, a lost connection is made again.
    ///
    /// # Errors
    /// [`ConnectError`], also when no server answers.
    pub async fn connect_now(options: &Options) -> Result<Self, ConnectError> {
        options.dial(options.prepared().await?).await
    }

    /// Whether the connection stands now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Sends what is still to be sent, acknowledgements among it, and closes. Call it last.
    pub async fn close(&self) {
        // While the server is away there is nothing to send it to, and waiting would hold up the stop.
        if !self.is_connected() {
            return;
        }
        let closed: Result<(), async_nats::Error> = async {
            self.client.flush().await?;
            Ok(self.client.drain().await?)
        }
        .await;
        if let Err(error) = closed {
            tracing::warn!(%error, "NATS connection did not drain");
        }
    }
}

/// Doubles from 50 ms to 2 s: short, because nothing is answered with success while the link is down.
fn reconnect_delay(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt).unwrap_or(u32::MAX).min(6);
    Duration::from_millis(50 << doublings).min(Duration::from_secs(2))
}

/// Each service has inboxes of its own, so that a server can keep others from listening there.
fn inbox_prefix(name: &str) -> String {
    let token = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    match name {
        "" => "_INBOX".to_owned(),
        name => format!("_INBOX.{}", name.chars().map(token).collect::<String>()),
    }
}
