//! Reads values with expressions in them, and checks them for every event that may come.

use serde_json::Value;

use super::{
    prospects::Prospects,
    reader::{Reader, all},
    template::{Part, Span as TimeSpan, Template, Text},
    wanted::{Misfit, Seen, Wanted, may_be_written, written},
};
use crate::{
    cel::{
        expression::{Checked, Expression, Parsed},
        fault::{BadExpression, Flaw},
        scan::{Piece, Unclosed, split},
        types::{self, Type},
    },
    fault::Span,
    rules,
    yaml::{Key, Kind, Node},
};

/// An expression that can run, and what was found of it for each kind of event.
pub(super) struct Compiled {
    pub(super) expression: Expression,
    pub(super) span: Span,
    pub(super) found: Vec<Checked>,
}

/// What was found of an expression, and what is wrong with it.
struct Examined {
    compiled: Compiled,
    faults: Vec<BadExpression>,
}

/// Where an expression stands.
#[derive(Clone, Copy)]
struct Place<'n> {
    node: &'n Node,
    text: &'n str,
    offset: usize,
    inner: &'n str,
}

impl Reader<'_> {
    /// A guard. From here on, what it asks for is known.
    pub(crate) fn guard(&mut self, node: &Node, name: &str) -> Option<Expression> {
        let place = self.alone(node, name)?;
        let examined = self.examine(place);
        let guarded = match &examined {
            Some(examined) if examined.faults.iter().all(|fault| fault.kind == Flaw::NeverTrue) => {
                let found = &examined.compiled.found;
                found.iter().map(|found| found.if_true.clone()).filter(|known| known.is_possible()).collect()
            }
            _ => Vec::new(),
        };
        let never = guarded.is_empty();
        self.prospects = if never { Prospects::nothing() } else { Prospects(guarded) };
        let Examined { compiled, faults } = examined?;
        let only_never_true = faults.iter().all(|fault| fault.kind == Flaw::NeverTrue);
        let rule = if never && only_never_true { rules::NEVER_MATCHES } else { rules::EXPRESSION };
        faults.iter().for_each(|fault| self.expression_fault(place, fault, rule));
        let boolean = compiled.found.iter().all(|found| {
            self.is_kind(&compiled, found, &format!("`{name}`"), "a boolean", &|one| {
                matches!(one, Type::Bool(_))
            })
        });
        if !boolean || !faults.is_empty() {
            return None;
        }
        if never {
            self.fault(compiled.span, rules::NEVER_MATCHES, format!("`{name}` is never true"));
            return None;
        }
        Some(compiled.expression)
    }

    /// Notes a value that is not, or is not certain to be, of a kind.
    fn is_kind(
        &mut self,
        compiled: &Compiled,
        found: &Checked,
        name: &str,
        wanted: &str,
        fits: &dyn Fn(&Type) -> bool,
    ) -> bool {
        let kind = &found.value;
        let (all, any) = (kind.alternatives().iter().all(fits), kind.alternatives().iter().any(fits));
        if all || (!found.if_true.strict && (any || *kind == Type::Dyn)) {
            return true;
        }
        let odd = Type::union(kind.alternatives().iter().filter(|one| !fits(one)).cloned());
        let (message, help) = match kind {
            Type::Dyn => {
                (format!("{name} is {wanted}; the type of this is not declared"), "declare it in the schema")
            }
            _ if any => (
                format!("{name} is {wanted}; this may be {odd}"),
                "ask for its type in `when`, or narrow the schema",
            ),
            _ => (format!("{name} is {wanted}, not {odd}"), ""),
        };
        let help = Some(help.to_owned()).filter(|help| !help.is_empty());
        self.fault_with_help(compiled.span, rules::EXPRESSION, message, help);
        false
    }

    /// The one expression that a text is.
    fn alone<'n>(&mut self, node: &'n Node, name: &str) -> Option<Place<'n>> {
        if let Kind::Text(text) = &node.kind
            && let [Piece::Expression(offset, inner)] = self.pieces(node, text.trim_end())?.as_slice()
        {
            return Some(Place { node, text, offset: *offset, inner });
        }
        self.fault(self.span(node), rules::VALUE, format!("`{name}` is one expression, ${{ … }}"));
        None
    }

    /// Any text with expressions in it.
    pub(crate) fn text_template(&mut self, node: &Node, name: &str) -> Option<Text> {
        self.fitting(node, name, Wanted::Anything)
    }

    /// A text with expressions in it that becomes a name.
    pub(crate) fn name_template(&mut self, node: &Node, name: &str) -> Option<Text> {
        self.fitting(node, name, Wanted::Name)
    }

    /// A text with expressions in it that becomes what is wanted.
    pub(crate) fn fitting(&mut self, node: &Node, name: &str, wanted: Wanted) -> Option<Text> {
        let text = self.text(node, name)?;
        let pieces = self.pieces(node, text)?;
        if pieces.is_empty() {
            self.fault(self.span(node), rules::VALUE, format!("`{name}` is empty"));
            return None;
        }
        let (text, parts) = self.parts(node, text, pieces)?;
        if let Some(why) = text.constant().and_then(|plain| wanted.refuse(plain)) {
            self.fault(self.span(node), rules::VALUE, format!("`{name}`: {why}"));
            return None;
        }
        let known = parts.iter().flatten().map(|part| part.found.len()).min().unwrap_or(0);
        let misfits: Vec<_> = (0..known).filter_map(|at| misfit(&text, &parts, at, wanted)).collect();
        for Misfit { part, what, help } in &misfits {
            let part = part.and_then(|at| parts.get(at)).and_then(Option::as_ref);
            let span = part.map_or_else(|| self.span(node), |part| part.span);
            self.fault_with_help(span, rules::EXPRESSION, format!("`{name}`: {what}"), help.clone());
        }
        misfits.is_empty().then_some(text)
    }

    /// A span of time: `1m30s`, or an expression that is a duration or a number of seconds.
    pub(crate) fn duration(&mut self, node: &Node, name: &str) -> Option<TimeSpan> {
        if let Kind::Text(text) = &node.kind {
            if text.contains("${") {
                let place = self.alone(node, name)?;
                let compiled = self.compile(place)?;
                let fits = |one: &Type| matches!(one, Type::Number(_) | Type::Duration);
                let wanted = "a duration or a number of seconds";
                let name = format!("`{name}`");
                let good = compiled
                    .found
                    .iter()
                    // A text that ends with `s` may be one, where nothing is declared.
                    .all(|found| {
                        !found.if_true.strict || self.is_kind(&compiled, found, &name, wanted, &fits)
                    });
                return good.then_some(TimeSpan::Expression(compiled.expression));
            }
            if let Ok(duration) = humantime::parse_duration(text) {
                return Some(TimeSpan::Fixed(duration));
            }
        }
        let message = format!("`{name}` is a span of time with its units, such as `90s` or `1h 30m`");
        self.fault(self.span(node), rules::VALUE, message);
        None
    }

    /// A map of texts, numbers and booleans.
    pub(crate) fn scalar_map(&mut self, node: &Node, name: &str) -> Option<Vec<(String, Template)>> {
        let map = self.template_map(node, name)?;
        let Kind::Map(entries) = &node.kind else { return None };
        let mut good = true;
        for (key, value) in entries {
            let what = format!("`{}`", key.name);
            match &value.kind {
                Kind::Text(text) => good &= self.scalar(value, text, &what),
                Kind::Number(_) | Kind::Bool(_) => {}
                other => {
                    let message = format!("{what} is a text, a number or a boolean, not {}", other.name());
                    self.fault(self.span(value), rules::VALUE, message);
                    good = false;
                }
            }
        }
        good.then_some(map)
    }

    /// Whether a text, which was read before, is no expression or one of these.
    fn scalar(&mut self, node: &Node, text: &str, name: &str) -> bool {
        let Ok(pieces) = split(text) else { return false };
        let [Piece::Expression(offset, inner)] = pieces.as_slice() else { return true };
        let place = Place { node, text, offset: *offset, inner };
        let Some(compiled) = self.compile(place) else { return false };
        let fits = |one: &Type| {
            matches!(
                one,
                Type::String(_)
                    | Type::Number(_)
                    | Type::Bool(_)
                    | Type::Timestamp
                    | Type::Duration
                    | Type::Bytes
            )
        };
        compiled
            .found
            .iter()
            .all(|found| self.is_kind(&compiled, found, name, "a text, a number or a boolean", &fits))
    }

    /// Any value, with expressions in its texts.
    pub(crate) fn template(&mut self, node: &Node) -> Option<Template> {
        match &node.kind {
            Kind::Null => Some(Template::Literal(Value::Null)),
            Kind::Bool(flag) => Some(Template::Literal((*flag).into())),
            Kind::Number(number) => Some(Template::Literal(Value::Number(number.clone()))),
            Kind::Text(text) => self.value_template(node, text),
            Kind::List(items) => self.templates(items).map(Template::List),
            Kind::Map(entries) => self.entries(entries).map(Template::Map),
        }
    }

    /// A map of such values.
    pub(crate) fn template_map(&mut self, node: &Node, name: &str) -> Option<Vec<(String, Template)>> {
        match &node.kind {
            Kind::Map(entries) => self.entries(entries),
            _ => {
                self.refuse(node, &format!("`{name}`"), "a map");
                None
            }
        }
    }

    fn entries(&mut self, entries: &[(Key, Node)]) -> Option<Vec<(String, Template)>> {
        all(entries.iter().map(|(key, value)| {
            if key.name.contains("${") {
                let message = "the name of an entry is written out; `${ … }` has no place in it";
                self.fault(key.span(), rules::VALUE, message);
            }
            Some((key.name.clone(), self.template(value)?))
        }))
    }

    /// A list of such values.
    pub(crate) fn templates(&mut self, items: &[Node]) -> Option<Vec<Template>> {
        all(items.iter().map(|item| self.template(item)))
    }

    fn value_template(&mut self, node: &Node, text: &str) -> Option<Template> {
        let pieces = self.pieces(node, text)?;
        match pieces.as_slice() {
            [] => Some(Template::Literal("".into())),
            [Piece::Text(plain)] => Some(Template::Literal(plain.as_str().into())),
            [Piece::Expression(offset, inner)] => {
                let compiled = self.compile(Place { node, text, offset: *offset, inner })?;
                Some(Template::Expression(compiled.expression))
            }
            _ => self.parts(node, text, pieces).map(|(text, _)| Template::Text(text)),
        }
    }

    /// The parts of a text; `None` in the second list stands for plain ones. Expressions have texts, numbers or
    /// booleans for values.
    fn parts(
        &mut self,
        node: &Node,
        text: &str,
        pieces: Vec<Piece<'_>>,
    ) -> Option<(Text, Vec<Option<Seens>>)> {
        let read = all(pieces.into_iter().map(|piece| match piece {
            Piece::Text(plain) => Some((Part::Plain(plain), None)),
            Piece::Expression(offset, inner) => {
                let place = Place { node, text, offset, inner };
                let compiled = self.compile(place)?;
                let seen = self.seen(place, &compiled)?;
                Some((Part::Expression(compiled.expression), Some(seen)))
            }
        }));
        let (parts, seen) = read?.into_iter().unzip();
        Some((Text(parts), seen))
    }

    /// What the values of an expression are as parts of a text.
    fn seen(&mut self, place: Place<'_>, compiled: &Compiled) -> Option<Seens> {
        let mut good = true;
        let mut texts = Vec::new();
        for found in &compiled.found {
            let strict = found.if_true.strict;
            match written(&found.kind) {
                Some(text) => texts.push(if strict { Some(text) } else { None }),
                None if !strict && may_be_written(&found.kind) => texts.push(None),
                None => {
                    good = false;
                    let (message, help) = no_part(place.inner.trim(), &found.kind);
                    self.fault_with_help(compiled.span, rules::EXPRESSION, message, Some(help));
                }
            }
        }
        good.then_some(Seens { span: compiled.span, found: texts })
    }

    fn pieces<'t>(&mut self, node: &Node, text: &'t str) -> Option<Vec<Piece<'t>>> {
        split(text)
            .map_err(|Unclosed(offset)| {
                let span = Span { at: self.inside(node, text, offset), length: 2 };
                let help = "is a text in the expression left open? (`$${` is a plain `${`)".to_owned();
                self.fault_with_help(span, rules::EXPRESSION, "`${` has no `}`", Some(help));
            })
            .ok()
    }

    fn compile(&mut self, place: Place<'_>) -> Option<Compiled> {
        let Examined { compiled, faults } = self.examine(place)?;
        faults.iter().for_each(|fault| self.expression_fault(place, fault, rules::EXPRESSION));
        faults.is_empty().then_some(compiled)
    }

    /// Parses an expression and checks it for every event that may come. That a comparison is never true counts if it is
    /// so for all of them.
    fn examine(&mut self, place: Place<'_>) -> Option<Examined> {
        let parsed = Parsed::of(place.inner)
            .map_err(|bad| self.expression_fault(place, &bad, rules::EXPRESSION))
            .ok()?;
        let found: Vec<Checked> = self.prospects.0.iter().map(|known| parsed.check(known)).collect();
        let everywhere = |fault: &BadExpression| found.iter().all(|found| found.faults.contains(fault));
        let faults = found.iter().flat_map(|found| &found.faults);
        let mut faults: Vec<_> =
            faults.filter(|fault| fault.kind != Flaw::NeverTrue || everywhere(fault)).cloned().collect();
        faults.sort();
        faults.dedup();
        let trimmed = place.inner.trim();
        let start = place.inner.len() - place.inner.trim_start().len();
        let span = self.part_of(place, start, trimmed.len());
        Some(Examined { compiled: Compiled { expression: parsed.expression(), span, found }, faults })
    }

    fn expression_fault(&mut self, place: Place<'_>, bad: &BadExpression, rule: &'static str) {
        let span = self.part_of(place, bad.offset, bad.length);
        self.fault_with_help(span, rule, bad.message.clone(), bad.help.clone());
    }

    /// The place of some bytes of an expression, to the end of the line at the most.
    fn part_of(&self, place: Place<'_>, offset: usize, length: usize) -> Span {
        let part = place.inner.get(offset..offset + length).unwrap_or_default();
        let line = part.lines().next().unwrap_or_default();
        let at = self.inside(place.node, place.text, place.offset + offset);
        Span { at, length: line.chars().count().max(1) }
    }
}

/// What the values of a part are, for each kind of event: nothing where nothing is declared.
struct Seens {
    span: Span,
    found: Vec<Option<types::Text>>,
}

/// Why values of this kind can be no part of a text, and what helps.
fn no_part(expression: &str, kind: &Type) -> (String, String) {
    const ONLY: &str = "only texts, numbers and booleans can be part of a text";
    let short: String = expression.chars().take(60).collect();
    if *kind == Type::Dyn {
        let message = format!("the type of `{short}` is not declared; {ONLY}");
        return (message, "declare its type in the schema".to_owned());
    }
    let odd = Type::union(kind.alternatives().iter().filter(|one| written(one).is_none()).cloned());
    let is = if may_be_written(kind) { "may be" } else { "is" };
    let help = format!("use `default({short}, …)` for null, or `json.text({short})` for a list or map");
    (format!("`{short}` {is} {odd}; {ONLY}"), help)
}

/// What is wrong with a text for the kind of event at `known`.
fn misfit(text: &Text, parts: &[Option<Seens>], known: usize, wanted: Wanted) -> Option<Misfit> {
    let seen = text.0.iter().zip(parts).map(|(part, seen)| match (part, seen) {
        (Part::Plain(plain), _) => Some(Seen::Plain(plain)),
        (Part::Expression(_), Some(seen)) => seen.found.get(known)?.as_ref().map(Seen::Value),
        (Part::Expression(_), None) => None,
    });
    wanted.doubt(&seen.collect::<Option<Vec<_>>>()?)
}
