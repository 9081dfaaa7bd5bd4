//! Secrets have no place in a file that is read, copied and kept in version control.

use std::sync::LazyLock;

use regex::RegexSet;

use crate::{
    language::reader::Reader,
    rules,
    yaml::{Key, Kind, Node},
};

/// What keys of well-known makers look like.
static WELL_KNOWN: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    let patterns = [
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
        r"\b[sr]k_live_[0-9A-Za-z]{16,}",
        r"\bwhsec_[0-9A-Za-z+/=]{16,}",
        r"\bgh[oprsu]_[0-9A-Za-z]{30,}",
        r"\bgithub_pat_[0-9A-Za-z_]{30,}",
        r"\bglpat-[0-9A-Za-z_-]{16,}",
        r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}",
        r"\bshp(at|ss|ca|pa)_[0-9A-Fa-f]{16,}",
        r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
        r"\bAIza[0-9A-Za-z_-]{35}\b",
        r"\bnpm_[0-9A-Za-z]{30,}",
        r"\bSU[A-Z2-7]{56}\b",
        r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}",
    ];
    RegexSet::new(patterns).ok()
});

/// What fields are called that hold one.
const TELLING: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "private_key",
    "authorization",
];

/// A shorter text is no secret worth the name.
const SHORTEST: usize = 8;

/// Notes every secret that is written out anywhere in a file. The fault does not show it.
pub(crate) fn scan(reader: &mut Reader<'_>, node: &Node) {
    match &node.kind {
        Kind::Text(text) if WELL_KNOWN.as_ref().is_some_and(|known| known.is_match(text)) => {
            note(reader, node, "this looks like a secret key");
        }
        Kind::List(items) => items.iter().for_each(|item| scan(reader, item)),
        Kind::Map(entries) => entries.iter().for_each(|(key, value)| match &value.kind {
            Kind::Text(text) if is_telling(key) && text.len() >= SHORTEST && !text.contains("${") => {
                note(reader, value, &format!("`{}` is written out", key.name));
            }
            _ => scan(reader, value),
        }),
        _ => {}
    }
}

fn is_telling(key: &Key) -> bool {
    let name = key.name.to_ascii_lowercase().replace('-', "_");
    TELLING.iter().any(|telling| name == *telling || name.ends_with(&format!("_{telling}")))
}

fn note(reader: &mut Reader<'_>, node: &Node, message: &str) {
    let help = "keep it with the worker that needs it, in its environment or a secret store".to_owned();
    reader.fault_with_help(reader.span(node), rules::INLINE_SECRET, message, Some(help));
}
