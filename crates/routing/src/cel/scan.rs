//! Finds `${ … }` in texts. CEL's texts and comments may hold braces, so they are stepped over.

/// The bytes of a CEL expression that are in none of its texts and comments, with their offsets.
pub(crate) struct Code<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Code<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The offset behind the text literal that starts here; the end of everything if it is unfinished.
    fn end_of_literal(&self, quote: u8) -> usize {
        let bytes = self.text.as_bytes();
        let raw = self.has_raw_prefix();
        let triple = bytes.get(self.at..self.at + 3).is_some_and(|three| three.iter().all(|b| *b == quote));
        let closing = if triple { 3 } else { 1 };
        let mut at = self.at + closing;
        while let Some(byte) = bytes.get(at) {
            let ahead = bytes.get(at..at + closing);
            if *byte == b'\\' && !raw {
                at += 2;
            } else if ahead.is_some_and(|ahead| ahead.iter().all(|b| *b == quote)) {
                return at + closing;
            } else {
                at += 1;
            }
        }
        bytes.len()
    }

    /// Whether the literal that starts here is raw (`r"…"`): in such a one, `\` is an ordinary character.
    fn has_raw_prefix(&self) -> bool {
        let before = self.text.get(..self.at).unwrap_or_default();
        let word = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        matches!(word.to_ascii_lowercase().as_str(), "r" | "br" | "rb")
    }
}

impl Iterator for Code<'_> {
    type Item = (usize, u8);

    fn next(&mut self) -> Option<(usize, u8)> {
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            match *rest.first()? {
                quote @ (b'"' | b'\'') => self.at = self.end_of_literal(quote),
                b'/' if rest.get(1) == Some(&b'/') => {
                    self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                }
                byte => {
                    self.at += 1;
                    return Some((self.at - 1, byte));
                }
            }
        }
    }
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    /// Text that stands for itself.
    Text(String),
    /// What is between `${` and `}`, and its offset in the text, in bytes.
    Expression(usize, &'t str),
}

/// A `${` without its `}`, and its offset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unclosed(pub(crate) usize);

/// Takes a text apart. `$${` stands for `${`; a `$` elsewhere is just that.
pub(crate) fn split(text: &str) -> Result<Vec<Piece<'_>>, Unclosed> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("$${") {
            plain.push_str("${");
            at += 3;
        } else if let Some(inner) = rest.strip_prefix("${") {
            let end = closing_brace(inner).ok_or(Unclosed(at))?;
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Expression(at + 2, inner.get(..end).unwrap_or_default()));
            at += 2 + end + 1;
        } else {
            let next =
                rest.char_indices().skip(1).find(|(_, c)| *c == '$').map_or(rest.len(), |(index, _)| index);
            plain.push_str(rest.get(..next).unwrap_or_default());
            at += next;
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, byte) in Code::of(text) {
        match byte {
            b'{' => open += 1,
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(text: &str) -> String {
        let show = |piece: &Piece<'_>| match piece {
            Piece::Text(text) => format!("<{text}>"),
            Piece::Expression(offset, text) => format!("{offset}[{text}]"),
        };
        split(text).map_or_else(|Unclosed(at)| format!("unclosed {at}"), |p| p.iter().map(show).collect())
    }

    #[test]
    fn braces_are_matched_as_cel_reads_them() {
        assert_eq!(show("order-${ a }/x"), "<order->8[ a ]</x>");
        assert_eq!(show("${a}${b}"), "2[a]6[b]");
        assert_eq!(show(r#"${ {"a": {"b": 1}} }"#), r#"2[ {"a": {"b": 1}} ]"#);
        assert_eq!(show(r#"${ "}" + '{' }"#), r#"2[ "}" + '{' ]"#);
        assert_eq!(show(r#"${ "\"}" }"#), r#"2[ "\"}" ]"#);
        assert_eq!(show(r#"${ r"\" }"#), r#"2[ r"\" ]"#);
        assert_eq!(show(r#"${ """ "} """ }"#), r#"2[ """ "} """ ]"#);
        assert_eq!(show("${ a // }\n }"), "2[ a // }\n ]");
    }

    #[test]
    fn dollars_are_plain_unless_a_brace_follows() {
        assert_eq!(show("$5 and $$ and $"), "<$5 and $$ and $>");
        assert_eq!(show("$${ a } ${b}"), "<${ a } >10[b]");
        assert_eq!(show("größe$${"), "<größe${>");
        assert_eq!(show(""), "");
    }

    #[test]
    fn an_unclosed_expression_is_found() {
        assert_eq!(show("a ${ b"), "unclosed 2");
        assert_eq!(show("${ '} "), "unclosed 0");
        assert_eq!(show("${ {} "), "unclosed 0");
    }

    proptest! {
        #[test]
        fn any_text_comes_apart_and_together(text in "([$]|[{}\"'\\\\r/]|[a-zä\n]){0,40}") {
            if let Ok(pieces) = split(&text) {
                let whole: String = pieces.iter().map(|piece| match piece {
                    Piece::Text(text) => text.replace("${", "$${"),
                    Piece::Expression(offset, inner) => {
                        assert_eq!(text.get(*offset..offset + inner.len()), Some(*inner));
                        format!("${{{inner}}}")
                    }
                }).collect();
                prop_assert_eq!(whole, text);
            }
        }
    }
}
