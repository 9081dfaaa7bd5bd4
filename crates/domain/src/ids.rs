//! Identifiers that come from outside.

use std::{fmt, str::FromStr};

use signalbox_proto::names::subject::EVENTS_PREFIX;

/// Why a text is not an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// Nothing was given.
    #[error("{what} is empty")]
    Empty {
        /// What the text was to be.
        what: &'static str,
    },
    /// It is longer than Temporal or NATS can hold.
    #[error("{what} has {bytes} bytes; at most {limit} are allowed")]
    TooLong {
        /// What the text was to be.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It has a character that is not allowed.
    #[error("{what} has the character {character:?}, which is not allowed there")]
    Character {
        /// What the text was to be.
        what: &'static str,
        /// The first such character.
        character: char,
    },
    /// It starts or ends with white space.
    #[error("{what} starts or ends with white space")]
    Padded {
        /// What the text was to be.
        what: &'static str,
    },
    /// It is not a subject of events.
    #[error(
        "{0:?} is not a subject of events: it is `events.` and one or more non-empty tokens with dots between, without spaces, `*` or `>`"
    )]
    Subject(String),
    /// It is not an inbox.
    #[error("{0:?} is not a NATS inbox (`_INBOX.…`)")]
    Inbox(String),
}

fn check(what: &'static str, text: &str, limit: usize) -> Result<(), BadId> {
    if text.is_empty() {
        return Err(BadId::Empty { what });
    }
    if text.len() > limit {
        return Err(BadId::TooLong { what, bytes: text.len(), limit });
    }
    if let Some(character) = text.chars().find(|c| c.is_control()) {
        return Err(BadId::Character { what, character });
    }
    if text.trim() != text {
        return Err(BadId::Padded { what });
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $limit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// The longest that is allowed, in bytes of UTF-8.
            pub const LIMIT: usize = $limit;

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                check($what, text, $limit)?;
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A Temporal workflow id: 1 to 255 bytes (what Temporal's SQL stores hold), no control characters, no
    /// white space at its ends.
    WorkflowId,
    "workflow id",
    255
);
text_id!(
    /// A Temporal schedule id. Temporal appends a time to the ids of its runs, so it is shorter than a
    /// [`WorkflowId`].
    ScheduleId,
    "schedule id",
    200
);
text_id!(
    /// The `id` of a CloudEvent (CloudEvents 1.0, 3.1.1).
    EventId,
    "event id",
    512
);
text_id!(
    /// The `source` of a CloudEvent (CloudEvents 1.0, 3.1.1); a URI reference.
    Source,
    "event source",
    1024
);

impl EventId {
    /// Its 32 digits are an id as they are.
    pub(crate) fn of_key(key: &crate::EffectKey) -> Self {
        Self(key.as_str().into())
    }
}

/// A NATS subject under `events.`, without wildcards.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventSubject(Box<str>);

impl EventSubject {
    /// The whole subject, `events.shop.order.paid`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows `events.`, `shop.order.paid`: the type of a bare message.
    pub fn without_prefix(&self) -> &str {
        self.0.strip_prefix(EVENTS_PREFIX).unwrap_or(&self.0)
    }
}

impl FromStr for EventSubject {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let token = |t: &str| {
            !t.is_empty() && !t.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '*' | '>'))
        };
        let valid = text.len() <= 512
            && text.strip_prefix(EVENTS_PREFIX).is_some_and(|rest| rest.split('.').all(token));
        if valid { Ok(Self(text.into())) } else { Err(BadId::Subject(text.chars().take(80).collect())) }
    }
}

impl fmt::Display for EventSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A NATS inbox that wants outcomes. Only inboxes: a publisher must not make the router write elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReplyTo(Box<str>);

impl ReplyTo {
    /// The subject.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReplyTo {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let token = |t: &str| {
            !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        let valid =
            text.len() <= 256 && text.strip_prefix("_INBOX.").is_some_and(|rest| rest.split('.').all(token));
        if valid { Ok(Self(text.into())) } else { Err(BadId::Inbox(text.chars().take(80).collect())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_temporal_takes_are_taken() {
        for id in ["order-7", "a b", "a/b", "a*", ">", "größe", &"x".repeat(255)] {
            assert_eq!(id.parse::<WorkflowId>().unwrap().as_str(), id);
        }
    }

    #[test]
    fn odd_ids_are_refused_with_the_reason() {
        let why = |id: &str| id.parse::<WorkflowId>().unwrap_err().to_string();
        assert_eq!(why(""), "workflow id is empty");
        assert_eq!(why(" a"), "workflow id starts or ends with white space");
        assert_eq!(why("a\nb"), "workflow id has the character '\\n', which is not allowed there");
        assert_eq!(why(&"x".repeat(5000)), "workflow id has 5000 bytes; at most 255 are allowed");
    }

    #[test]
    fn subjects_cannot_be_widened() {
        for bad in
            ["events.", "events.a..b", "events.*", "events.a.>", "events.a b", "commands.1", "events.a\r\n"]
        {
            assert!(bad.parse::<EventSubject>().is_err(), "{bad}");
        }
        assert_eq!("events.a.b".parse::<EventSubject>().unwrap().without_prefix(), "a.b");
    }

    #[test]
    fn only_inboxes_get_replies() {
        assert!("_INBOX.abc.1".parse::<ReplyTo>().is_ok());
        for bad in ["events.a", "$JS.API.STREAM.DELETE.EVENTS", "_INBOX.", "_INBOX.*", "_INBOX.a.>"] {
            assert!(bad.parse::<ReplyTo>().is_err(), "{bad}");
        }
    }
}
