//! What a text with expressions in it has to be, and whether it is that for every event that may come.

use signalbox_domain::{EventSubject, ScheduleId, SignalAll, Source, WorkflowId};

use super::reader::MAX_NAME;
use crate::cel::types::{Text, Type};

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Any text will do.
    Anything,
    /// A name that Temporal takes.
    Name,
    WorkflowId,
    ScheduleId,
    Subject,
    Source,
    /// A visibility query, in which texts of the event are quoted.
    Query,
}

/// A part of the text, as it is known for one kind of event.
pub(super) enum Seen<'t> {
    Plain(&'t str),
    Value(&'t Text),
}

/// What is wrong with it, and at which part, if it is one part.
pub(super) struct Misfit {
    pub(super) part: Option<usize>,
    pub(super) what: String,
    pub(super) help: Option<String>,
}

impl Wanted {
    /// The function that makes a text fit.
    fn remedy(self) -> &'static str {
        if self == Self::Subject { "token" } else { "id" }
    }

    fn most_bytes(self) -> u64 {
        let most = match self {
            Self::Anything => return u64::MAX,
            Self::Name => MAX_NAME,
            Self::WorkflowId => WorkflowId::LIMIT,
            Self::ScheduleId => ScheduleId::LIMIT,
            Self::Subject => 512,
            Self::Source => Source::LIMIT,
            Self::Query => SignalAll::MAX_QUERY,
        };
        most as u64
    }

    /// What is wrong with a text that has no expressions, or whose expressions have been evaluated.
    pub(super) fn refuse(self, text: &str) -> Option<String> {
        match self {
            Self::Anything | Self::Name if text.is_empty() => Some("it is empty".to_owned()),
            Self::Anything => None,
            Self::Name if text.len() > MAX_NAME => {
                Some(format!("it has {} bytes; at most {MAX_NAME} are allowed", text.len()))
            }
            Self::Name => text.chars().any(char::is_control).then(|| "it has control characters".to_owned()),
            Self::Query => (text.len() > SignalAll::MAX_QUERY).then(|| {
                format!("it has {} bytes; at most {} are allowed", text.len(), SignalAll::MAX_QUERY)
            }),
            Self::WorkflowId => text.parse::<WorkflowId>().err().map(|bad| bad.to_string()),
            Self::ScheduleId => text.parse::<ScheduleId>().err().map(|bad| bad.to_string()),
            Self::Subject => text.parse::<EventSubject>().err().map(|bad| bad.to_string()),
            Self::Source => text.parse::<Source>().err().map(|bad| bad.to_string()),
        }
    }

    /// What may be wrong with it for some event.
    pub(super) fn doubt(self, parts: &[Seen<'_>]) -> Option<Misfit> {
        if self == Self::Anything {
            return None;
        }
        self.length(parts).or_else(|| match self {
            Self::Query | Self::Anything => None,
            Self::Subject => self.subject(parts),
            _ => self.tidiness(parts),
        })
    }

    fn length(self, parts: &[Seen<'_>]) -> Option<Misfit> {
        let quotes =
            |bytes: u64| if self == Self::Query { bytes.saturating_mul(2).saturating_add(2) } else { bytes };
        let bytes = |part: &Seen<'_>| match part {
            Seen::Plain(text) => text.len() as u64,
            Seen::Value(text) => quotes(text.most_bytes()),
        };
        let most = self.most_bytes();
        if parts.iter().map(bytes).fold(0_u64, u64::saturating_add) > most {
            let values = parts.iter().enumerate().filter(|(_, part)| matches!(part, Seen::Value(_)));
            let longest = values.max_by_key(|(_, part)| bytes(part)).map(|(at, _)| at);
            let help = format!(
                "use `{}(…)`, or give it a `maxLength` in the schema (a character has up to 4 bytes)",
                self.remedy()
            );
            let what = format!("it may have more than {most} bytes");
            return Some(Misfit { part: longest, what, help: Some(help) });
        }
        let least = |part: &Seen<'_>| match part {
            Seen::Plain(text) => text.len() as u64,
            Seen::Value(text) => text.min_len,
        };
        if self != Self::Query && parts.iter().map(least).sum::<u64>() == 0 {
            return Some(self.misfit(Some(0), "it may be empty", "a `minLength`"));
        }
        None
    }

    /// No control characters, and no white space at the ends.
    fn tidiness(self, parts: &[Seen<'_>]) -> Option<Misfit> {
        let untidy = parts.iter().position(|part| match part {
            Seen::Plain(text) => text.chars().any(char::is_control),
            Seen::Value(text) => !text.tidy,
        });
        if let Some(at) = untidy {
            let what = "it may have control characters, or white space at its ends";
            return Some(self.misfit(Some(at), what, "a `pattern`, such as `^[a-z0-9-]+$`,"));
        }
        if self == Self::Name {
            return None;
        }
        let padded = ends(parts.iter()).any(|text| text.starts_with(char::is_whitespace))
            || ends(parts.iter().rev()).any(|text| text.ends_with(char::is_whitespace));
        let help = Some("leave the white space out".to_owned());
        padded.then(|| Misfit { part: None, what: "it may begin or end with white space".to_owned(), help })
    }

    fn subject(self, parts: &[Seen<'_>]) -> Option<Misfit> {
        let odd = parts.iter().position(|part| match part {
            Seen::Plain(_) => false,
            Seen::Value(text) => !text.subject || text.min_len == 0,
        });
        if let Some(at) = odd {
            let what = "it may be empty, or have characters that a subject cannot have";
            return Some(self.misfit(Some(at), what, "a `pattern`, such as `^[a-z0-9-]+$`,"));
        }
        let example: String = parts
            .iter()
            .map(|part| match part {
                Seen::Plain(text) => text,
                Seen::Value(_) => "x",
            })
            .collect();
        let bad = example.parse::<EventSubject>().err()?;
        Some(Misfit { part: None, what: bad.to_string(), help: None })
    }

    fn misfit(self, part: Option<usize>, what: &str, schema: &str) -> Misfit {
        let help = format!("use `{}(…)`, or give it {schema} in the schema", self.remedy());
        Misfit { part, what: what.to_owned(), help: Some(help) }
    }
}

/// The plain texts that may be the first of the parts.
fn ends<'a>(parts: impl Iterator<Item = &'a Seen<'a>>) -> impl Iterator<Item = &'a str> {
    let mut over = false;
    parts.map_while(move |part| {
        if over {
            return None;
        }
        match part {
            Seen::Plain(text) => {
                over = true;
                Some(*text)
            }
            Seen::Value(text) => {
                over = text.min_len > 0;
                Some("")
            }
        }
    })
}

/// The texts that a value becomes as a part of a text. `None` if some of its values become none.
pub(super) fn written(kind: &Type) -> Option<Text> {
    let texts = kind.alternatives().iter().map(|one| match one {
        Type::String(text) => Some(text.clone()),
        Type::Number(_) => Some(Text::plain(1, 25)),
        Type::Bool(_) => Some(Text::only(["true", "false"])),
        _ => None,
    });
    let texts: Vec<Text> = texts.collect::<Option<_>>()?;
    if texts.is_empty() {
        return Some(Text::only([]));
    }
    match Type::union(texts.into_iter().map(Type::String)) {
        Type::String(text) => Some(text),
        _ => None,
    }
}

/// Whether any of its values can be a part of a text.
pub(super) fn may_be_written(kind: &Type) -> bool {
    let scalar = |one: &Type| matches!(one, Type::Dyn | Type::String(_) | Type::Number(_) | Type::Bool(_));
    kind.is_never() || kind.alternatives().iter().any(scalar)
}
