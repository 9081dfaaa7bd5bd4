//! Texts that are fit to be names.

use base64::{Engine, engine::general_purpose::STANDARD};
use cel::common::types::CelBytes;
use cel::common::value::CowVal;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Args, Outcome, Own, bytes, new_text, read, refuse, text};
use crate::cel::types::{Text, Type, is_tidy};

/// The longest that `id` leaves as it is, and makes, in bytes.
const LONGEST_ID: usize = 100;
/// The same of `token`.
const LONGEST_TOKEN: usize = 64;

pub(super) const ALL: &[Own] = &[
    Own {
        name: "id",
        method: false,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::String(_) | Type::Number(_) | Type::Bool(_)] => {
                Some(Type::String(Text::tidy(1, LONGEST_ID as u64)))
            }
            _ => None,
        },
        run: id,
        usage: "`id(text)`",
        doc: "A part of an id, of 1 to 100 bytes: harmless texts stay as they are, others are cut and get a hash. Also of numbers and booleans.",
        example: ("id('order 7')", r#""order 7""#),
    },
    Own {
        name: "token",
        method: false,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::String(_) | Type::Number(_) | Type::Bool(_)] => {
                Some(Type::String(Text::plain(1, LONGEST_TOKEN as u64)))
            }
            _ => None,
        },
        run: token,
        usage: "`token(text)`",
        doc: "One token of a subject, of 1 to 64 letters, digits, `-` and `_`: such texts stay as they are, others get a hash.",
        example: ("token('EU-west')", r#""EU-west""#),
    },
    Own {
        name: "uuid5",
        method: false,
        least: 2,
        most: 2,
        given: None,
        rule: |args| match args {
            [Type::String(_), Type::String(_)] => Some(Type::String(Text::plain(36, 36))),
            _ => None,
        },
        run: |args| match (args.first().and_then(text), args.get(1).and_then(text)) {
            (Some(namespace), Some(name)) => {
                new_text(Uuid::new_v5(&namespace_of(namespace), name.as_bytes()).to_string())
            }
            _ => refuse("uuid5", &args),
        },
        usage: "`uuid5(namespace, text)`",
        doc: "The UUID of version 5 (RFC 9562, section 5.5) of a text. The namespace is a UUID, or `dns`, `url`, `oid` or `x500`; any other text stands for its own UUID in `oid`.",
        example: ("uuid5('dns', 'www.example.com')", r#""2ed6657d-e927-568b-95e1-2665a8aea6a2""#),
    },
    Own {
        name: "sha256",
        method: false,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::String(_) | Type::Bytes] => Some(Type::String(Text::plain(64, 64))),
            _ => None,
        },
        run: |args| encode("sha256", args, |bytes| hex::encode(Sha256::digest(bytes))),
        usage: "`sha256(text)`",
        doc: "Its SHA-256 in 64 hexadecimal digits. Also of bytes.",
        example: ("sha256('').substring(0, 8)", r#""e3b0c442""#),
    },
    Own {
        name: "hex.encode",
        method: false,
        least: 1,
        most: 1,
        given: None,
        rule: encoded,
        run: |args| encode("hex.encode", args, |bytes| hex::encode(bytes)),
        usage: "`hex.encode(text)`",
        doc: "Its bytes in hexadecimal digits. Also of bytes.",
        example: ("hex.encode('AB')", r#""4142""#),
    },
    Own {
        name: "base64.encode",
        method: false,
        least: 1,
        most: 1,
        given: None,
        rule: encoded,
        run: |args| encode("base64.encode", args, |bytes| STANDARD.encode(bytes)),
        usage: "`base64.encode(text)`",
        doc: "Its bytes in base64. Also of bytes.",
        example: ("base64.encode('hello')", r#""aGVsbG8=""#),
    },
    Own {
        name: "base64.decode",
        method: false,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::String(_)] => Some(Type::optional(Type::Bytes)),
            _ => None,
        },
        run: |args| {
            read("base64.decode", args, |text| Some(Box::new(CelBytes::from(STANDARD.decode(text).ok()?))))
        },
        usage: "`base64.decode(text)`",
        doc: "The bytes that base64 stands for, if it is that.",
        example: ("base64.decode('aGVsbG8=').orValue(b'')", r#""aGVsbG8=""#),
    },
];

fn encoded(args: &[&Type]) -> Option<Type> {
    match args {
        [Type::String(_) | Type::Bytes] => Some(Type::String(Text { tidy: true, ..Text::ANY })),
        _ => None,
    }
}

/// What a function makes of the bytes of its one text, or of bytes.
fn encode<'b, 'v>(name: &str, args: Args<'b, 'v>, encode: fn(&[u8]) -> String) -> Outcome<'b, 'v> {
    match args.first().and_then(bytes) {
        Some(bytes) => new_text(encode(bytes)),
        None => refuse(name, &args),
    }
}

/// A text as it is; numbers and booleans as JSON writes them.
fn written(value: &CowVal<'_, '_>) -> Option<String> {
    match crate::cel::value::to_json(value.as_ref()).ok()? {
        serde_json::Value::String(_) => text(value).map(str::to_owned),
        other @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => Some(other.to_string()),
        _ => None,
    }
}

fn id<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let Some(text) = args.first().and_then(written) else { return refuse("id", &args) };
    if (1..=LONGEST_ID).contains(&text.len()) && is_tidy(&text) {
        return new_text(text);
    }
    let clean: String = text.chars().filter(|c| !c.is_control()).take(64).collect();
    let clean = clean.trim();
    let start = clean.get(..clean.floor_char_boundary(64)).unwrap_or_default().trim_end();
    new_text(with_hash(start, &text))
}

fn token<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let Some(text) = args.first().and_then(written) else { return refuse("token", &args) };
    let fit = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if (1..=LONGEST_TOKEN).contains(&text.len()) && text.chars().all(|c| fit(&c)) {
        return new_text(text);
    }
    let start: String = text.chars().filter(fit).take(40).collect();
    new_text(with_hash(&start, &text))
}

/// Sixteen digits tell apart what was cut.
fn with_hash(start: &str, text: &str) -> String {
    let hash = hex::encode(Sha256::digest(text));
    let short = hash.get(..16).unwrap_or(&hash);
    if start.is_empty() { short.to_owned() } else { format!("{start}-{short}") }
}

fn namespace_of(text: &str) -> Uuid {
    match text {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        other => other.parse().unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, other.as_bytes())),
    }
}
