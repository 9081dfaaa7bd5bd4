//! Faults for people: the line, a caret, and what to do.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use signalbox_routing::{Fault, INLINE_SECRET, Severity, Span};

use super::Checked;

/// All faults, and a line that sums up.
pub fn report(checked: &Checked, files: &[(String, String)]) -> String {
    let files = without_secrets(files, &checked.faults);
    let mut text: String = checked.faults.iter().map(|fault| shown(fault, &files) + "\n\n").collect();
    text.push_str(&summary(checked, files.len()));
    text
}

/// The files, with stars for what must not be shown: a log of this may be read by others.
fn without_secrets(files: &[(String, String)], faults: &[Fault]) -> Vec<(String, String)> {
    let mut files = files.to_vec();
    for fault in faults.iter().filter(|fault| fault.rule == INLINE_SECRET) {
        if let Some((_, text)) = files.iter_mut().find(|(name, _)| *name == fault.file) {
            let place = bytes(text, fault.span);
            let stars = "*".repeat(text.get(place.clone()).unwrap_or_default().chars().count());
            text.replace_range(place, &stars);
        }
    }
    files
}

fn shown(fault: &Fault, files: &[(String, String)]) -> String {
    let level = match fault.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let source = files.iter().find(|(name, _)| *name == fault.file).map_or("", |(_, text)| text);
    let place = AnnotationKind::Primary.span(bytes(source, fault.span));
    let snippet = Snippet::source(source).path(&fault.file).annotation(place);
    let mut group = Group::with_title(level.primary_title(&fault.message).id(fault.rule)).element(snippet);
    if let Some(help) = &fault.help {
        group = group.element(Level::HELP.message(help));
    }
    // Colours are taken out later, where standard output is no terminal.
    Renderer::styled().render(&[group])
}

/// The bytes of a span; at the end of the text if it is not in there.
fn bytes(source: &str, span: Span) -> Range<usize> {
    let start: usize = source.split_inclusive('\n').take(span.at.line - 1).map(str::len).sum();
    let line = source.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    let at = |column: usize| line.char_indices().nth(column).map_or(line.len(), |(byte, _)| byte);
    let first = span.at.column - 1;
    start + at(first)..start + at(first + span.length)
}

fn summary(checked: &Checked, files: usize) -> String {
    let count = |severity| checked.faults.iter().filter(|fault| fault.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let found =
        [counted(errors, "error"), counted(warnings, "warning")].into_iter().flatten().collect::<Vec<_>>();
    let looked_at = format!("{files} {}", if files == 1 { "file" } else { "files" });
    match (checked.routes, found.is_empty()) {
        (Some(routes), true) => format!("{routes} routes in {looked_at}, no faults"),
        (Some(routes), false) => format!("{routes} routes in {looked_at}: {}", found.join(", ")),
        (None, _) => format!("{looked_at}: {}", found.join(", ")),
    }
}

fn counted(count: usize, what: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        many => Some(format!("{many} {what}s")),
    }
}
