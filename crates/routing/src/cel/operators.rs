//! Arithmetic and order for JSON's numbers, and the rest of what the operators do, without a way to fail but one:
//! division by 0.

use std::cmp::Ordering;

use cel::{
    ExecutionError,
    common::{
        ast::operators,
        functions::Function,
        types::{
            CelBool, CelBytes, CelDouble, CelDuration, CelInt, CelList, CelString, CelTimestamp, CelUInt,
        },
        value::{CowVal, Val},
    },
};
use chrono::{DateTime, FixedOffset, TimeDelta};

use super::meter::take;

/// What is replaced in CEL.
pub(super) const REPLACED: [Replaced; 11] = [
    Replaced { sign: operators::ADD, name: "@add", args: 2, run: add },
    Replaced { sign: operators::SUBSTRACT, name: "@subtract", args: 2, run: subtract },
    Replaced { sign: operators::MULTIPLY, name: "@multiply", args: 2, run: multiply },
    Replaced { sign: operators::DIVIDE, name: "@divide", args: 2, run: divide },
    Replaced { sign: operators::MODULO, name: "@remainder", args: 2, run: remainder },
    Replaced { sign: operators::NEGATE, name: "@negate", args: 1, run: negate },
    Replaced { sign: operators::LESS, name: "@less", args: 2, run: less },
    Replaced { sign: operators::LESS_EQUALS, name: "@less_or_equal", args: 2, run: less_or_equal },
    Replaced { sign: operators::GREATER, name: "@greater", args: 2, run: greater },
    Replaced { sign: operators::GREATER_EQUALS, name: "@greater_or_equal", args: 2, run: greater_or_equal },
    Replaced { sign: "timestamp", name: "@timestamp", args: 1, run: timestamp },
];

/// A function of CEL, and what takes its place.
pub(super) struct Replaced {
    pub(super) sign: &'static str,
    pub(super) name: &'static str,
    pub(super) args: usize,
    pub(super) run: Function,
}

pub(super) type Args<'b, 'v> = Vec<CowVal<'b, 'v>>;
pub(super) type Outcome<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// A number of any of CEL's three types.
#[derive(Clone, Copy)]
pub(super) enum Num {
    Whole(i128),
    Double(f64),
}

impl Num {
    pub(super) fn of(value: &(dyn Val + '_)) -> Option<Self> {
        if let Some(int) = value.downcast_ref::<CelInt>() {
            Some(Self::Whole((*int.inner()).into()))
        } else if let Some(double) = value.downcast_ref::<CelDouble>() {
            Some(Self::Double(*double.inner()))
        } else {
            value.downcast_ref::<CelUInt>().map(|uint| Self::Whole((*uint.inner()).into()))
        }
    }

    pub(super) fn as_double(self) -> f64 {
        match self {
            #[allow(clippy::cast_precision_loss, reason = "the nearest double is meant")]
            Self::Whole(whole) => whole as f64,
            Self::Double(double) => double,
        }
    }

    /// A whole number where that fits an `int` or a `uint`, otherwise a double. JSON has no infinity: the largest
    /// doubles stand for what is larger.
    pub(super) fn boxed<'v>(self) -> Box<dyn Val + 'v> {
        match self {
            Self::Whole(whole) => match (i64::try_from(whole), u64::try_from(whole)) {
                (Ok(int), _) => Box::new(CelInt::from(int)),
                (_, Ok(uint)) => Box::new(CelUInt::from(uint)),
                _ => Box::new(CelDouble::from(self.as_double())),
            },
            Self::Double(double) => Box::new(CelDouble::from(double.clamp(f64::MIN, f64::MAX))),
        }
    }

    pub(super) fn add(self, other: Self) -> Self {
        self.calculate(other, i128::checked_add, |a, b| a + b)
    }

    /// How two numbers compare, exactly. There is no order with what is not a number.
    pub(super) fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(&b),
            (Self::Whole(a), Self::Double(b)) => whole_to_double(a, b),
            (Self::Double(a), Self::Whole(b)) => whole_to_double(b, a).map(Ordering::reverse),
        }
    }

    fn calculate(
        self,
        other: Self,
        whole: impl Fn(i128, i128) -> Option<i128>,
        double: impl Fn(f64, f64) -> f64,
    ) -> Self {
        if let (Self::Whole(a), Self::Whole(b)) = (self, other)
            && let Some(result) = whole(a, b)
        {
            return Self::Whole(result);
        }
        Self::Double(double(self.as_double(), other.as_double()))
    }
}

/// Whole numbers here are far from the limits of what they are compared in.
fn whole_to_double(whole: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "it saturates, and no whole number comes near")]
    let truncated = double.trunc() as i128;
    let fraction = || 0.0_f64.partial_cmp(&double.fract()).unwrap_or(Ordering::Equal);
    Some(whole.cmp(&truncated).then_with(fraction))
}

fn add<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let [left, right] = take(args)?;
    if let Some((a, b)) = numbers(&left, &right) {
        return owned(a.add(b).boxed());
    }
    if let Some((a, b)) = both::<CelString<'_>>(&left, &right) {
        return Ok(CowVal::owned(CelString::from([a.inner(), b.inner()].concat())));
    }
    if let (Some(a), Some(b)) = (left.downcast_ref::<CelList<'v>>(), right.downcast_ref::<CelList<'v>>()) {
        let items = a.inner().iter().chain(b.inner()).map(|item| item.clone_as_boxed());
        return Ok(CowVal::owned(CelList::from(items.collect::<Vec<_>>())));
    }
    if let Some((a, b)) = both::<CelBytes<'_>>(&left, &right) {
        return Ok(CowVal::owned(CelBytes::from([a.inner(), b.inner()].concat())));
    }
    match (time(&left), span(&left), time(&right), span(&right)) {
        (Some(time), _, _, Some(span)) | (_, Some(span), Some(time), _) => owned(moment(time, span)),
        (_, Some(a), _, Some(b)) => owned(duration(nanos(a).saturating_add(nanos(b)))),
        _ => refuse("+", &[left, right]),
    }
}

fn subtract<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let [left, right] = take(args)?;
    if let Some((a, b)) = numbers(&left, &right) {
        return owned(a.calculate(b, i128::checked_sub, |a, b| a - b).boxed());
    }
    match (time(&left), span(&left), time(&right), span(&right)) {
        (Some(time), _, _, Some(span)) => owned(moment(time, -span)),
        (Some(a), _, Some(b), _) => owned(duration(nanos(a.signed_duration_since(b)))),
        (_, Some(a), _, Some(b)) => owned(duration(nanos(a).saturating_sub(nanos(b)))),
        _ => refuse("-", &[left, right]),
    }
}

fn multiply<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    calculate("*", args, |a, b| Ok(a.calculate(b, i128::checked_mul, |a, b| a * b)))
}

/// Whole numbers are divided as CEL does, rounded towards 0.
fn divide<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    calculate("/", args, |a, b| match b.as_double() {
        0.0 => Err(ExecutionError::DivisionByZero(cel::Value::Null)),
        _ => Ok(a.calculate(b, i128::checked_div, |a, b| a / b)),
    })
}

fn remainder<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    calculate("%", args, |a, b| match b.as_double() {
        0.0 => Err(ExecutionError::RemainderByZero(cel::Value::Null)),
        _ => Ok(a.calculate(b, i128::checked_rem, |a, b| a % b)),
    })
}

fn negate<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let [value] = take(args)?;
    match Num::of(value.as_ref()) {
        Some(Num::Whole(whole)) => owned(Num::Whole(-whole).boxed()),
        Some(Num::Double(double)) => owned(Num::Double(-double).boxed()),
        None => refuse("-", &[value]),
    }
}

fn less<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    compare("<", args, Ordering::is_lt)
}

fn less_or_equal<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    compare("<=", args, Ordering::is_le)
}

fn greater<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    compare(">", args, Ordering::is_gt)
}

fn greater_or_equal<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    compare(">=", args, Ordering::is_ge)
}

fn compare<'b, 'v>(sign: &str, args: Args<'b, 'v>, holds: fn(Ordering) -> bool) -> Outcome<'b, 'v> {
    let [left, right] = take(args)?;
    match order(left.as_ref(), right.as_ref()) {
        Some(order) => Ok(CowVal::Borrowed(if holds(order) { &CelBool::TRUE } else { &CelBool::FALSE })),
        None => refuse(sign, &[left, right]),
    }
}

/// How two values of one kind compare, if that kind has an order.
pub(super) fn order(left: &(dyn Val + '_), right: &(dyn Val + '_)) -> Option<Ordering> {
    if let Some(a) = Num::of(left) {
        return Num::of(right).and_then(|b| a.order(b));
    }
    if let Some(a) = left.downcast_ref::<CelString<'_>>() {
        return right.downcast_ref::<CelString<'_>>().map(|b| a.inner().cmp(b.inner()));
    }
    left.as_comparer().and_then(|comparer| comparer.compare(right).ok())
}

fn calculate<'b, 'v>(
    sign: &str,
    args: Args<'b, 'v>,
    calculation: impl Fn(Num, Num) -> Result<Num, ExecutionError>,
) -> Outcome<'b, 'v> {
    let [left, right] = take(args)?;
    match numbers(&left, &right) {
        Some((a, b)) => owned(calculation(a, b)?.boxed()),
        None => refuse(sign, &[left, right]),
    }
}

fn numbers(left: &CowVal<'_, '_>, right: &CowVal<'_, '_>) -> Option<(Num, Num)> {
    Num::of(left.as_ref()).zip(Num::of(right.as_ref()))
}

fn both<'a, 'v, T: cel::common::value::FromVal<'a, 'v>>(
    left: &'a CowVal<'_, 'v>,
    right: &'a CowVal<'_, 'v>,
) -> Option<(&'a T, &'a T)> {
    left.as_ref().downcast_ref::<T>().zip(right.as_ref().downcast_ref::<T>())
}

fn time(value: &CowVal<'_, '_>) -> Option<DateTime<FixedOffset>> {
    value.downcast_ref::<CelTimestamp>().map(|time| *time.inner())
}

fn span(value: &CowVal<'_, '_>) -> Option<TimeDelta> {
    value.downcast_ref::<CelDuration>().map(|span| *span.inner())
}

fn nanos(span: TimeDelta) -> i64 {
    let limit = if span < TimeDelta::zero() { i64::MIN } else { i64::MAX };
    span.num_nanoseconds().unwrap_or(limit)
}

/// Spans of time go up to 292 years.
fn duration<'v>(nanos: i64) -> Box<dyn Val + 'v> {
    Box::new(CelDuration::from(TimeDelta::nanoseconds(nanos)))
}

/// The years 1 to 9999 are all that a text of a time can say.
fn moment<'v>(time: DateTime<FixedOffset>, span: TimeDelta) -> Box<dyn Val + 'v> {
    let moved = time.checked_add_signed(span);
    let limit = if span < TimeDelta::zero() {
        DateTime::<chrono::Utc>::MIN_UTC
    } else {
        DateTime::<chrono::Utc>::MAX_UTC
    };
    Box::new(CelTimestamp::from(clamp(moved.unwrap_or_else(|| limit.fixed_offset()))))
}

/// The nearest time that CEL has.
pub(super) fn clamp(time: DateTime<FixedOffset>) -> DateTime<FixedOffset> {
    let bound = |seconds, nanos| DateTime::from_timestamp(seconds, nanos).map(|bound| bound.fixed_offset());
    let first = bound(-62_135_596_800, 0).unwrap_or_default();
    let last = bound(253_402_300_799, 999_999_999).unwrap_or_default();
    time.clamp(first, last)
}

/// CEL's, but for every number.
fn timestamp<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let [value] = take(args)?;
    if value.downcast_ref::<CelTimestamp>().is_some() {
        return Ok(value);
    }
    let time = match (Num::of(value.as_ref()), value.downcast_ref::<CelString<'_>>()) {
        #[allow(clippy::cast_possible_truncation, reason = "it saturates, and such times do not exist")]
        (Some(number), _) => {
            DateTime::from_timestamp(number.as_double() as i64, 0).map(|time| time.fixed_offset())
        }
        (None, Some(text)) => DateTime::parse_from_rfc3339(text.inner()).ok(),
        (None, None) => return refuse("timestamp", &[value]),
    };
    match time.filter(|time| clamp(*time) == *time) {
        Some(time) => owned(Box::new(CelTimestamp::from(time))),
        None => Err(refusal("`timestamp` is given no time from the year 1 to the year 9999".to_owned())),
    }
}

fn owned<'b, 'v>(value: Box<dyn Val + 'v>) -> Outcome<'b, 'v> {
    Ok(CowVal::Owned(value))
}

/// What a function or operator answers that does not take such arguments.
pub(super) fn refuse<'b, 'v>(name: &str, args: &[CowVal<'_, '_>]) -> Outcome<'b, 'v> {
    let types: Vec<_> = args.iter().map(|arg| arg.get_type().name()).collect();
    Err(refusal(format!("`{name}` does not take {}", types.join(" and "))))
}

/// An error that is told as it is.
fn refusal(message: String) -> ExecutionError {
    ExecutionError::function_error("@", message)
}
