//! Texts.

use cel::common::{
    types::{CelInt, CelList, CelString},
    value::{CowVal, Val},
};

use super::{Args, Outcome, Own, count, lists::all_texts, new_text, perhaps, refuse, text};
use crate::cel::{
    meter::{FUEL, spend, take, text_weight},
    operators::Num,
    types::{Number, Text, Type, UNLIMITED},
};

/// The longest text that `padLeft` makes, in characters.
const WIDEST: u64 = 1000;

pub(super) const ALL: &[Own] = &[
    Own {
        name: "lowerAscii",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: recased,
        run: |args| changed("lowerAscii", args, str::to_ascii_lowercase),
        usage: "`text.lowerAscii()`",
        doc: "The text with `a` to `z` for `A` to `Z`.",
        example: (r#"'Paid'.lowerAscii()"#, r#""paid""#),
    },
    Own {
        name: "upperAscii",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: recased,
        run: |args| changed("upperAscii", args, str::to_ascii_uppercase),
        usage: "`text.upperAscii()`",
        doc: "The text with `A` to `Z` for `a` to `z`.",
        example: (r#"'eur'.upperAscii()"#, r#""EUR""#),
    },
    Own {
        name: "trim",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: shortened,
        run: |args| changed("trim", args, |text| text.trim().to_owned()),
        usage: "`text.trim()`",
        doc: "The text without white space at its ends.",
        example: (r#"'  a b '.trim()"#, r#""a b""#),
    },
    Own {
        name: "substring",
        method: true,
        least: 2,
        most: 3,
        given: None,
        rule: |args| match args {
            [of @ Type::String(_), Type::Number(_)]
            | [of @ Type::String(_), Type::Number(_), Type::Number(_)] => shortened(&[*of]),
            _ => None,
        },
        run: substring,
        usage: "`text.substring(start, end)`",
        doc: "The characters from `start` up to `end`, or to the end of the text; what lies outside is left out.",
        example: (r#"'2026-05'.substring(0, 4) + 'ab'.substring(1, 99)"#, r#""2026b""#),
    },
    Own {
        name: "indexOf",
        method: true,
        least: 2,
        most: 2,
        given: None,
        rule: |args| match args {
            [Type::String(_), Type::String(_)] => {
                Some(Type::optional(Type::Number(Number::whole(0.0, f64::INFINITY))))
            }
            _ => None,
        },
        run: index_of,
        usage: "`text.indexOf(part)`",
        doc: "At which character the part begins first, if it is in the text.",
        example: (r#"'a/b'.indexOf('/').orValue(0)"#, r#"1"#),
    },
    Own {
        name: "replace",
        method: true,
        least: 3,
        most: 3,
        given: Some(FUEL),
        rule: |args| match args {
            [Type::String(_), Type::String(_), Type::String(_)] => Some(Type::TEXT),
            _ => None,
        },
        run: replace,
        usage: "`text.replace(old, new)`",
        doc: "The text with each `old` replaced.",
        example: (r#"'a b c'.replace(' ', '-')"#, r#""a-b-c""#),
    },
    Own {
        name: "split",
        method: true,
        least: 2,
        most: 2,
        given: Some(FUEL),
        rule: |args| match args {
            [Type::String(_), Type::String(_)] => Some(Type::list_of(Type::TEXT, 1, UNLIMITED)),
            _ => None,
        },
        run: split,
        usage: "`text.split(separator)`",
        doc: "The parts between the separators, at least one.",
        example: (r#"'a,b'.split(',')"#, r#"["a","b"]"#),
    },
    Own {
        name: "join",
        method: true,
        least: 1,
        most: 2,
        given: Some(FUEL),
        rule: |args| match args {
            [Type::List(list)] | [Type::List(list), Type::String(_)] if all_texts(&list.item) => {
                Some(Type::TEXT)
            }
            _ => None,
        },
        run: join,
        usage: "`list.join(separator)`",
        doc: "The texts of a list one after the other, with the separator between, if one is given.",
        example: (r#"['a', 'b'].join('-')"#, r#""a-b""#),
    },
    Own {
        name: "padLeft",
        method: true,
        least: 3,
        most: 3,
        given: None,
        rule: |args| match args {
            [Type::String(_) | Type::Number(_), Type::Number(_), Type::String(_)] => Some(Type::TEXT),
            _ => None,
        },
        run: pad_left,
        usage: "`text.padLeft(width, fill)`",
        doc: "The text, or number, with so many of the first character of `fill` before it that it is `width` characters long; at most 1000.",
        example: (r#"(7).padLeft(3, '0')"#, r#""007""#),
    },
];

/// The length stays, the characters do not.
fn recased(args: &[&Type]) -> Option<Type> {
    match args {
        [Type::String(text)] => {
            Some(Type::String(Text { one_of: None, max_bytes: text.most_bytes(), ..text.clone() }))
        }
        _ => None,
    }
}

/// Any part of it may be left.
fn shortened(args: &[&Type]) -> Option<Type> {
    match args {
        [Type::String(text)] => {
            Some(Type::String(Text { max_len: text.max_len, max_bytes: text.most_bytes(), ..Text::ANY }))
        }
        _ => None,
    }
}

fn changed<'b, 'v>(name: &str, args: Args<'b, 'v>, change: fn(&str) -> String) -> Outcome<'b, 'v> {
    match args.first().and_then(text) {
        Some(text) => new_text(change(text)),
        None => refuse(name, &args),
    }
}

fn substring<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let (of, start) = (args.first().and_then(text), args.get(1).and_then(count));
    let end = args.get(2).map_or(Some(usize::MAX), count);
    match (of, start, end) {
        (Some(of), Some(start), Some(end)) => {
            new_text(of.chars().skip(start).take(end.saturating_sub(start)).collect::<String>())
        }
        _ => refuse("substring", &args),
    }
}

fn index_of<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    match (args.first().and_then(text), args.get(1).and_then(text)) {
        (Some(of), Some(part)) => perhaps(of.find(part).map(|byte| {
            let before = of.get(..byte).unwrap_or_default().chars().count();
            Box::new(CelInt::from(i64::try_from(before).unwrap_or(i64::MAX))) as Box<dyn Val + 'v>
        })),
        _ => refuse("indexOf", &args),
    }
}

fn replace<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let [fuel, of, old, new] = take(args)?;
    let (Some(of), Some(old), Some(new)) = (text(&of), text(&old), text(&new)) else {
        return refuse("replace", &[of, old, new]);
    };
    let places = of.matches(old).count();
    spend(fuel.as_ref(), || text_weight(of.len().saturating_add(places.saturating_mul(new.len()))))?;
    new_text(of.replace(old, new))
}

fn split<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let [fuel, of, separator] = take(args)?;
    let (Some(whole), Some(between)) = (text(&of), text(&separator)) else {
        return refuse("split", &[of, separator]);
    };
    let parts = whole.matches(between).count();
    spend(fuel.as_ref(), || {
        u64::try_from(parts).unwrap_or(u64::MAX).saturating_add(text_weight(whole.len()))
    })?;
    let parts =
        whole.split(between).map(|part| Box::new(CelString::from(part.to_owned())) as Box<dyn Val + 'v>);
    Ok(CowVal::owned(CelList::from(parts.collect::<Vec<_>>())))
}

fn join<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let separator = match args.get(2).map(text) {
        None => "",
        Some(Some(separator)) => separator,
        Some(None) => return refuse("join", &args),
    };
    let (Some(fuel), Some(list)) =
        (args.first(), args.get(1).and_then(|list| list.downcast_ref::<CelList<'_>>()))
    else {
        return refuse("join", &args);
    };
    spend(fuel.as_ref(), || text_weight(separator.len().saturating_mul(list.inner().len())))?;
    let parts: Option<Vec<&str>> =
        list.inner().iter().map(|item| item.downcast_ref::<CelString<'_>>().map(CelString::inner)).collect();
    match parts {
        Some(parts) => new_text(parts.join(separator)),
        None => refuse("join", &args),
    }
}

fn pad_left<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let (Some(value), Some(width), Some(fill)) =
        (args.first(), args.get(1).and_then(count), args.get(2).and_then(text))
    else {
        return refuse("padLeft", &args);
    };
    let of = match (text(value), Num::of(value.as_ref())) {
        (Some(text), _) => text.to_owned(),
        (None, Some(Num::Whole(whole))) => whole.to_string(),
        (None, Some(Num::Double(double))) => serde_json::Value::from(double).to_string(),
        (None, None) => return refuse("padLeft", &args),
    };
    let width = width.min(usize::try_from(WIDEST).unwrap_or(usize::MAX));
    let missing = width.saturating_sub(of.chars().count());
    let before: String = fill.chars().take(1).cycle().take(missing).collect();
    new_text(before + &of)
}
