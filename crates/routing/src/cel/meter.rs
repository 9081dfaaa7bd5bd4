//! What bounds the work of an evaluation.
//!
//! CEL has no loops without end, but its macros nest, and `+` doubles what it is given. So every value that is read
//! by a function, or gathered in a list or map, and every round of a macro is paid for from a fixed sum.

use std::{
    any::Any,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use cel::{
    ExecutionError,
    common::{
        types::{CelBytes, CelInt, CelList, CelMap, CelOptional, CelString, Type},
        value::{CowVal, StaticVal, Val},
    },
};
use serde_json::Value;

/// The variable that holds what is left.
pub(super) const FUEL: &str = "@fuel";
/// Pays for the size of a value and returns it.
pub(super) const PAY: &str = "@pay";
/// Pays for the rounds of a macro over a value and returns what to go through: of a map, its keys in order.
pub(super) const ROUNDS: &str = "@rounds";

/// What one evaluation may spend in any case; a JSON value costs 1, and 1 more every 64 bytes of text.
pub(super) const ALLOWANCE: u64 = 4_000_000;
/// What it may spend besides for each 1 that going through the event costs.
pub(super) const ALLOWANCE_PER_WEIGHT: u64 = 256;
pub(crate) const TOO_MUCH_WORK: &str = "the expression does too much work for this event";

static FUEL_TYPE: LazyLock<Type> = LazyLock::new(|| Type::new_opaque_type(FUEL));

/// What is left to spend.
#[derive(Clone, Debug, Default)]
pub(super) struct Fuel(Arc<AtomicU64>);

impl Fuel {
    pub(super) fn fill(&self, sum: u64) {
        self.0.store(sum, Ordering::Relaxed);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Takes `cost` off, which is asked for only while there is something left.
    fn spend(&self, cost: impl FnOnce() -> u64) -> Result<(), ExecutionError> {
        let left = match self.0.load(Ordering::Relaxed) {
            0 => 0,
            left => left.saturating_sub(cost()),
        };
        self.0.store(left, Ordering::Relaxed);
        if left == 0 { Err(ExecutionError::function_error(PAY, TOO_MUCH_WORK)) } else { Ok(()) }
    }
}

impl Val for Fuel {
    fn get_type(&self) -> &Type {
        &FUEL_TYPE
    }

    fn cel_type() -> &'static Type {
        &FUEL_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Fuel {}

/// Takes `cost` from the fuel that a function was given as its first argument.
pub(super) fn spend(fuel: &(dyn Val + '_), cost: impl FnOnce() -> u64) -> Result<(), ExecutionError> {
    fuel.downcast_ref::<Fuel>().ok_or_else(ExecutionError::missing_argument_or_target)?.spend(cost)
}

/// `@pay(fuel, value)`.
pub(super) fn pay<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [fuel, value] = take(args)?;
    spend(fuel.as_ref(), || weight(value.as_ref()))?;
    Ok(value)
}

/// `@rounds(fuel, range, cost of a round)`.
pub(super) fn rounds<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [fuel, range, round] = take(args)?;
    let round = round.downcast_ref::<CelInt>().and_then(|n| u64::try_from(*n.inner()).ok()).unwrap_or(1);
    let count = range.as_sizer().and_then(|sizer| u64::try_from(*sizer.size().inner()).ok()).unwrap_or(0);
    spend(fuel.as_ref(), || weight(range.as_ref()).saturating_add(count.saturating_mul(round)))?;
    let Some(map) = range.downcast_ref::<CelMap<'_>>() else { return Ok(range) };
    let mut keys: Vec<_> = map.inner().keys().collect();
    keys.sort();
    let keys: Vec<_> = keys.into_iter().map(|key| key.inner().clone_as_boxed()).collect();
    Ok(CowVal::owned(CelList::from(keys)))
}

/// The arguments of a function that takes just so many.
pub(super) fn take<'b, 'v, const N: usize>(
    args: Vec<CowVal<'b, 'v>>,
) -> Result<[CowVal<'b, 'v>; N], ExecutionError> {
    args.try_into().map_err(|args: Vec<_>| ExecutionError::invalid_argument_count(N, args.len()))
}

/// What it costs to go through a text or bytes of such a length.
pub(super) fn text_weight(bytes: usize) -> u64 {
    1 + u64::try_from(bytes / 64).unwrap_or(u64::MAX)
}

/// What it costs to go through a value once.
pub(super) fn weight(value: &(dyn Val + '_)) -> u64 {
    if let Some(string) = value.downcast_ref::<CelString<'_>>() {
        text_weight(string.inner().len())
    } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        text_weight(bytes.inner().len())
    } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        1 + list.inner().iter().map(|item| weight(item.as_ref())).sum::<u64>()
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        1 + map.inner().iter().map(|(key, item)| weight(key.inner()) + weight(item.as_ref())).sum::<u64>()
    } else if let Some(optional) = value.downcast_ref::<CelOptional<'_>>() {
        1 + optional.option().map_or(0, weight)
    } else {
        1
    }
}

/// The weight of a JSON value.
pub(super) fn json_weight(value: &Value) -> u64 {
    match value {
        Value::String(text) => text_weight(text.len()),
        Value::Array(items) => 1 + items.iter().map(json_weight).sum::<u64>(),
        Value::Object(entries) => {
            1 + entries.iter().map(|(key, item)| text_weight(key.len()) + json_weight(item)).sum::<u64>()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}
