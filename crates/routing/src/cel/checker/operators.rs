//! Operators.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, operators},
};

use super::{Checker, facts::Facts};
use crate::cel::{
    fault::{BadExpression, Flaw},
    types::{List, Number, Text, Type},
};

/// How many texts a sum of texts is worked out for.
const MOST_SUMS: usize = 64;

impl Checker<'_> {
    /// The type of an operator's call; `None` for other calls.
    pub(super) fn operator(&mut self, expr: &IdedExpr, call: &CallExpr, facts: &Facts) -> Option<Type> {
        Some(match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND, [left, right]) => self.both(left, right, facts, true),
            (operators::LOGICAL_OR, [left, right]) => self.both(left, right, facts, false),
            (operators::CONDITIONAL, [condition, yes, no]) => self.conditional(condition, yes, no, facts),
            (operators::LOGICAL_NOT, [operand]) => match self.boolean(operand, facts, "`!`") {
                Type::Bool(flag) => Type::Bool(flag.map(|flag| !flag)),
                other => other,
            },
            (operators::EQUALS, [left, right]) => self.equality(expr, left, right, facts, true),
            (operators::NOT_EQUALS, [left, right]) => self.equality(expr, left, right, facts, false),
            (operators::IN, [item, range]) => self.contains(expr, item, range, facts),
            (operators::INDEX, [operand, key]) => self.index(expr, operand, key, facts),
            (operators::OPT_INDEX | operators::OPT_SELECT, [operand, key]) => {
                self.optional_index(operand, key, facts)
            }
            (operators::NEGATE, [operand]) => {
                let of = self.of(operand, facts);
                self.apply(expr, "`-`", &[(operand, &of)], &|parts| match parts {
                    [Type::Number(number)] => Some(Type::Number(number.negate())),
                    _ => None,
                })
            }
            (name, [left, right]) => {
                let (sign, rule) = arithmetic(name)?;
                let (a, b) = (self.of(left, facts), self.of(right, facts));
                if matches!(name, operators::DIVIDE | operators::MODULO) {
                    self.divisor(right, &b);
                }
                self.apply(expr, sign, &[(left, &a), (right, &b)], &|parts| match parts {
                    [a, b] => rule(a, b),
                    _ => None,
                })
            }
            _ => return None,
        })
    }

    /// `&&`, or `||`.
    fn both(&mut self, left: &IdedExpr, right: &IdedExpr, facts: &Facts, and: bool) -> Type {
        let sign = if and { "`&&`" } else { "`||`" };
        let first = self.boolean(left, facts, sign);
        let there = self.quietly(|checker| checker.narrow(left, and, facts));
        let second = self.boolean(right, &there, sign);
        let decided = Some(!and);
        match (first.as_bool(), second.as_bool()) {
            (first, _) if first == decided => Type::Bool(decided),
            (_, second) if second == decided => Type::Bool(decided),
            (Some(_), Some(flag)) => Type::Bool(Some(flag)),
            _ if first.is_never() => Type::NEVER,
            _ => Type::BOOL,
        }
    }

    fn conditional(&mut self, condition: &IdedExpr, yes: &IdedExpr, no: &IdedExpr, facts: &Facts) -> Type {
        let decision = self.boolean(condition, facts, "a condition");
        let (if_true, if_false) = self.quietly(|checker| {
            (checker.narrow(condition, true, facts), checker.narrow(condition, false, facts))
        });
        let (yes, no) = (self.of(yes, &if_true), self.of(no, &if_false));
        match decision {
            Type::Bool(Some(true)) => yes,
            Type::Bool(Some(false)) => no,
            decision if decision.is_never() => Type::NEVER,
            _ => yes.join(no),
        }
    }

    /// An operand that has to be a boolean.
    pub(super) fn boolean(&mut self, operand: &IdedExpr, facts: &Facts, what: &str) -> Type {
        let of = self.of(operand, facts);
        self.apply(operand, what, &[(operand, &of)], &|parts| match parts {
            [flag @ Type::Bool(_)] => Some((*flag).clone()),
            _ => None,
        })
    }

    fn equality(
        &mut self,
        expr: &IdedExpr,
        left: &IdedExpr,
        right: &IdedExpr,
        facts: &Facts,
        equal: bool,
    ) -> Type {
        let (a, b) = (self.of(left, facts), self.of(right, facts));
        if a.is_never() || b.is_never() {
            return Type::NEVER;
        }
        if a.meet(&b).is_never() {
            if equal {
                self.never_true(expr, left, &a, right, &b);
            }
            return Type::Bool(Some(!equal));
        }
        Type::Bool(same_constant(&a, &b).then_some(equal))
    }

    fn never_true(&mut self, expr: &IdedExpr, left: &IdedExpr, a: &Type, right: &IdedExpr, b: &Type) {
        let (left, right) = (self.source.quote(left), self.source.quote(right));
        let constant = |of: &Type| matches!(of, Type::Null) || same_constant(of, of);
        let message = match (constant(a), constant(b)) {
            (false, true) => format!("never true: `{left}` is {a}, not {b}"),
            (true, false) => format!("never true: `{right}` is {b}, not {a}"),
            _ => format!("never true: `{left}` is {a}, `{right}` is {b}"),
        };
        let fault = BadExpression::at(self.source.span(expr), Flaw::NeverTrue, message);
        let optional = [(&left, a), (&right, b)].into_iter().find(|(_, of)| matches!(of, Type::Optional(_)));
        self.fault(match optional {
            Some((text, _)) => fault.help(format!("use `{text}.orValue(…)`")),
            None => fault,
        });
    }

    fn contains(&mut self, expr: &IdedExpr, item: &IdedExpr, range: &IdedExpr, facts: &Facts) -> Type {
        let (a, b) = (self.of(item, facts), self.of(range, facts));
        let found = self.apply(expr, "`in`", &[(item, &a), (range, &b)], &|parts| match parts {
            [item, Type::List(list)] => {
                let never = item.meet(&list.item).is_never() || list.max_items == 0;
                Some(Type::Bool(never.then_some(false)))
            }
            [Type::String(key), Type::Object(object)] => {
                let known = key.constant().map(|key| object.field(key));
                Some(Type::Bool(match known {
                    Some(None) => Some(false),
                    Some(Some((_, true))) => Some(true),
                    _ => None,
                }))
            }
            [Type::Number(_) | Type::Bool(_), Type::Object(_)] => Some(Type::Bool(Some(false))),
            [key @ (Type::String(_) | Type::Number(_) | Type::Bool(_)), Type::Map(keys, _)] => {
                Some(Type::Bool(key.meet(keys).is_never().then_some(false)))
            }
            _ => None,
        });
        // That an empty list has nothing in it is no mistake.
        let empty = matches!(&b, Type::List(List { max_items: 0, .. }));
        if found.as_bool() == Some(false) && !empty {
            let (item, range) = (self.source.quote(item), self.source.quote(range));
            let message = match &b {
                Type::List(list) => {
                    format!("never true: `{item}` is {a}, what `{range}` has is {}", list.item)
                }
                _ => format!("never true: `{range}` has no key `{item}`"),
            };
            self.fault(BadExpression::at(self.source.span(expr), Flaw::NeverTrue, message));
        }
        found
    }

    fn divisor(&mut self, divisor: &IdedExpr, of: &Type) {
        let zero = |one: &Type| matches!(one, Type::Number(number) if !number.excludes_zero());
        if let Type::Number(Number { min: 0.0, max: 0.0, .. }) = of {
            self.wrong(divisor, "division by zero");
        } else if of.alternatives().iter().any(zero) {
            let text = self.source.quote(divisor);
            let help = format!("ask `{text} != 0` first, or give it a `minimum` in the schema");
            self.unproven(divisor, format!("`{text}` may be 0"), help);
        }
    }
}

/// Whether both are the same one value.
fn same_constant(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Null, Type::Null) => true,
        (Type::Bool(Some(a)), Type::Bool(Some(b))) => a == b,
        (Type::Number(a), Type::Number(b)) => a.always(b) == Some(std::cmp::Ordering::Equal),
        (Type::String(a), Type::String(b)) => a.constant().is_some() && a.constant() == b.constant(),
        _ => false,
    }
}

type Rule = fn(&Type, &Type) -> Option<Type>;

fn arithmetic(name: &str) -> Option<(&'static str, Rule)> {
    Some(match name {
        operators::ADD => ("`+`", add),
        operators::SUBSTRACT => ("`-`", subtract),
        operators::MULTIPLY => ("`*`", |a, b| numbers(a, b, Number::multiply)),
        operators::DIVIDE => ("`/`", |a, b| numbers(a, b, Number::divide)),
        operators::MODULO => ("`%`", |a, b| numbers(a, b, Number::remainder)),
        operators::LESS => ("`<`", |a, b| compare(a, b, std::cmp::Ordering::is_lt)),
        operators::LESS_EQUALS => ("`<=`", |a, b| compare(a, b, std::cmp::Ordering::is_le)),
        operators::GREATER => ("`>`", |a, b| compare(a, b, std::cmp::Ordering::is_gt)),
        operators::GREATER_EQUALS => ("`>=`", |a, b| compare(a, b, std::cmp::Ordering::is_ge)),
        _ => return None,
    })
}

fn numbers(a: &Type, b: &Type, calculate: fn(&Number, &Number) -> Number) -> Option<Type> {
    match (a, b) {
        (Type::Number(a), Type::Number(b)) => Some(Type::Number(calculate(a, b))),
        _ => None,
    }
}

fn add(a: &Type, b: &Type) -> Option<Type> {
    Some(match (a, b) {
        (Type::Number(a), Type::Number(b)) => Type::Number(a.add(b)),
        (Type::String(a), Type::String(b)) => Type::String(concatenated(a, b)),
        (Type::Bytes, Type::Bytes) => Type::Bytes,
        (Type::List(a), Type::List(b)) => Type::list_of(
            (*a.item).clone().join((*b.item).clone()),
            a.min_items.saturating_add(b.min_items),
            a.max_items.saturating_add(b.max_items),
        ),
        (Type::Timestamp, Type::Duration) | (Type::Duration, Type::Timestamp) => Type::Timestamp,
        (Type::Duration, Type::Duration) => Type::Duration,
        _ => return None,
    })
}

fn subtract(a: &Type, b: &Type) -> Option<Type> {
    Some(match (a, b) {
        (Type::Number(a), Type::Number(b)) => Type::Number(a.subtract(b)),
        (Type::Timestamp, Type::Duration) => Type::Timestamp,
        (Type::Timestamp, Type::Timestamp) | (Type::Duration, Type::Duration) => Type::Duration,
        _ => return None,
    })
}

/// The texts of which the one is followed by the other.
pub(super) fn concatenated(a: &Text, b: &Text) -> Text {
    if let (Some(a), Some(b)) = (&a.one_of, &b.one_of)
        && a.len() * b.len() <= MOST_SUMS
    {
        let sums: Vec<String> = a.iter().flat_map(|a| b.iter().map(move |b| format!("{a}{b}"))).collect();
        return Text::only(sums.iter().map(String::as_str));
    }
    Text {
        min_len: a.min_len.saturating_add(b.min_len),
        max_len: a.max_len.saturating_add(b.max_len),
        one_of: None,
        max_bytes: a.most_bytes().saturating_add(b.most_bytes()),
        tidy: a.tidy && b.tidy,
        subject: a.subject && b.subject,
    }
}

fn compare(a: &Type, b: &Type, holds: fn(std::cmp::Ordering) -> bool) -> Option<Type> {
    let known = match (a, b) {
        (Type::Number(a), Type::Number(b)) => return Some(Type::Bool(compared(a, b, holds))),
        (Type::String(a), Type::String(b)) => a.constant().zip(b.constant()).map(|(a, b)| holds(a.cmp(b))),
        (Type::Bool(_), Type::Bool(_))
        | (Type::Bytes, Type::Bytes)
        | (Type::Timestamp, Type::Timestamp)
        | (Type::Duration, Type::Duration) => None,
        _ => return None,
    };
    Some(Type::Bool(known))
}

/// The answer, if it is the same at both ends of what the numbers can be.
fn compared(a: &Number, b: &Number, holds: fn(std::cmp::Ordering) -> bool) -> Option<bool> {
    if let Some(order) = a.always(b) {
        return Some(holds(order));
    }
    // Ranges that touch: never more, or never less, but perhaps equal.
    let (less, more) = (holds(std::cmp::Ordering::Less), holds(std::cmp::Ordering::Greater));
    let equal = holds(std::cmp::Ordering::Equal);
    match () {
        () if a.max <= b.min && less == equal => Some(less),
        () if a.min >= b.max && more == equal => Some(more),
        () => None,
    }
}
