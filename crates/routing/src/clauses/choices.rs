//! Choices between two ways that an expression takes.

use std::sync::Arc;

use serde_json::Value;

use super::{Part, tokens};
use crate::cel::{expression::Expression, scope::Scope};

/// A place where an expression goes one of two ways.
#[derive(Debug)]
pub(crate) struct Choice {
    /// Where it is in the text, in bytes.
    pub(crate) offset: usize,
    pub(crate) kind: ChoiceKind,
    /// What decides, for people.
    pub(crate) shown: String,
    asks: Ask,
    /// It is reached only if these are so.
    reached: Vec<(Ask, bool)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChoiceKind {
    /// `c ? a : b`.
    Arms,
    /// `.orValue(…)`.
    Default,
}

/// A boolean expression that belongs to another.
type Ask = Arc<Expression>;

impl Choice {
    /// Which way it went: `true` is the first arm, or a value that was there.
    pub(crate) fn way(&self, scope: &Scope<'_>) -> Option<bool> {
        let is = |ask: &Ask| ask.evaluate(scope).ok().as_deref().and_then(Value::as_bool);
        // What fails decides nothing: CEL looks at the other side of `||` and `&&`, too.
        let reached = self.reached.iter().all(|(ask, wanted)| is(ask) != Some(!*wanted));
        if reached { is(&self.asks) } else { None }
    }
}

/// The choices of an expression. Those inside of a macro are not seen: they go both ways for one event.
pub(crate) fn choices(text: &str) -> Vec<Choice> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    find_choices(Part { text, tokens: &tokens }, &[], &mut found);
    found
}

fn find_choices(part: Part<'_>, reached: &[(Ask, bool)], found: &mut Vec<Choice>) {
    let ask = |text: &str| Expression::compile(text).ok().map(Ask::new);
    let and = |ask: &Ask, is: bool| [reached, &[(Ask::clone(ask), is)]].concat();
    let pieces = part.split(b',', false);
    if pieces.len() > 1 {
        return pieces.into_iter().for_each(|piece| find_choices(piece, reached, found));
    }
    let (question, colon) = (part.question(), part.colon());
    match (question, colon) {
        (None, Some(colon)) => return entry(part, colon, reached, found),
        (Some(question), Some(colon)) if colon < question => return entry(part, colon, reached, found),
        (Some(question), _) => {
            let (condition, rest) = (part.slice(0..question), part.slice(question + 1..part.tokens.len()));
            let (Some(asks), Some(colon)) = (ask(condition.text()), rest.colon()) else { return };
            find_choices(condition, reached, found);
            found.push(choice(condition, ChoiceKind::Arms, &asks, reached));
            find_choices(rest.slice(0..colon), &and(&asks, true), found);
            find_choices(rest.slice(colon + 1..rest.tokens.len()), &and(&asks, false), found);
            return;
        }
        (None, None) => {}
    }
    for (symbol, stops) in [(b'|', true), (b'&', false)] {
        let operands = part.split(symbol, true);
        if operands.len() > 1 {
            let mut reached = reached.to_vec();
            for operand in operands {
                find_choices(operand, &reached, found);
                // What stands behind is looked at only if this one does not decide alone.
                reached.extend(ask(operand.text()).map(|ask| (ask, !stops)));
            }
            return;
        }
    }
    groups(part, reached, found);
}

/// An entry of a map.
fn entry(part: Part<'_>, colon: usize, reached: &[(Ask, bool)], found: &mut Vec<Choice>) {
    find_choices(part.slice(0..colon), reached, found);
    find_choices(part.slice(colon + 1..part.tokens.len()), reached, found);
}

/// What is in brackets, and the defaults among it.
fn groups(part: Part<'_>, reached: &[(Ask, bool)], found: &mut Vec<Choice>) {
    let opens: Vec<_> = part.outside().filter(|(_, token)| token.opens()).map(|(at, _)| at).collect();
    for open in opens {
        let Some(close) = part.close(open) else { return };
        let inner = part.slice(open + 1..close);
        let dot = open
            .checked_sub(2)
            .filter(|dot| part.tokens[*dot].is(b'.') && part.slice(dot + 1..dot + 2).text() == "orValue");
        let Some(dot) = dot else {
            find_choices(inner, reached, found);
            continue;
        };
        let given = part.slice(part.receiver(dot)..dot);
        let Ok(asks) = Expression::compile(&format!("({}).hasValue()", given.text())) else { continue };
        let asks = Ask::new(asks);
        found.push(choice(given, ChoiceKind::Default, &asks, reached));
        find_choices(inner, &[reached, &[(Ask::clone(&asks), false)]].concat(), found);
    }
}

fn choice(of: Part<'_>, kind: ChoiceKind, asks: &Ask, reached: &[(Ask, bool)]) -> Choice {
    Choice {
        offset: of.tokens.first().map_or(0, |token| token.range.start),
        kind,
        shown: of.text().split_whitespace().collect::<Vec<_>>().join(" "),
        asks: Ask::clone(asks),
        reached: reached.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let show = |choice: &Choice| {
            let reached: String = choice.reached.iter().map(|(ask, is)| format!(" [{ask} {is}]")).collect();
            format!("{} {:?} {}{reached}", choice.offset, choice.kind, choice.shown)
        };
        choices(text).iter().map(show).collect()
    }

    #[test]
    fn choices_are_found_with_what_leads_to_them() {
        insta::assert_snapshot!(shown(r#"event.data.a ? "x" : event.data.b > 1 ? "?" : "z""#).join("\n"), @"
        0 Arms event.data.a
        21 Arms event.data.b > 1 [event.data.a false]
        ");
        insta::assert_snapshot!(
            shown("{'k': event.data.?a.?b.orValue(event.data.c ? 1 : 2), 'l': [event.data.d ? 1 : 2]}").join("\n"), @"
        6 Default event.data.?a.?b
        31 Arms event.data.c [(event.data.?a.?b).hasValue() false]
        60 Arms event.data.d
        ");
        insta::assert_snapshot!(shown("event.data.a || f((event.data.b && event.data.c) ? true : false)").join("\n"), @"18 Arms (event.data.b && event.data.c) [event.data.a false]");
        insta::assert_snapshot!(shown("event.data.map(i, i.x ? 1 : i.?y.orValue(2))[0].?f[0].orValue(3)").join("\n"), @"0 Default event.data.map(i, i.x ? 1 : i.?y.orValue(2))[0].?f[0]");
        assert!(shown("has(event.data.a) && event.data.?b == optional.of(1)").is_empty());
    }
}
