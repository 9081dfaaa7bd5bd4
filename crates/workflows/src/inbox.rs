//! The messages that a workflow holds: bounded, so that they fit into one payload.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use temporalio_common::data_converters::RawValue;

use crate::arguments;
use crate::moment::Moment;
use crate::trace::Traceparent;

/// How many messages a workflow holds.
pub const MAX_MESSAGES: usize = 10_000;

/// How many bytes of messages a workflow holds: half of what the server takes as one payload.
pub const MAX_MESSAGES_BYTES: usize = 1024 * 1024;

/// What a message takes beside its text and its trace when it is carried into the next run. All traces together take
/// at most 0.7 MiB, for which the payload has room.
const OVERHEAD_BYTES: usize = 64;

/// A text that came as a signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The text of the signal.
    pub text: String,
    /// When it came, in milliseconds since the Unix epoch.
    received_at: Moment,
    /// The trace that it came in.
    #[serde(default, skip_serializing_if = "Traceparent::is_empty")]
    pub(crate) trace: Traceparent,
}

/// Messages in the order in which they came, and how many were turned away.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inbox {
    messages: VecDeque<Message>,
    bytes: usize,
    rejected: u64,
}

impl Inbox {
    /// What an earlier run left. More than fits is rejected.
    pub(crate) fn restored(messages: impl IntoIterator<Item = Message>, rejected: u64) -> Self {
        let mut inbox = Self { rejected, ..Self::default() };
        for message in messages {
            inbox.push(message);
        }
        inbox
    }

    /// Takes the arguments of a signal; answers with the text if it was taken.
    pub(crate) fn receive(&mut self, arguments: &RawValue, received_at: Moment) -> Option<&str> {
        self.receive_traced(arguments, received_at, Traceparent::default())
    }

    /// The same, with the trace that the signal came in.
    pub(crate) fn receive_traced(
        &mut self,
        arguments: &RawValue,
        received_at: Moment,
        trace: Traceparent,
    ) -> Option<&str> {
        match arguments::text(arguments) {
            Ok(text) => self.push(Message { text, received_at, trace }),
            Err(_) => self.reject(),
        }
    }

    /// Counts a signal that is not taken.
    pub(crate) fn reject(&mut self) -> Option<&str> {
        self.rejected = self.rejected.saturating_add(1);
        None
    }

    fn push(&mut self, message: Message) -> Option<&str> {
        let bytes = self.bytes.saturating_add(size(&message));
        if bytes > MAX_MESSAGES_BYTES || self.messages.len() >= MAX_MESSAGES {
            return self.reject();
        }
        self.bytes = bytes;
        self.messages.push_back(message);
        self.messages.back().map(|message| message.text.as_str())
    }

    /// Takes out the oldest `count` messages, or all if there are fewer.
    pub(crate) fn take(&mut self, count: usize) -> Vec<Message> {
        let taken: Vec<_> = self.messages.drain(..count.min(self.messages.len())).collect();
        self.bytes = self.bytes.saturating_sub(taken.iter().map(size).sum());
        taken
    }

    /// The texts, oldest first.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.messages.iter().map(|message| message.text.clone()).collect()
    }

    /// The messages, oldest first.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.messages.iter().cloned().collect()
    }

    pub(crate) fn oldest(&self) -> Option<Moment> {
        self.messages.front().map(|message| message.received_at)
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Signals that could not be read, or for which there was no room.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected
    }
}

fn size(message: &Message) -> usize {
    arguments::json_bytes(&message.text).saturating_add(OVERHEAD_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::json_payload;

    fn signal(json: impl Into<String>) -> RawValue {
        RawValue::new(vec![json_payload(json.into())])
    }

    #[test]
    fn what_cannot_be_read_is_counted() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.receive(&signal("\"a\""), Moment::default()), Some("a"));
        assert_eq!(inbox.receive(&signal("{"), Moment::default()), None);
        assert_eq!((inbox.texts(), inbox.rejected()), (vec!["a".to_owned()], 1));
    }

    #[test]
    fn it_holds_a_bounded_number() {
        let mut inbox = Inbox::default();
        for _ in 0..=MAX_MESSAGES {
            inbox.receive(&signal("1"), Moment::default());
        }
        assert_eq!((inbox.len(), inbox.rejected()), (MAX_MESSAGES, 1));
    }

    #[test]
    fn all_that_it_holds_fits_into_a_payload() {
        let trace = Traceparent::from("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned());
        let text = "a".repeat(MAX_MESSAGES_BYTES / MAX_MESSAGES - OVERHEAD_BYTES - 2);
        let mut inbox = Inbox::default();
        for _ in 0..MAX_MESSAGES {
            let received_at =
                Moment::of(Some(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1 << 40)));
            inbox.receive_traced(&signal(format!("\"{text}\"")), received_at, trace.clone());
        }
        assert_eq!(inbox.len(), MAX_MESSAGES);
        let bytes = serde_json::to_vec(&inbox.messages()).unwrap().len();
        assert!(bytes < 1_800_000, "{bytes}");
    }

    #[test]
    fn it_holds_bounded_bytes_and_has_room_again() {
        let long = signal(format!("\"{}\"", "a".repeat(60_000)));
        let mut inbox = Inbox::default();
        for _ in 0..30 {
            inbox.receive(&long, Moment::default());
        }
        assert_eq!((inbox.len(), inbox.rejected()), (17, 13));
        assert!(serde_json::to_vec(&inbox.messages()).unwrap().len() <= MAX_MESSAGES_BYTES);
        assert_eq!(inbox.take(10).len(), 10);
        assert!(inbox.receive(&long, Moment::default()).is_some());
        assert_eq!(inbox.take(100).len(), 8);
        assert_eq!(inbox.bytes, 0);
    }
}
