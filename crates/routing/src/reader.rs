//! Reads the parts of a route file and notes every fault on the way.

use serde_json::Value;

use crate::{
    expression::Expression,
    fault::{Fault, Position, did_you_mean},
    scan::{Piece, Unclosed, split},
    template::{Part, Template, Text},
    yaml::{Kind, Node},
};

/// The longest name of a workflow type, task queue or signal, in bytes.
const MAX_NAME: usize = 255;

/// Reads one file. Its methods return `None` after noting a fault, so that one run finds all of them.
pub(crate) struct Reader<'f> {
    file: &'f str,
    source: &'f str,
    faults: Vec<Fault>,
}

impl<'f> Reader<'f> {
    pub(crate) fn new(file: &'f str, source: &'f str) -> Self {
        Self { file, source, faults: Vec::new() }
    }

    pub(crate) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    pub(crate) fn fault(&mut self, at: Position, message: impl Into<String>) {
        self.faults.push(Fault { file: self.file.to_owned(), at, message: message.into() });
    }

    fn refuse(&mut self, node: &Node, what: &str, wanted: &str) {
        self.fault(node.at.position, format!("{what} is {wanted}, not {}", node.kind.name()));
    }

    /// The entries of a map by name. Others than the known ones are faults. `what` names the map in faults.
    pub(crate) fn fields<'n, const N: usize>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: [&str; N],
    ) -> Option<[Option<&'n Node>; N]> {
        let Kind::Map(entries) = &node.kind else {
            self.refuse(node, what, "a map");
            return None;
        };
        let mut found = [None; N];
        for (key, value) in entries {
            match known.iter().position(|field| *field == key.name).and_then(|index| found.get_mut(index)) {
                Some(slot) => *slot = Some(value),
                None => {
                    let hint = match did_you_mean(&key.name, known) {
                        hint if hint.is_empty() => format!("; known are `{}`", known.join("`, `")),
                        hint => hint,
                    };
                    self.fault(key.at, format!("unknown field `{}`{hint}", key.name));
                }
            }
        }
        Some(found)
    }

    /// A field that must be there; `parent` is the map that it is missing from.
    pub(crate) fn required<'n>(
        &mut self,
        field: Option<&'n Node>,
        parent: &Node,
        name: &str,
    ) -> Option<&'n Node> {
        if field.is_none() {
            self.fault(parent.at.position, format!("missing field `{name}`"));
        }
        field
    }

    pub(crate) fn list<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n [Node]> {
        match &node.kind {
            Kind::List(items) => Some(items),
            _ => {
                self.refuse(node, &format!("`{name}`"), "a list");
                None
            }
        }
    }

    pub(crate) fn text<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n str> {
        match &node.kind {
            Kind::Text(text) => Some(text),
            _ => {
                self.refuse(node, &format!("`{name}`"), "a text");
                None
            }
        }
    }

    /// A name that is the same for every event.
    pub(crate) fn name(&mut self, node: &Node, name: &str) -> Option<String> {
        let text = self.text(node, name)?;
        let problem = if text.trim().is_empty() {
            "is empty"
        } else if text.len() > MAX_NAME {
            "is longer than 255 bytes"
        } else if text.chars().any(char::is_control) {
            "has control characters"
        } else if text.contains("${") {
            "is the same for every event; `${ … }` has no place in it"
        } else {
            return Some(text.to_owned());
        };
        self.fault(node.at.position, format!("`{name}` {problem}"));
        None
    }

    /// A text that is one expression and nothing else.
    pub(crate) fn expression(&mut self, node: &Node, name: &str) -> Option<Expression> {
        if let Kind::Text(text) = &node.kind
            && let [Piece::Expression(offset, inner)] = self.pieces(node, text.trim_end())?.as_slice()
        {
            return self.compile(node, text, *offset, inner);
        }
        self.fault(node.at.position, format!("`{name}` is one expression, ${{ … }}"));
        None
    }

    /// A text with expressions in it.
    pub(crate) fn text_template(&mut self, node: &Node, name: &str) -> Option<Text> {
        let text = self.text(node, name)?;
        let pieces = self.pieces(node, text)?;
        self.parts(node, text, pieces)
    }

    /// Any value, with expressions in its texts.
    pub(crate) fn template(&mut self, node: &Node) -> Option<Template> {
        match &node.kind {
            Kind::Null => Some(Template::Literal(Value::Null)),
            Kind::Bool(flag) => Some(Template::Literal((*flag).into())),
            Kind::Number(number) => Some(Template::Literal(Value::Number(number.clone()))),
            Kind::Text(text) => self.value_template(node, text),
            Kind::List(items) => self.templates(items).map(Template::List),
            Kind::Map(entries) => {
                let mut all = Some(Vec::with_capacity(entries.len()));
                for (key, value) in entries {
                    if key.name.contains("${") {
                        self.fault(
                            key.at,
                            "the name of an entry is written out; `${ … }` has no place in it",
                        );
                    }
                    all = all.zip(self.template(value)).map(|(mut all, value)| {
                        all.push((key.name.clone(), value));
                        all
                    });
                }
                all.map(Template::Map)
            }
        }
    }

    /// Every item is read, also after a fault.
    pub(crate) fn templates(&mut self, items: &[Node]) -> Option<Vec<Template>> {
        let templates: Vec<_> = items.iter().map(|item| self.template(item)).collect();
        templates.into_iter().collect()
    }

    fn value_template(&mut self, node: &Node, text: &str) -> Option<Template> {
        let pieces = self.pieces(node, text)?;
        match pieces.as_slice() {
            [] => Some(Template::Literal("".into())),
            [Piece::Text(plain)] => Some(Template::Literal(plain.as_str().into())),
            [Piece::Expression(offset, inner)] => {
                self.compile(node, text, *offset, inner).map(Template::Expression)
            }
            _ => self.parts(node, text, pieces).map(Template::Text),
        }
    }

    fn parts(&mut self, node: &Node, text: &str, pieces: Vec<Piece<'_>>) -> Option<Text> {
        let parts: Vec<_> = pieces
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(plain) => Some(Part::Plain(plain)),
                Piece::Expression(offset, inner) => {
                    self.compile(node, text, offset, inner).map(Part::Expression)
                }
            })
            .collect();
        parts.into_iter().collect::<Option<_>>().map(Text)
    }

    fn pieces<'t>(&mut self, node: &Node, text: &'t str) -> Option<Vec<Piece<'t>>> {
        split(text)
            .map_err(|Unclosed(offset)| {
                let at = node.at.inside(self.source, text, offset);
                self.fault(
                    at,
                    "`${` has no `}`; is a text in the expression left open? (`$${` is a plain `${`)",
                );
            })
            .ok()
    }

    fn compile(&mut self, node: &Node, text: &str, offset: usize, inner: &str) -> Option<Expression> {
        Expression::compile(inner)
            .map_err(|bad| {
                let at = node.at.inside(self.source, text, offset + bad.offset);
                self.fault(at, bad.message);
            })
            .ok()
    }
}
