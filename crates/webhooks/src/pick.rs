//! Where a delivery of a provider that nobody knows says what happened.

use serde_json::Value;

use crate::{Call, Rejected, body, name};

/// A place in a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// A header, in lower case.
    Header(String),
    /// A value of the body (JSON Pointer, RFC 6901).
    Pointer(String),
}

/// What is picked from a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picks {
    /// What happened. Without it, `type` in the body, or `received` if there is none.
    pub event_type: Option<Pick>,
    /// What tells deliveries apart. Without it, each is another one.
    pub delivery_id: Option<Pick>,
}

/// What happened where a delivery does not say.
const UNTOLD: &str = "received";

impl Picks {
    pub(crate) fn event_name(&self, call: &Call<'_>, body: &Value) -> Result<String, Rejected> {
        match &self.event_type {
            Some(pick) => name::event_name(&pick.from(call, body, "event type")?),
            None => told(body),
        }
    }

    pub(crate) fn delivery_id(&self, call: &Call<'_>, body: &Value) -> Result<Option<String>, Rejected> {
        let Some(pick) = &self.delivery_id else { return Ok(None) };
        let id = pick.from(call, body, "delivery id")?;
        name::delivery_id(&id, pick.place()).map(Some)
    }
}

/// What `type` in the body says, where nothing else was declared.
pub(crate) fn told(body: &Value) -> Result<String, Rejected> {
    name::event_name(body.pointer("/type").and_then(Value::as_str).unwrap_or(UNTOLD))
}

impl Pick {
    fn from(&self, call: &Call<'_>, body: &Value, what: &'static str) -> Result<String, Rejected> {
        let found = match self {
            Self::Header(name) => call.header(name).map(str::to_owned),
            Self::Pointer(pointer) => body::text(body, pointer),
        };
        found.ok_or_else(|| Rejected::NotThere(self.place(), what))
    }

    fn place(&self) -> String {
        match self {
            Self::Header(name) => format!("header {name}"),
            Self::Pointer(pointer) => format!("text at {pointer}"),
        }
    }
}
