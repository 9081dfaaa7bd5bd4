//! CEL's own functions.

use crate::cel::types::{Maybe, Number, Text, Type, UNLIMITED, to_double};

/// A function of CEL, with these arguments.
pub(super) struct Standard {
    pub(super) name: &'static str,
    pub(super) method: bool,
    /// How many arguments it takes, what it is called on included.
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) rule: fn(&[&Type]) -> Option<Made>,
}

/// What a function makes.
pub(super) enum Made {
    Surely(Type),
    /// It may fail; what to do instead.
    Perhaps(Type, &'static str),
}

use Made::{Perhaps, Surely};

const fn function(name: &'static str, args: usize, rule: fn(&[&Type]) -> Option<Made>) -> Standard {
    Standard { name, method: false, least: args, most: args, rule }
}

const fn method(name: &'static str, args: usize, rule: fn(&[&Type]) -> Option<Made>) -> Standard {
    Standard { name, method: true, least: args, most: args, rule }
}

const fn part_of_time(name: &'static str) -> Standard {
    Standard { name, method: true, least: 1, most: 2, rule: time_part }
}

const fn part_of_span(name: &'static str) -> Standard {
    Standard { name, method: true, least: 1, most: 2, rule: span_part }
}

pub(super) const ALL: &[Standard] = &[
    function("bool", 1, |args| match args {
        [flag @ Type::Bool(_)] => Some(Surely((*flag).clone())),
        [Type::String(_)] => Some(Perhaps(Type::BOOL, "compare it: `text == \"true\"`")),
        _ => None,
    }),
    function("bytes", 1, |args| match args {
        [Type::String(_) | Type::Bytes] => Some(Surely(Type::Bytes)),
        _ => None,
    }),
    function("double", 1, |args| match args {
        [Type::Number(number)] => Some(Surely(Type::Number(*number))),
        [Type::String(_)] => Some(Perhaps(Type::NUMBER, "use `tryDouble(…).orValue(…)`")),
        _ => None,
    }),
    function("dyn", 1, |args| args.first().map(|one| Surely((*one).clone()))),
    function("int", 1, |args| match args {
        [Type::Number(number)] => {
            let fits = number.min >= -9e18 && number.max <= 9e18;
            let made = Type::Number(number.truncated());
            Some(if fits { Surely(made) } else { Perhaps(made, "use `tryInt(…).orValue(…)`") })
        }
        [Type::String(_)] => Some(Perhaps(whole(), "use `tryInt(…).orValue(…)`")),
        [Type::Timestamp] => Some(Surely(whole())),
        _ => None,
    }),
    function("uint", 1, |args| match args {
        [Type::Number(number)] => {
            let made = Type::Number(number.truncated());
            let fits = number.min >= 0.0 && number.max <= 1.8e19;
            Some(if fits { Surely(made) } else { Perhaps(made, "give it a `minimum` of 0 in the schema") })
        }
        [Type::String(_)] => Some(Perhaps(whole(), "use `tryInt(…).orValue(…)`")),
        _ => None,
    }),
    function("string", 1, string),
    function("duration", 1, |args| match args {
        [Type::Duration] => Some(Surely(Type::Duration)),
        [Type::String(_)] => Some(Perhaps(Type::Duration, "use `parseDuration(…).orValue(…)`")),
        _ => None,
    }),
    function("timestamp", 1, |args| match args {
        [Type::Timestamp] => Some(Surely(Type::Timestamp)),
        [Type::Number(number)] => {
            let fits = number.min >= -62_135_596_800.0 && number.max <= 253_402_300_799.0;
            let help = "give it `minimum` and `maximum` in the schema";
            Some(if fits { Surely(Type::Timestamp) } else { Perhaps(Type::Timestamp, help) })
        }
        [Type::String(_)] => Some(Perhaps(Type::Timestamp, "use `parseTime(…).orValue(…)`")),
        _ => None,
    }),
    function("type", 1, |_| Some(Surely(Type::Kind))),
    function("size", 1, size),
    method("size", 1, size),
    function("matches", 2, test_of_texts),
    method("matches", 2, test_of_texts),
    method("contains", 2, test_of_texts),
    method("startsWith", 2, test_of_texts),
    method("endsWith", 2, test_of_texts),
    function("optional.none", 0, |_| Some(Surely(Type::optional(Type::NEVER)))),
    function("optional.of", 1, |args| match args {
        [value] => Some(Surely(Type::Optional(Maybe { value: (*value).clone().into(), sure: true }))),
        _ => None,
    }),
    function("optional.ofNonZeroValue", 1, |args| match args {
        [value] => Some(Surely(Type::optional((*value).clone()))),
        _ => None,
    }),
    method("hasValue", 1, |args| match args {
        [Type::Optional(Maybe { sure: true, .. })] => Some(Surely(Type::Bool(Some(true)))),
        [Type::Optional(maybe)] if maybe.value.is_never() => Some(Surely(Type::Bool(Some(false)))),
        [Type::Optional(_)] => Some(Surely(Type::BOOL)),
        _ => None,
    }),
    method("value", 1, |args| match args {
        [Type::Optional(Maybe { value, sure: true })] => Some(Surely((**value).clone())),
        [Type::Optional(Maybe { value, .. })] => {
            Some(Perhaps((**value).clone(), "use `.orValue(…)`, or ask `.hasValue()` first"))
        }
        _ => None,
    }),
    method("or", 2, |args| match args {
        [Type::Optional(a), Type::Optional(b)] => Some(Surely(match a.sure {
            true => Type::Optional(a.clone()),
            false => Type::Optional(Maybe {
                value: (*a.value).clone().join((*b.value).clone()).into(),
                sure: b.sure,
            }),
        })),
        _ => None,
    }),
    method("orValue", 2, |args| match args {
        [Type::Optional(Maybe { value, sure: true }), _] => Some(Surely((**value).clone())),
        [Type::Optional(Maybe { value, .. }), other] => {
            Some(Surely((**value).clone().join((*other).clone())))
        }
        _ => None,
    }),
    part_of_time("getFullYear"),
    part_of_time("getMonth"),
    part_of_time("getDayOfYear"),
    part_of_time("getDayOfMonth"),
    part_of_time("getDate"),
    part_of_time("getDayOfWeek"),
    part_of_span("getHours"),
    part_of_span("getMinutes"),
    part_of_span("getSeconds"),
    part_of_span("getMilliseconds"),
];

fn whole() -> Type {
    Type::Number(Number { whole: true, ..Number::ANY })
}

fn string(args: &[&Type]) -> Option<Made> {
    Some(match args {
        [text @ Type::String(_)] => Surely((*text).clone()),
        [Type::Bool(_)] => Surely(Type::String(Text::only(["true", "false"]))),
        [Type::Number(number)] if number.whole && number.min >= -1e18 && number.max <= 1e18 => {
            Surely(Type::String(Text::plain(1, 24)))
        }
        // Doubles are written without exponents.
        [Type::Number(_)] => Surely(Type::String(Text::plain(1, 400))),
        [Type::Timestamp | Type::Duration] => Surely(Type::String(Text::plain(1, 64))),
        [Type::Bytes] => Perhaps(Type::TEXT, "use `base64.encode(…)`"),
        _ => return None,
    })
}

#[allow(clippy::cast_precision_loss, reason = "sizes are far below what doubles count")]
fn size(args: &[&Type]) -> Option<Made> {
    let between =
        |least: u64, most: u64| Some(Surely(Type::Number(Number::whole(least as f64, to_double(most)))));
    match args {
        [Type::String(text)] => between(text.min_len, text.max_len),
        [Type::List(list)] => between(list.min_items, list.max_items),
        [Type::Object(map)] => between(map.min_fields(), map.max_fields()),
        [Type::Map(..) | Type::Bytes] => between(0, UNLIMITED),
        _ => None,
    }
}

fn test_of_texts(args: &[&Type]) -> Option<Made> {
    match args {
        [Type::String(_), Type::String(_)] => Some(Surely(Type::BOOL)),
        _ => None,
    }
}

/// A part of a time, in UTC or a time zone.
fn time_part(args: &[&Type]) -> Option<Made> {
    match args {
        [Type::Timestamp] => Some(Surely(whole())),
        [Type::Timestamp, Type::String(_)] => Some(Perhaps(whole(), "write the time zone out")),
        _ => None,
    }
}

/// The same, also of spans of time.
fn span_part(args: &[&Type]) -> Option<Made> {
    match args {
        [Type::Duration] => Some(Surely(whole())),
        _ => time_part(args),
    }
}
