//! Server-sent events: what comes, as it comes.

pub mod events;
pub mod progress;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    http::{HeaderMap, header, header::HeaderName},
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::problem::{Code, Problem};

/// Streams at a time; each is a reader of its own on the NATS server.
const AT_ONCE: usize = 64;

/// A stream that has nothing to say says so, so that whoever is between does not end it.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a browser waits before it connects again.
const CONNECT_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// The last event that a client has, which connects again.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Places for streams.
#[derive(Clone, Debug)]
pub struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Places {
    fn take(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = Arc::clone(&self.0).try_acquire_owned();
        place.map_err(|_| Problem::new(Code::TooBusy, "too many streams are open; connect again later"))
    }
}

/// What a stream is made of.
trait Source: Send + 'static {
    /// The next message; `None` after the last.
    fn next(&mut self) -> impl Future<Output = Option<sse::Event>> + Send;
}

/// The answer: all messages of `source`, until it or the process ends.
fn streamed(source: impl Source, place: OwnedSemaphorePermit, stop: CancellationToken) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store")];
    (headers, Sse::new(messages(source, place, stop)).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
        .into_response()
}

fn messages(
    source: impl Source,
    place: OwnedSemaphorePermit,
    stop: CancellationToken,
) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    // The first message names nothing that has happened: it opens the stream, and says when to connect again.
    let hello = sse::Event::default().retry(CONNECT_AGAIN_AFTER).comment("connected");
    stream::unfold((Some(hello), source, place, stop), async |(hello, mut source, place, stop)| {
        let message = match hello {
            Some(hello) => hello,
            None => stop.run_until_cancelled(source.next()).await??,
        };
        Some((Ok(message), (None, source, place, stop)))
    })
}

/// A message of a name with data; one that cannot be written is a comment.
fn message(name: &str, data: &impl Serialize) -> sse::Event {
    let named = match name {
        "" => sse::Event::default(),
        name => sse::Event::default().event(name),
    };
    named.json_data(data).unwrap_or_else(|_| sse::Event::default().comment("a message could not be written"))
}

/// What the client says that it has.
fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(LAST_EVENT_ID)?.to_str().ok().filter(|id| !id.is_empty())
}

/// Refuses who did not ask for a stream.
fn wants_stream(headers: &HeaderMap) -> Result<(), Problem> {
    let values = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let mut types = values.flat_map(|value| value.split(',')).filter_map(|one| one.split(';').next());
    match types.any(|one| one.trim().eq_ignore_ascii_case("text/event-stream")) {
        true => Ok(()),
        false => {
            let detail = "this is told as server-sent events: send `Accept: text/event-stream`";
            Err(Problem::new(Code::NotAcceptable, detail))
        }
    }
}
