//! Values that may be missing, and other kinds of them.

use cel::common::{
    types::{CelDuration, CelNull, CelOptional, CelTimestamp},
    value::{CowVal, Val},
};
use chrono::{DateTime, TimeDelta};

use super::{Args, Outcome, Own, new_text, perhaps, read, refuse, text};
use crate::cel::{
    meter::take,
    operators::{Num, clamp},
    scope::NOW,
    types::{Maybe, Number, Text, Type},
    value::{to_cel_owned, to_json},
};

pub(super) const ALL: &[Own] = &[
    Own {
        name: "default",
        method: false,
        least: 2,
        most: 2,
        given: None,
        rule: default_rule,
        run: default,
        usage: "`default(value, other)`",
        doc: "The value; where it is null or an optional value that is not there, the other.",
        example: ("default({'a': null}.?a, 'nobody')", r#""nobody""#),
    },
    Own {
        name: "tryInt",
        method: false,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::String(_)] => Some(Type::optional(Type::Number(whole()))),
            [Type::Number(number)] => {
                let sure = number.whole && number.min >= -9e18 && number.max <= 9e18;
                Some(Type::Optional(Maybe { value: Type::Number(whole()).into(), sure }))
            }
            _ => None,
        },
        run: try_int,
        usage: "`tryInt(text)`",
        doc: "The whole number that is written there, if it is one. Also of numbers, whose fraction is cut off.",
        example: ("tryInt('42').orValue(0) + tryInt('x').orValue(0)", "42"),
    },
    Own {
        name: "tryDouble",
        method: false,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::String(_)] => Some(Type::optional(Type::NUMBER)),
            _ => None,
        },
        run: |args| {
            read("tryDouble", args, |text| {
                let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
                number.map(|number| Num::Double(number).boxed())
            })
        },
        usage: "`tryDouble(text)`",
        doc: "The number that is written there, if it is one.",
        example: ("tryDouble('1.5').orValue(0.0)", "1.5"),
    },
    Own {
        name: "now",
        method: false,
        least: 0,
        most: 0,
        given: Some(NOW),
        rule: |_| Some(Type::Timestamp),
        run: |args| match args.into_iter().next() {
            Some(time) => Ok(time),
            None => refuse("now", &[]),
        },
        usage: "`now()`",
        doc: "When the stream stored the event: the same at every attempt.",
        example: ("now() == now()", "true"),
    },
    Own {
        name: "parseTime",
        method: false,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::String(_)] => Some(Type::optional(Type::Timestamp)),
            _ => None,
        },
        run: |args| {
            read("parseTime", args, |text| {
                let time = DateTime::parse_from_rfc3339(text.trim()).ok()?;
                Some(Box::new(CelTimestamp::from(clamp(time))))
            })
        },
        usage: "`parseTime(text)`",
        doc: "The time that is written there as RFC 3339 has it, if it is one.",
        example: ("parseTime('2026-05-01T12:00:00Z').orValue(event.time)", r#""2026-05-01T12:00:00Z""#),
    },
    Own {
        name: "parseDuration",
        method: false,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::String(_)] => Some(Type::optional(Type::Duration)),
            _ => None,
        },
        run: |args| {
            read("parseDuration", args, |text| {
                let span = humantime::parse_duration(text.trim()).ok()?;
                let nanos = i64::try_from(span.as_nanos()).ok()?;
                Some(Box::new(CelDuration::from(TimeDelta::nanoseconds(nanos))))
            })
        },
        usage: "`parseDuration(text)`",
        doc: "The span of time that is written there, `1h 30m`, if it is one.",
        example: ("parseDuration('1h 30m').orValue(duration('0s'))", r#""5400s""#),
    },
    Own {
        name: "json.parse",
        method: false,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::String(_)] => Some(Type::optional(Type::Dyn)),
            _ => None,
        },
        run: |args| read("json.parse", args, |text| serde_json::from_str(text).ok().map(to_cel_owned)),
        usage: "`json.parse(text)`",
        doc: "The value that is written there in JSON, if it is one.",
        example: (r#"json.parse('{"a": 1}').?a.orValue(0)"#, "1"),
    },
    Own {
        name: "json.text",
        method: false,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [of] => of.in_json().map(|_| Type::String(Text { min_len: 1, ..Text::ANY })),
            _ => None,
        },
        run: |args| match args.first().map(|value| to_json(value.as_ref())) {
            Some(Ok(json)) => new_text(json.to_string()),
            _ => refuse("json.text", &args),
        },
        usage: "`json.text(value)`",
        doc: "The value in JSON.",
        example: ("json.text([1, true, null])", r#""[1,true,null]""#),
    },
];

fn whole() -> Number {
    Number::whole(i64::MIN as f64, i64::MAX as f64)
}

fn default_rule(args: &[&Type]) -> Option<Type> {
    let [value, other] = args else { return None };
    let without_null = |of: &Type| -> (Type, bool) {
        let kept = of.alternatives().iter().filter(|one| **one != Type::Null).cloned();
        let null = *of == Type::Dyn || of.alternatives().contains(&Type::Null);
        (Type::union(kept), null)
    };
    Some(match value {
        Type::Optional(maybe) => {
            let (kept, null) = without_null(&maybe.value);
            if maybe.sure && !null { kept } else { kept.join((*other).clone()) }
        }
        Type::Null => (*other).clone(),
        value => (*value).clone(),
    })
}

fn default<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let [value, other] = take(args)?;
    let is_null = |value: &(dyn Val + '_)| value.downcast_ref::<CelNull>().is_some();
    if let Some(optional) = value.downcast_ref::<CelOptional<'v>>() {
        return Ok(match optional.option().filter(|inner| !is_null(*inner)) {
            Some(inner) => CowVal::Owned(inner.clone_as_boxed()),
            None => other,
        });
    }
    Ok(if is_null(value.as_ref()) { other } else { value })
}

fn try_int<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let Some(value) = args.first() else { return refuse("tryInt", &args) };
    let whole = match (text(value), Num::of(value.as_ref())) {
        (Some(text), _) => text.trim().parse::<i64>().ok().map(i128::from),
        (None, Some(Num::Whole(whole))) => i64::try_from(whole).ok().map(i128::from),
        #[allow(clippy::cast_possible_truncation, reason = "it is within the range")]
        (None, Some(Num::Double(double))) => {
            (double.is_finite() && double.abs() < 9.2e18).then_some(double as i128)
        }
        (None, None) => return refuse("tryInt", &args),
    };
    perhaps(whole.map(|whole| Num::Whole(whole).boxed()))
}
