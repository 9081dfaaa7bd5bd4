//! Declared sources of webhooks.

use signalbox_webhooks::{Algorithm, Encoding, Form, Pick, Picks, Provider};

use super::{
    fields::{Entries, Section, Shape, optional, required},
    reader::{Reader, all},
    route::route_name,
};
use crate::{
    fault::Span,
    rules,
    source::{SecretPlace, Source},
    yaml::{Kind, Node},
};

/// Secrets of one source at most: two while one is replaced by the other, and some to spare.
const MOST_SECRETS: usize = 10;

/// What the services have for settings of their own; they refuse to start with others.
const SETTINGS: &str = "SIGNALBOX_";

static SECRET: Section = Section {
    what: "a secret",
    doc: "Where the ingress finds a secret: one of the two. Never the secret itself.",
    fields: &[
        optional("env", Shape::Name, "A variable in the environment of the ingress."),
        optional("file", Shape::Name, "The path of a file that the ingress can read, from `/` on."),
    ],
};

static PLACE: Section = Section {
    what: "a place",
    doc: "Where a delivery says something: one of the two.",
    fields: &[
        optional("header", Shape::Name, "A header."),
        optional("pointer", Shape::Name, "A JSON Pointer into the body, `/meta/id`."),
    ],
};

pub(crate) static SOURCE: Section = Section {
    what: "a source",
    doc: "Whose webhooks are taken, at `POST /webhooks/<name>`, as events on `events.<name>.<type>`.",
    fields: &[
        required(
            "name",
            Shape::Name,
            "Name of the source, of its own in the whole set: letters, digits, `-` and `_`.",
        ),
        optional("description", Shape::Name, "What it is for, for people."),
        required("provider", Shape::OneOf(Provider::NAMES), "How its deliveries are signed."),
        required("secrets", Shape::Sections(&SECRET), "What they are signed with: each alone is enough."),
        optional("header", Shape::Name, "For `hmac`, which needs it: the header that has the signature."),
        optional(
            "algorithm",
            Shape::OneOf(&["sha1", "sha256", "sha512"]),
            "For `hmac`: the hash; `sha256`, if it is not said.",
        ),
        optional(
            "encoding",
            Shape::OneOf(&["hex", "base64"]),
            "For `hmac`: how the signature is written; `hex`, if it is not said.",
        ),
        optional("prefix", Shape::Name, "For `hmac`: what stands before the signature, `sha256=`."),
        optional(
            "event_type",
            Shape::Section(&PLACE),
            "For `hmac`, `bearer` and `basic`: what happened. `type` in the body, or `received`, if it is not said.",
        ),
        optional(
            "delivery_id",
            Shape::Section(&PLACE),
            "For `hmac`, `bearer` and `basic`: what is the same when a delivery is sent again. Without it each is another.",
        ),
    ],
};

/// Fields of `hmac` alone, and those of it, `bearer` and `basic`.
const OF_HMAC: [&str; 4] = ["header", "algorithm", "encoding", "prefix"];
const OF_GENERIC: [&str; 2] = ["event_type", "delivery_id"];

/// A source, and where its name stands.
#[derive(Debug)]
pub(crate) struct DeclaredSource {
    pub(crate) source: Source,
    pub(crate) file: Box<str>,
    pub(crate) span: Span,
}

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<DeclaredSource> {
    let entries = reader.section(node, &SOURCE)?;
    let name =
        reader.required(&entries, "name", |reader, node, field| route_name(reader, node, field, "a source"));
    let span = entries.get("name").map(|node| reader.span(node));
    let description =
        reader.optional(&entries, "description", |reader, node, name| reader.text(node, name).map(drop));
    let provider = provider(reader, &entries);
    let secrets = reader.required(&entries, "secrets", secrets);
    description?;
    let source = Source { name: name?, provider: provider?, secrets: secrets? };
    Some(DeclaredSource { source, file: reader.file.into(), span: span? })
}

fn provider(reader: &mut Reader<'_>, entries: &Entries<'_>) -> Option<Provider> {
    let name = reader.word(entries, "provider");
    let form = form(reader, entries);
    let picks = picks(reader, entries);
    let name = name??;
    let misplaced = misplaced(reader, entries, name);
    let (form, picks) = (form?, picks?);
    let provider = match Provider::named(name, picks.clone()) {
        Some(provider) => provider,
        None if form.header.is_empty() => {
            let at = entries.node.at.position;
            let help = "`header` is the one that has the signature".to_owned();
            let (span, message) = (Span { at, length: 1 }, "missing field `header`, which `hmac` needs");
            reader.fault_with_help(span, rules::MISSING_FIELD, message, Some(help));
            return None;
        }
        None => Provider::Hmac(form, picks),
    };
    (!misplaced).then_some(provider)
}

/// Whether there are fields that mean nothing for the provider.
fn misplaced(reader: &mut Reader<'_>, entries: &Entries<'_>, provider: &str) -> bool {
    let of_hmac = OF_HMAC.iter().filter(|_| provider != "hmac").map(|name| (*name, "`hmac`"));
    let generic = ["hmac", "bearer", "basic"].contains(&provider);
    let of_generic =
        OF_GENERIC.iter().filter(|_| !generic).map(|name| (*name, "`hmac`, `bearer` and `basic`"));
    let mut found = false;
    for (name, providers) in of_hmac.chain(of_generic) {
        if let Some(node) = entries.get(name) {
            let message = format!("`{name}` is for {providers}, and means nothing for `{provider}`");
            reader.fault(reader.span(node), rules::VALUE, message);
            found = true;
        }
    }
    found
}

fn form(reader: &mut Reader<'_>, entries: &Entries<'_>) -> Option<Form> {
    let header = reader.optional(entries, "header", header);
    let algorithm = reader.word(entries, "algorithm");
    let encoding = reader.word(entries, "encoding");
    let prefix = reader.optional(entries, "prefix", Reader::name);
    Some(Form {
        header: header?.unwrap_or_default(),
        algorithm: match algorithm? {
            Some("sha1") => Algorithm::Sha1,
            Some("sha512") => Algorithm::Sha512,
            _ => Algorithm::Sha256,
        },
        encoding: if encoding? == Some("base64") { Encoding::Base64 } else { Encoding::Hex },
        prefix: prefix?.unwrap_or_default(),
    })
}

fn picks(reader: &mut Reader<'_>, entries: &Entries<'_>) -> Option<Picks> {
    let event_type = reader.optional(entries, "event_type", place);
    let delivery_id = reader.optional(entries, "delivery_id", place);
    Some(Picks { event_type: event_type?, delivery_id: delivery_id? })
}

fn place(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<Pick> {
    let entries = reader.section(node, &PLACE)?;
    let header = reader.optional(&entries, "header", header)?;
    let pointer = reader.optional(&entries, "pointer", pointer)?;
    match (header, pointer) {
        (Some(header), None) => Some(Pick::Header(header)),
        (None, Some(pointer)) => Some(Pick::Pointer(pointer)),
        _ => {
            let message = format!("`{name}` is a map with one of `header` and `pointer`");
            reader.fault(reader.span(node), rules::VALUE, message);
            None
        }
    }
}

/// The name of a header, in lower case.
fn header(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<String> {
    let text = reader.name(node, name)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.bytes().all(allowed) {
        return Some(text.to_ascii_lowercase());
    }
    reader.fault(
        reader.span(node),
        rules::VALUE,
        format!("`{name}` is the name of a header, such as `X-Signature`"),
    );
    None
}

fn pointer(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<String> {
    let text = reader.name(node, name)?;
    if text.starts_with('/') {
        return Some(text);
    }
    reader.fault(
        reader.span(node),
        rules::VALUE,
        format!("`{name}` is a JSON Pointer: `/` before each part"),
    );
    None
}

fn secrets(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<Vec<SecretPlace>> {
    let items = reader.list(node, name)?;
    if items.is_empty() || items.len() > MOST_SECRETS {
        let message = format!("a source has 1 to {MOST_SECRETS} secrets");
        reader.fault(reader.span(node), rules::VALUE, message);
    }
    all(items.iter().map(|item| secret(reader, item)))
}

fn secret(reader: &mut Reader<'_>, node: &Node) -> Option<SecretPlace> {
    if matches!(node.kind, Kind::Text(_) | Kind::Number(_)) {
        let help = "say where it is: `{ env: NAME }`, or `{ file: /run/secrets/name }`".to_owned();
        reader.fault_with_help(
            reader.span(node),
            rules::INLINE_SECRET,
            "a secret is written out",
            Some(help),
        );
        return None;
    }
    let entries = reader.section(node, &SECRET)?;
    let env = reader.optional(&entries, "env", variable)?;
    let file = reader.optional(&entries, "file", path)?;
    match (env, file) {
        (Some(name), None) => Some(SecretPlace::Env(name)),
        (None, Some(path)) => Some(SecretPlace::File(path)),
        _ => {
            reader.fault(reader.span(node), rules::VALUE, "a secret is in one place, `env` or `file`");
            None
        }
    }
}

fn variable(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<String> {
    let text = reader.name(node, name)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let why = if !text.chars().all(allowed) || text.starts_with(|c: char| c.is_ascii_digit()) {
        "is the name of a variable: letters, digits and `_`"
    } else if text.starts_with(SETTINGS) {
        "has another beginning than `SIGNALBOX_`: those are settings, and unknown ones stop the start"
    } else {
        return Some(text);
    };
    reader.fault(reader.span(node), rules::VALUE, format!("`{name}` {why}"));
    None
}

fn path(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<String> {
    let text = reader.name(node, name)?;
    if text.starts_with('/') {
        return Some(text);
    }
    reader.fault(reader.span(node), rules::VALUE, format!("`{name}` is a path from `/` on"));
    None
}
