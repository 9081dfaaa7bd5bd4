//! Text for people: what comes from outside cannot steer the terminal, colours are left out where there is none.

mod rows;
pub mod time;

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
pub use rows::{Details, Table, line};

/// Of headings and names.
pub const BOLD: Style = Style::new().bold();

/// Of what matters less.
pub const DIM: Style = Style::new().dimmed();

/// A text with a style.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A text in a style.
    pub fn new(style: Style, text: impl AsRef<str>) -> Self {
        Self { text: clean(text.as_ref()), style }
    }

    /// A status or result, in the colour of its meaning.
    pub fn status(word: impl AsRef<str>) -> Self {
        Self::new(colour_of(word.as_ref()), word)
    }

    /// The same, as a part of what is above.
    pub fn indented(self) -> Self {
        Self { text: format!("└ {}", self.text), ..self }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    /// The text, and spaces up to this width.
    pub fn padded(&self, width: usize) -> String {
        let Self { text, style } = self;
        format!("{style}{text}{style:#}{:padding$}", "", padding = width.saturating_sub(self.width()))
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(Style::new(), text)
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.padded(0))
    }
}

/// The colour that a status has everywhere.
fn colour_of(word: &str) -> Style {
    let colour = match word {
        "create" | "ok" | "started" | "signalled" | "sent" | "stop sent" | "matched" | "running"
        | "completed" | "scheduled" | "resumed" | "triggered" | "changed" | "backfilled" | "deleted"
        | "stored" | "updated" | "active" | "answered" | "published" | "redriven" | "happened" => {
            AnsiColor::Green
        }
        "change" | "conflict" | "warning" | "retrying" | "parked" | "dropped" | "paused" | "accepted"
        | "pending" | "unmatched" | "expired" | "revoked" | "terminated" | "canceled" | "cancelled"
        | "deduplicated" => AnsiColor::Yellow,
        "fault" | "refused" | "dead" | "left" | "failed" | "timed_out" | "no event" => AnsiColor::Red,
        _ => return Style::new(),
    };
    colour.on_default()
}

/// JSON on several lines.
pub fn json(value: &serde_json::Value) -> String {
    // The lines are of the form itself: within a text JSON writes them out.
    lines(&format!("{value:#}"))
}

/// The text with its lines as they are, and nothing else that would steer the terminal.
pub fn lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

/// The text on one line, with control characters written out.
fn clean(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut clean, character| {
        if character.is_control() {
            let _ = write!(clean, "{}", character.escape_default());
        } else {
            clean.push(character);
        }
        clean
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_steers_the_terminal() {
        let cell = Cell::from("red\x1b[31m\r\n\u{9b}2J").to_string();
        assert_eq!(cell, "red\\u{1b}[31m\\r\\n\\u{9b}2J");
        assert_eq!(json(&serde_json::json!(["a\u{9b}\n"])), "[\n  \"a\\u{9b}\\n\"\n]");
    }

    #[test]
    fn a_status_has_its_colour() {
        assert_eq!(Cell::status("dead").to_string(), "\u{1b}[31mdead\u{1b}[0m");
        assert_eq!(Cell::status("else").to_string(), "else");
    }
}
