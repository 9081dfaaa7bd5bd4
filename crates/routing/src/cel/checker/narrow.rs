//! What is known where a condition holds, or does not.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators},
};

use super::{
    Checker,
    facts::{Facts, Path},
};
use crate::cel::{
    macros::Macro,
    types::{List, Maybe, Number, Order, Text, Type, UNLIMITED, to_double},
};

/// How deep conditions in conditions are looked into. Each level may double the work.
const MAX_NARROWING: usize = 12;

/// What a condition looks at.
struct Subject<'e> {
    path: Path<'e>,
    /// It is the size of what is there that is looked at.
    size: bool,
}

impl Checker<'_> {
    /// The facts where `condition` is `truth`.
    pub(super) fn narrow(&mut self, condition: &IdedExpr, truth: bool, facts: &Facts) -> Facts {
        if self.narrowing >= MAX_NARROWING {
            return facts.clone();
        }
        self.narrowing += 1;
        let narrowed = self.narrowed(condition, truth, facts);
        self.narrowing -= 1;
        narrowed
    }

    fn narrowed(&mut self, condition: &IdedExpr, truth: bool, facts: &Facts) -> Facts {
        if let Some(path) = Path::of_test(condition) {
            return if truth { facts.narrowed(&path, &Type::clone) } else { facts.without(&path) };
        }
        if let Some(path) = Path::of(condition) {
            return facts.narrowed(&path, &|of| of.meet(&Type::Bool(Some(truth))));
        }
        match &condition.expr {
            Expr::Literal(LiteralValue::Boolean(flag)) if *flag.inner() != truth => facts.impossible(),
            Expr::Call(call) => self.narrowed_by_call(call, truth, facts),
            Expr::Comprehension(comprehension) => self.narrowed_by_macro(comprehension, truth, facts),
            _ => facts.clone(),
        }
    }

    fn narrowed_by_call(&mut self, call: &CallExpr, truth: bool, facts: &Facts) -> Facts {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, [operand]) => self.narrow(operand, !truth, facts),
            (operators::LOGICAL_AND, [left, right]) => self.narrowed_by_both(left, right, truth, true, facts),
            (operators::LOGICAL_OR, [left, right]) => self.narrowed_by_both(left, right, truth, false, facts),
            (operators::CONDITIONAL, [condition, yes, no]) => {
                let (if_true, if_false) =
                    (self.narrow(condition, true, facts), self.narrow(condition, false, facts));
                self.narrow(yes, truth, &if_true).or(self.narrow(no, truth, &if_false))
            }
            (operators::EQUALS, [left, right]) => self.compared(left, right, Relation::equal(truth), facts),
            (operators::NOT_EQUALS, [left, right]) => {
                self.compared(left, right, Relation::equal(!truth), facts)
            }
            (operators::LESS, [left, right]) => self.compared(left, right, Relation::less(truth), facts),
            (operators::GREATER, [left, right]) => self.compared(right, left, Relation::less(truth), facts),
            (operators::LESS_EQUALS, [left, right]) => {
                self.compared(right, left, Relation::less(!truth), facts)
            }
            (operators::GREATER_EQUALS, [left, right]) => {
                self.compared(left, right, Relation::less(!truth), facts)
            }
            (operators::IN, [item, range]) => self.narrowed_by_in(item, range, truth, facts),
            ("hasValue", []) => call
                .target
                .as_ref()
                .map_or_else(|| facts.clone(), |target| narrowed_by_value(target, truth, facts)),
            _ => facts.clone(),
        }
    }

    /// `left && right`, or `left || right`.
    fn narrowed_by_both(
        &mut self,
        left: &IdedExpr,
        right: &IdedExpr,
        truth: bool,
        and: bool,
        facts: &Facts,
    ) -> Facts {
        if truth == and {
            let first = self.narrow(left, truth, facts);
            return self.narrow(right, truth, &first);
        }
        // CEL has `failure || true` be true. Where failures are not ruled out, the left side may have been one.
        let otherwise = if self.strict { self.narrow(left, !truth, facts) } else { facts.clone() };
        self.narrow(left, truth, facts).or(self.narrow(right, truth, &otherwise))
    }

    /// Both sides of a comparison.
    fn compared(&mut self, left: &IdedExpr, right: &IdedExpr, relation: Relation, facts: &Facts) -> Facts {
        let (a, b) = (self.of(left, facts), self.of(right, facts));
        let narrowed = subject(left).map_or_else(
            || facts.clone(),
            |subject| facts.narrowed(&subject.path, &|of| subject.narrow(of, relation, &b)),
        );
        subject(right).map_or_else(
            || narrowed.clone(),
            |subject| narrowed.narrowed(&subject.path, &|of| subject.narrow(of, relation.turned(), &a)),
        )
    }

    fn narrowed_by_in(&mut self, item: &IdedExpr, range: &IdedExpr, truth: bool, facts: &Facts) -> Facts {
        let of = self.of(range, facts);
        if let (Some(path), Some(key)) = (Path::of(range), super::facts::constant_text(item))
            && of.alternatives().iter().all(|one| matches!(one, Type::Object(_)))
        {
            let path = path.with(key);
            return if truth { facts.narrowed(&path, &Type::clone) } else { facts.without(&path) };
        }
        let (Some(path), Type::List(list)) = (Path::of(item), &of) else { return facts.clone() };
        if truth {
            return facts.narrowed(&path, &|of| of.meet(&list.item));
        }
        match &range.expr {
            Expr::List(written) => written.elements.iter().fold(facts.clone(), |facts, element| {
                let of = self.of(element, &facts);
                facts.narrowed(&path, &|item| without(item, &of))
            }),
            _ => facts.clone(),
        }
    }

    fn narrowed_by_macro(&mut self, found: &ComprehensionExpr, truth: bool, facts: &Facts) -> Facts {
        let Some(path) = Path::of(&found.iter_range) else { return facts.clone() };
        match (Macro::of(found), truth) {
            (Some(Macro::All(body)), true) => {
                let of = self.of(&found.iter_range, facts);
                let Type::List(list) = of else { return facts.clone() };
                let inside = facts.with(&found.iter_var, (*list.item).clone());
                let item = self.narrow(body, true, &inside).last();
                let list = List { item: item.into(), ..list };
                // Nothing is wrong with any item of an empty list.
                let list = if list.item.is_never() { List { max_items: 0, ..list } } else { list };
                facts.narrowed(&path, &|of| of.meet(&Type::List(list.clone())))
            }
            (Some(Macro::Exists(_) | Macro::ExistsOne(_)), true) => {
                let subject = Subject { path, size: true };
                let some = Type::Number(Number::whole(1.0, f64::INFINITY));
                facts.narrowed(&subject.path, &|of| subject.narrow(of, Relation::Equal, &some))
            }
            _ => facts.clone(),
        }
    }
}

/// `x.hasValue()`.
fn narrowed_by_value(target: &IdedExpr, truth: bool, facts: &Facts) -> Facts {
    if let Some((path, last_only)) = Path::of_optional(target) {
        return match (truth, last_only) {
            (true, _) => facts.narrowed(&path, &Type::clone),
            (false, true) => facts.without(&path),
            (false, false) => facts.clone(),
        };
    }
    let Some(path) = Path::of(target) else { return facts.clone() };
    facts.narrowed(&path, &|of| {
        Type::union(of.alternatives().iter().map(|one| match one {
            Type::Optional(maybe) if truth => Type::Optional(Maybe { sure: true, ..maybe.clone() }),
            Type::Optional(Maybe { sure: true, .. }) => Type::NEVER,
            Type::Optional(_) => Type::optional(Type::NEVER),
            other => other.clone(),
        }))
    })
}

/// What holds between two values.
#[derive(Clone, Copy)]
enum Relation {
    Equal,
    Unequal,
    Less,
    Greater,
    NotLess,
    NotGreater,
}

impl Relation {
    fn equal(truth: bool) -> Self {
        if truth { Self::Equal } else { Self::Unequal }
    }

    fn less(truth: bool) -> Self {
        if truth { Self::Less } else { Self::NotLess }
    }

    /// The same, read from the right.
    fn turned(self) -> Self {
        match self {
            Self::Equal | Self::Unequal => self,
            Self::Less => Self::Greater,
            Self::Greater => Self::Less,
            Self::NotLess => Self::NotGreater,
            Self::NotGreater => Self::NotLess,
        }
    }

    fn between(self, number: &Number, other: &Number) -> Number {
        match self {
            Self::Equal => number.meet(other),
            Self::Unequal if other.min == 0.0 && other.max == 0.0 => Number { not_zero: true, ..*number },
            Self::Unequal => *number,
            Self::Less => number.strictly(Order::Less, other),
            Self::Greater => number.strictly(Order::Greater, other),
            Self::NotLess => number.compared(Order::Greater, other),
            Self::NotGreater => number.compared(Order::Less, other),
        }
    }
}

fn subject(expr: &IdedExpr) -> Option<Subject<'_>> {
    if let Some(path) = Path::of(expr) {
        return Some(Subject { path, size: false });
    }
    match &expr.expr {
        Expr::Call(call) if call.func_name == "size" => match (&call.target, call.args.as_slice()) {
            (Some(target), []) => Some(Subject { path: Path::of(target)?, size: true }),
            (None, [operand]) => Some(Subject { path: Path::of(operand)?, size: true }),
            _ => None,
        },
        _ => None,
    }
}

impl Subject<'_> {
    /// What is left of `of`, if it relates so to some value of `other`.
    fn narrow(&self, of: &Type, relation: Relation, other: &Type) -> Type {
        if self.size {
            return sized(of, relation, other);
        }
        match relation {
            Relation::Equal => of.meet(other),
            Relation::Unequal => without(of, other),
            _ => ordered(of, relation, other),
        }
    }
}

/// All of `of` but `other`, if that is one value.
fn without(of: &Type, other: &Type) -> Type {
    Type::union(of.alternatives().iter().map(|one| match (one, other) {
        (Type::Null, Type::Null) => Type::NEVER,
        (Type::Bool(known), Type::Bool(Some(flag))) => match known {
            Some(known) if known == flag => Type::NEVER,
            _ => Type::Bool(Some(!flag)),
        },
        (Type::String(text), Type::String(constant)) => match constant.constant() {
            Some(constant) => Type::String(text.without(constant)),
            None => one.clone(),
        },
        (Type::Number(number), Type::Number(constant)) => {
            Type::Number(Relation::Unequal.between(number, constant))
        }
        (Type::List(list), Type::List(List { max_items: 0, .. })) => {
            Type::List(List { min_items: list.min_items.max(1), ..list.clone() })
        }
        _ => one.clone(),
    }))
}

/// Only values of one kind have an order.
fn ordered(of: &Type, relation: Relation, other: &Type) -> Type {
    let (Type::Number(bound), of) = (other, of) else { return of.clone() };
    match of {
        Type::Dyn => Type::union([Type::Number(relation.between(&Number::ANY, bound))]),
        of => Type::union(of.alternatives().iter().map(|one| match one {
            Type::Number(number) => Type::Number(relation.between(number, bound)),
            _ => Type::NEVER,
        })),
    }
}

/// Values whose size relates so to a number.
fn sized(of: &Type, relation: Relation, other: &Type) -> Type {
    let Type::Number(bound) = other else { return of.clone() };
    let narrow = |min: u64, max: u64| {
        let sizes = relation.between(&Number::whole(to_double(min), to_double(max)), bound);
        // 0 is at the end of the range, if it is in it at all.
        let least = if sizes.excludes_zero() { sizes.min.max(1.0) } else { sizes.min };
        (to_count(least.ceil()).max(min), to_count(sizes.max.floor()).min(max))
    };
    Type::union(of.alternatives().iter().map(|one| match one {
        Type::List(list) => {
            let (min_items, max_items) = narrow(list.min_items, list.max_items);
            Type::List(List { min_items, max_items, ..list.clone() })
        }
        Type::String(text) => {
            let (min_len, max_len) = narrow(text.min_len, text.max_len);
            Type::String(Text { min_len, max_len, ..text.clone() })
        }
        other => other.clone(),
    }))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates at both ends")]
fn to_count(size: f64) -> u64 {
    if size == f64::INFINITY { UNLIMITED } else { size as u64 }
}
