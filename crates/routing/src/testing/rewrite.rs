//! Writes expectations into files, and leaves all else in them as it is.

use std::{ops::Range, str::CharIndices};

use serde_json::Value;

use crate::{fault::Position, language::tests::ExpectPlace, rendered::to_yaml};

/// What is written instead of what is there.
#[derive(Debug)]
pub(crate) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

/// The text with all edits made, which do not overlap.
pub(crate) fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.range.start));
    let mut text = text.to_owned();
    for edit in edits {
        text.replace_range(edit.range, &edit.text);
    }
    text
}

/// Writes `expect` where it stands, or at the end of its test. `None` where that cannot be seen, such as behind an alias.
pub(crate) fn edit(text: &str, place: ExpectPlace, expect: &[Value]) -> Option<Edit> {
    let test = text.get(place.test..)?;
    match (place.value, test.starts_with('{')) {
        (Some((_, value)), true) => {
            Some(Edit { range: value..flow_end(text, value)?, text: flow_list(expect) })
        }
        (None, true) => {
            let last = flow_end(text, place.test)?.checked_sub(1)?;
            let end = text.get(..last)?.trim_end().len();
            Some(Edit { range: end..end, text: format!(", expect: {}", flow_list(expect)) })
        }
        (Some((key, value)), false) => instead(text, key, value, expect),
        (None, false) => {
            let indent = column(text, place.test);
            let end = block_end(text, place.test, indent, false);
            let line = if text.get(..end)?.ends_with('\n') { "" } else { "\n" };
            let text = format!("{line}{}expect:{}", " ".repeat(indent), block(expect, indent + 2));
            Some(Edit { range: end..end, text })
        }
    }
}

/// In a test that is written in lines.
fn instead(text: &str, key: Position, value: usize, expect: &[Value]) -> Option<Edit> {
    let indent = key.column - 1;
    let lines: usize = text.split_inclusive('\n').take(key.line - 1).map(str::len).sum();
    let key = lines + text.get(lines..)?.char_indices().skip(indent).find(|(_, c)| *c == ':')?.0;
    let from = text.get(..value)?.rfind('\n').map_or(0, |at| at + 1);
    let first = text.get(from..)?;
    match text.get(value..)?.chars().next()? {
        '[' => {
            let end = flow_end(text, value)?;
            // What is said behind it stays in its line.
            let line = text.get(end..)?.find('\n').map_or(text.len(), |at| end + at);
            let rest = text.get(end..line)?.trim_end();
            let range = key + 1..(line + 1).min(text.len());
            let text = match expect {
                [] => format!(" []{rest}\n"),
                some => format!("{rest}{}", block(some, indent + 2)),
            };
            Some(Edit { range, text })
        }
        // Of a list that is not indented, the place is that of the first item.
        _ if first.trim_start().starts_with('-') => {
            let items = first.len() - first.trim_start().len();
            let end = block_end(text, from + items, items, true);
            match expect {
                [] => {
                    let between = text.get(key + 1..from)?.trim_end_matches('\n');
                    Some(Edit { range: key + 1..end, text: format!(" []{between}\n") })
                }
                some => {
                    let text = block(some, items).trim_start_matches('\n').to_owned();
                    Some(Edit { range: from..end, text })
                }
            }
        }
        _ => None,
    }
}

/// A list, from the end of its key's line on.
fn block(list: &[Value], indent: usize) -> String {
    if list.is_empty() {
        return " []\n".to_owned();
    }
    let lines = to_yaml(list);
    let lines = lines.trim_end().lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("{}{line}\n", " ".repeat(indent)),
    });
    format!("\n{}", lines.collect::<String>())
}

/// A list in one line.
fn flow_list(list: &[Value]) -> String {
    flow(&Value::Array(list.to_vec()))
}

fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) if items.is_empty() => "[]".to_owned(),
        Value::Array(items) => format!("[ {} ]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| format!("{}: {}", word(name), flow(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::String(text) => word(text),
        other => other.to_string(),
    }
}

/// A text that means itself without quotes, or with them.
pub(super) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let taken = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if first && text.chars().all(plain) && !taken.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    Value::from(text).to_string()
}

/// How many characters stand before this place in its line.
fn column(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rsplit('\n').next().unwrap_or_default().chars().count()
}

/// Where the brackets close that open at `start`. Quotes begin a text only where a value can begin.
fn flow_end(text: &str, start: usize) -> Option<usize> {
    let (mut depth, mut before, mut last) = (0_usize, ',', ' ');
    let mut characters = text.get(start..)?.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.checked_sub(1)?,
            '"' | '\'' if matches!(before, ',' | ':' | '[' | '{') => skip_quoted(&mut characters, character),
            '#' if last.is_whitespace() => drop(characters.find(|(_, character)| *character == '\n')),
            _ => {}
        }
        if depth == 0 {
            return Some(start + at + 1);
        }
        last = character;
        if !character.is_whitespace() && character != '#' {
            before = character;
        }
    }
    None
}

/// Where the text ends whose opening quote is the first character.
pub(super) fn quoted_end(text: &str) -> Option<usize> {
    let mut characters = text.char_indices();
    let (_, quote) = characters.next()?;
    skip_quoted(&mut characters, quote);
    Some(text.len() - characters.as_str().len())
}

/// Goes behind the closing quote. Two single quotes are one within a text.
fn skip_quoted(characters: &mut CharIndices<'_>, quote: char) {
    while let Some((_, character)) = characters.next() {
        match character {
            '\\' if quote == '"' => drop(characters.next()),
            end if end == quote && !(quote == '\'' && characters.as_str().starts_with('\'')) => return,
            '\'' if quote == '\'' => drop(characters.next()),
            _ => {}
        }
    }
}

/// Where a block ends whose first line begins at `start` and whose entries stand at `indent`: behind its last line that
/// says something. Entries of a list begin with `-`.
fn block_end(text: &str, start: usize, indent: usize, list: bool) -> usize {
    let (mut end, mut at) = (start, start);
    for line in text.get(start..).unwrap_or_default().split_inclusive('\n') {
        let said = line.trim_start();
        // The first line begins behind its indentation.
        let here = if at == start { indent } else { line.len() - said.len() };
        let goes_on = match said {
            "" => None,
            comment if comment.starts_with('#') => None,
            entry => Some(here > indent || here == indent && list == entry.starts_with('-')),
        };
        match goes_on {
            Some(false) => break,
            Some(true) => end = at + line.len(),
            None => {}
        }
        at += line.len();
    }
    end
}

#[cfg(test)]
mod tests {
    use crate::{RouteSet, Suite};

    const ROUTES: &str = "version: 1\nroutes:\n  - name: a\n    on: events.a.*\n    signal:\n      workflow_id: w-${ event.data.n }\n      name: s\n      args: [ \"${ event.data.t }\" ]\n";

    /// The file after all tests in it were updated; all pass then.
    fn updated(tests: &str) -> String {
        let load = |text: &str| Suite::load([("a.yaml".to_owned(), text.to_owned())]).unwrap();
        let text = format!("{ROUTES}{tests}");
        let suite = load(&text);
        let results = suite.run(|_| true);
        let mut files = suite.updated(&results);
        let (_, text) = files.pop().unwrap();
        for result in load(&text).run(|_| true) {
            assert!(result.passed(), "{text}\n{result:#?}");
        }
        RouteSet::load([("a.yaml".to_owned(), text.clone())]).unwrap();
        text.strip_prefix(ROUTES).unwrap().to_owned()
    }

    #[test]
    fn only_what_is_expected_changes() {
        insta::assert_snapshot!(updated(r#"
tests: # all of them
  # The first.
  - name: one   # in lines
    event: { subject: events.a.b, data: { n: 1, t: "x: #y" } }
    expect: # here
      - signal:
          # its id
          workflow_id: other
          args: [ 7 ]

  # The second.
  - name: two
    expect: []  # nothing?
    event: { subject: events.a.b, data: { n: 2, t: "a\nb\n\nc" } }
  - name: three
    expect: [ { signal: { name: "]", workflow_id: '}' } } ] # so
    event: { subject: events.a.b, data: { n: 3, t: null } }
  - { name: four, event: { subject: events.a.b, data: { n: 4, t: {} } }, expect: [ ] } # flow
  - { name: five, event: { subject: events.a.b, data: { n: 5, t: "no" } } }
  - name: half
    event: { subject: events.a.b, data: { n: 8, t: [ a, "b: c", 7, null, true ] } }
    expect: [ { signal: { workflow_id: 'w''8', name: s, args: [ [ b, c, 8, x, false ] ] } } ] # keeps its form
  - name: lines
    event: { subject: events.a.b, data: { n: 9, t: ok } }
    expect:
      - signal:
          # Its id.
          workflow_id: no   # not yet
          args:
            - "not
              ok"
            # The end.
  - name: six
    event:
      subject: events.b
    expect:
    - signal: { name: a }
    - signal: { name: b }
  - name: seven
    event:
      subject: events.a.b
      data: { n: 7, t: [ 1, { k: v } ] }
# The end.
"#), @r#"

        tests: # all of them
          # The first.
          - name: one   # in lines
            event: { subject: events.a.b, data: { n: 1, t: "x: #y" } }
            expect: # here
              - signal:
                  # its id
                  workflow_id: w-1
                  args: [ "x: #y" ]

          # The second.
          - name: two
            expect:  # nothing?
              - signal:
                  workflow_id: w-2
                  name: s
                  args:
                    - |-
                      a
                      b

                      c
            event: { subject: events.a.b, data: { n: 2, t: "a\nb\n\nc" } }
          - name: three
            expect: [ { signal: { name: s, workflow_id: w-3 } } ] # so
            event: { subject: events.a.b, data: { n: 3, t: null } }
          - { name: four, event: { subject: events.a.b, data: { n: 4, t: {} } }, expect: [ { signal: { workflow_id: w-4, name: s, args: [ {} ] } } ] } # flow
          - { name: five, event: { subject: events.a.b, data: { n: 5, t: "no" } }, expect: [ { signal: { workflow_id: w-5, name: s, args: [ "no" ] } } ] }
          - name: half
            event: { subject: events.a.b, data: { n: 8, t: [ a, "b: c", 7, null, true ] } }
            expect: [ { signal: { workflow_id: w-8, name: s, args: [ [ a, "b: c", 7, null, true ] ] } } ] # keeps its form
          - name: lines
            event: { subject: events.a.b, data: { n: 9, t: ok } }
            expect:
              - signal:
                  workflow_id: w-9
                  args:
                    - ok
                    # The end.
          - name: six
            event:
              subject: events.b
            expect: []
          - name: seven
            event:
              subject: events.a.b
              data: { n: 7, t: [ 1, { k: v } ] }
            expect:
              - signal:
                  workflow_id: w-7
                  name: s
                  args:
                    - - 1
                      - k: v
        # The end.
        "#);
    }
}
