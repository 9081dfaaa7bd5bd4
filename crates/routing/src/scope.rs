//! What an expression sees of an event, and what its evaluation may cost.

use std::{
    cell::OnceCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use cel::{
    Context, ExecutionError, FunctionContext, IdedExpr,
    common::{
        types::{CelBytes, CelInt, CelList, CelMap, CelNull, CelOptional, CelString, CelTimestamp},
        value::{CowVal, Val},
    },
};
use serde_json::Value;
use signalbox_domain::{Data, Event};

use crate::{expression::ENVIRONMENT, value};

/// The one variable.
pub(crate) const EVENT: &str = "event";
/// Its fields.
pub(crate) const FIELDS: [&str; 8] =
    ["id", "source", "type", "subject", "tokens", "time", "data", "extensions"];
/// Pays for the size of a value and returns it.
pub(crate) const PAY: &str = "@pay";
/// Pays for the rounds of a macro over a value and returns what to go through: of a map, its keys in order.
pub(crate) const ROUNDS: &str = "@rounds";

/// What one evaluation may spend; a JSON value costs 1, and 1 more every 64 bytes of text.
const FUEL: u64 = 4_000_000;
pub(crate) const TOO_MUCH_WORK: &str = "the expression does too much work for this event";

/// An event as expressions see it. Its data are taken over for CEL once, and only if an expression computes.
pub(crate) struct Scope<'e> {
    event: &'e Event,
    context: OnceCell<Context<'e, 'e>>,
    fuel: Arc<AtomicU64>,
}

impl<'e> Scope<'e> {
    pub(crate) fn new(event: &'e Event) -> Self {
        Self { event, context: OnceCell::new(), fuel: Arc::default() }
    }

    /// What is at `path` in the event's data.
    pub(crate) fn data_at(&self, path: &[String]) -> Option<&'e Value> {
        let Data::Json(json) = &self.event.data else { return None };
        path.iter().try_fold(json, |value, field| value.get(field))
    }

    /// Evaluates a checked tree, which may spend the whole sum.
    pub(crate) fn resolve<'s>(&'s self, ast: &'s IdedExpr) -> Result<CowVal<'s, 'e>, ExecutionError> {
        self.fuel.store(FUEL, Ordering::Relaxed);
        let context = self.context.get_or_init(|| context(self.event, &self.fuel));
        cel::Value::resolve_val(ast, context)
    }

    /// Whether the evaluation spent it all. To be asked afterwards: `||` and `&&` can swallow the error.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.fuel.load(Ordering::Relaxed) == 0
    }
}

type Function = Box<
    dyn for<'c, 'v> Fn(&mut FunctionContext<'c, 'v>) -> Result<CowVal<'c, 'v>, ExecutionError> + Send + Sync,
>;
type Meter = for<'c, 'v> fn(&AtomicU64, Vec<CowVal<'c, 'v>>) -> Result<CowVal<'c, 'v>, ExecutionError>;

fn context<'e>(event: &'e Event, fuel: &Arc<AtomicU64>) -> Context<'e, 'e> {
    let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
    context.add_variable_as_val(EVENT, variable(event));
    for (name, meter) in [(PAY, pay as Meter), (ROUNDS, rounds as Meter)] {
        let fuel = Arc::clone(fuel);
        let function: Function = Box::new(move |call| meter(&fuel, std::mem::take(&mut call.args)));
        // It fails for a name that CEL has; CEL has none with `@`.
        let _ = context.add_function(name, function);
    }
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

/// Takes `cost` off, which is asked for only while there is something left.
fn spend(fuel: &AtomicU64, cost: impl FnOnce() -> u64) -> Result<(), ExecutionError> {
    let left = match fuel.load(Ordering::Relaxed) {
        0 => 0,
        left => left.saturating_sub(cost()),
    };
    fuel.store(left, Ordering::Relaxed);
    if left == 0 { Err(ExecutionError::function_error(PAY, TOO_MUCH_WORK)) } else { Ok(()) }
}

fn one<'c, 'v>(args: &mut Vec<CowVal<'c, 'v>>) -> Result<CowVal<'c, 'v>, ExecutionError> {
    args.pop().ok_or_else(ExecutionError::missing_argument_or_target)
}

fn pay<'c, 'v>(fuel: &AtomicU64, mut args: Vec<CowVal<'c, 'v>>) -> Result<CowVal<'c, 'v>, ExecutionError> {
    let value = one(&mut args)?;
    spend(fuel, || weight(value.as_ref()))?;
    Ok(value)
}

fn rounds<'c, 'v>(fuel: &AtomicU64, mut args: Vec<CowVal<'c, 'v>>) -> Result<CowVal<'c, 'v>, ExecutionError> {
    let round =
        one(&mut args)?.downcast_ref::<CelInt>().and_then(|n| u64::try_from(*n.inner()).ok()).unwrap_or(1);
    let range = one(&mut args)?;
    let count = range.as_sizer().and_then(|sizer| u64::try_from(*sizer.size().inner()).ok()).unwrap_or(0);
    spend(fuel, || weight(range.as_ref()).saturating_add(count.saturating_mul(round)))?;
    let Some(map) = range.downcast_ref::<CelMap<'_>>() else { return Ok(range) };
    let mut keys: Vec<_> = map.inner().keys().collect();
    keys.sort();
    let keys: Vec<_> = keys.into_iter().map(|key| key.inner().clone_as_boxed()).collect();
    Ok(CowVal::owned(CelList::from(keys)))
}

/// What it costs to go through a value once.
fn weight(value: &(dyn Val + '_)) -> u64 {
    let text = |bytes: usize| 1 + u64::try_from(bytes / 64).unwrap_or(u64::MAX);
    if let Some(string) = value.downcast_ref::<CelString<'_>>() {
        text(string.inner().len())
    } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        text(bytes.inner().len())
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
