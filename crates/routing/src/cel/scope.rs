//! What an expression sees of an event.

use std::{cell::OnceCell, sync::Arc};

use cel::{
    Context, ExecutionError, IdedExpr,
    common::{
        types::{CelBytes, CelList, CelNull, CelString, CelTimestamp},
        value::Val,
    },
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox_domain::{Data, Event};

use super::{
    library::ENVIRONMENT,
    meter::{ALLOWANCE, ALLOWANCE_PER_WEIGHT, FUEL, Fuel, json_weight, text_weight},
    pattern::{self, Pattern},
    value,
};

/// The one variable.
pub(crate) const EVENT: &str = "event";

/// What `now()` answers: no name that can be written.
pub(super) const NOW: &str = "@now";

/// An event as expressions see it. Its data are taken over for CEL once, and only if an expression computes.
pub(crate) struct Scope<'e> {
    pub(crate) event: &'e Event,
    /// When the stream stored it.
    pub(crate) at: DateTime<Utc>,
    /// And what an evaluation may spend.
    context: OnceCell<(Context<'e, 'e>, u64)>,
    fuel: Fuel,
}

impl<'e> Scope<'e> {
    /// `at` is when the stream stored the event.
    pub(crate) fn new(event: &'e Event, at: DateTime<Utc>) -> Self {
        Self { event, at, context: OnceCell::new(), fuel: Fuel::default() }
    }

    /// What is at `path` in the event's data.
    pub(super) fn data_at(&self, path: &[String]) -> Option<&'e Value> {
        let Data::Json(json) = &self.event.data else { return None };
        path.iter().try_fold(json, |value, field| value.get(field))
    }

    /// Evaluates a checked tree with its patterns, which may spend the whole sum, and makes JSON of the value.
    pub(super) fn resolve(&self, ast: &IdedExpr, patterns: &[Pattern]) -> Result<Value, Failure> {
        let (context, allowance) =
            self.context.get_or_init(|| (context(self.event, self.at, &self.fuel), allowance(self.event)));
        self.fuel.fill(*allowance);
        let mut inner;
        let context = if patterns.is_empty() {
            context
        } else {
            inner = context.new_inner_scope();
            for (index, pattern) in patterns.iter().enumerate() {
                inner.add_variable_as_val(pattern::variable(index), Box::new(pattern.clone()));
            }
            &inner
        };
        let value = cel::Value::resolve_val(ast, context);
        // `||` and `&&` can swallow the error.
        if self.fuel.is_empty() {
            return Err(Failure::TooMuchWork);
        }
        let value = value.map_err(|error| Failure::Evaluation(Box::new(error)))?;
        value::to_json(value.as_ref()).map_err(Failure::NotJson)
    }
}

/// Why there is no value.
pub(super) enum Failure {
    TooMuchWork,
    Evaluation(Box<ExecutionError>),
    NotJson(String),
}

fn allowance(event: &Event) -> u64 {
    let data = match &event.data {
        Data::Empty => 1,
        Data::Json(json) => json_weight(json),
        Data::Bytes(bytes) => text_weight(bytes.len()),
    };
    let texts = event.extensions.iter().flat_map(|(name, value)| [name.len(), value.len()]);
    let own = [event.id.as_str(), event.source.as_str(), &event.kind, event.nats_subject.as_str()];
    let texts: u64 = texts.chain(own.map(str::len)).map(text_weight).sum();
    let tokens = event.nats_subject.as_str().split('.').count() as u64;
    // The names of its fields, too.
    let weight = data.saturating_add(texts).saturating_add(tokens).saturating_add(16);
    ALLOWANCE.saturating_add(weight.saturating_mul(ALLOWANCE_PER_WEIGHT))
}

fn context<'e>(event: &'e Event, at: DateTime<Utc>, fuel: &Fuel) -> Context<'e, 'e> {
    let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
    context.add_variable_as_val(EVENT, variable(event));
    context.add_variable_as_val(NOW, Box::new(CelTimestamp::from(at.fixed_offset())));
    context.add_variable_as_val(FUEL, Box::new(fuel.clone()));
    context
}

fn variable(event: &Event) -> Box<dyn Val + '_> {
    let text = |text| Box::new(CelString::from(text)) as Box<dyn Val + '_>;
    let tokens: Vec<_> = event.nats_subject.as_str().split('.').map(text).collect();
    let extensions = event.extensions.iter().map(|(name, value)| (name.as_str(), text(value.as_str())));
    let data: Box<dyn Val + '_> = match &event.data {
        Data::Empty => Box::new(CelNull),
        Data::Json(json) => value::to_cel(json),
        Data::Bytes(bytes) => Box::new(CelBytes::from(bytes.as_ref())),
    };
    value::map([
        ("id", text(event.id.as_str())),
        ("source", text(event.source.as_str())),
        ("type", text(&event.kind)),
        ("subject", text(event.nats_subject.as_str())),
        ("tokens", Box::new(CelList::from(tokens))),
        ("time", Box::new(CelTimestamp::from(event.time.fixed_offset()))),
        ("data", data),
        ("extensions", value::map(extensions)),
    ])
}
