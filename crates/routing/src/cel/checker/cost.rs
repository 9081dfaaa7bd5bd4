//! What an evaluation may cost at most, before there is an event.
//!
//! Costs and sizes are sums: a constant, some times the weight of the event, and some times the weight of each
//! variable of the macros around. A macro multiplies the cost of a round by the number of rounds, but what its rounds
//! cost for their items is, over all of them, what the whole list costs once: a single pass always fits.

use std::collections::HashMap;

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators},
};

use crate::cel::{
    fault::{BadExpression, Flaw},
    library,
    macros::Macro,
    meter::{self, ALLOWANCE, ALLOWANCE_PER_WEIGHT},
    rewrite::{is_paid, pays, size},
    span::{Source, parts},
    types::{Object, Text, Type, UNLIMITED, to_double},
};

/// Sizes that are taken from the type instead of where a value comes from, if it is not larger than this.
const SMALL: f64 = 10_000.0;

/// The fault of an expression that may do more than it is allowed.
pub(super) fn check(
    expr: &IdedExpr,
    source: &Source<'_>,
    types: &HashMap<u64, Type>,
) -> Option<BadExpression> {
    let mut cost = Cost { types, variables: Vec::new() };
    let total = cost.of(expr).cost;
    #[allow(clippy::cast_precision_loss, reason = "both are small")]
    let (most, per_weight) = (ALLOWANCE as f64, ALLOWANCE_PER_WEIGHT as f64);
    if total.constant < most && total.event < per_weight {
        return None;
    }
    let help = "limit the lists with `maxItems` in the schema, or go through them one after the other instead of one in the other";
    Some(
        BadExpression::at(source.span(expr), Flaw::Costly, "it may do too much work for a large event")
            .help(help),
    )
}

/// A sum.
#[derive(Clone, Debug)]
struct Sum {
    constant: f64,
    event: f64,
    /// By variable, the outermost first.
    variables: Vec<f64>,
}

/// What it costs to evaluate something, and what the value weighs.
struct Estimate {
    cost: Sum,
    weight: Sum,
}

impl Sum {
    fn new(constant: f64) -> Self {
        Self { constant, event: 0.0, variables: Vec::new() }
    }

    fn event() -> Self {
        Self { event: 1.0, ..Self::new(0.0) }
    }

    fn variable(at: usize) -> Self {
        let mut variables = vec![0.0; at + 1];
        variables[at] = 1.0;
        Self { variables, ..Self::new(0.0) }
    }

    fn add(self, other: &Self) -> Self {
        self.each(other, |own, more| own + more)
    }

    /// At least both.
    fn max(self, other: &Self) -> Self {
        self.each(other, f64::max)
    }

    fn each(mut self, other: &Self, of: fn(f64, f64) -> f64) -> Self {
        self.constant = of(self.constant, other.constant);
        self.event = of(self.event, other.event);
        if self.variables.len() < other.variables.len() {
            self.variables.resize(other.variables.len(), 0.0);
        }
        for (own, more) in self.variables.iter_mut().zip(&other.variables) {
            *own = of(*own, *more);
        }
        self
    }

    fn times(mut self, factor: f64) -> Self {
        self.constant *= factor;
        self.event *= factor;
        self.variables.iter_mut().for_each(|own| *own *= factor);
        self
    }

    fn is_constant(&self) -> bool {
        self.event == 0.0 && self.variables.iter().all(|own| *own == 0.0)
    }

    /// The product of two sums. Of two that grow with the event there is no limit.
    fn product(self, other: &Self) -> Self {
        if other.is_constant() {
            self.times(other.constant)
        } else if self.is_constant() {
            other.clone().times(self.constant)
        } else {
            Self::new(f64::INFINITY)
        }
    }

    /// All rounds of a macro over `range`, of which there are at most `most`, if each costs this. The variable of the
    /// macro is the one at `at`.
    fn rounds(mut self, at: usize, range: &Self, most: f64) -> Self {
        self.variables.resize(self.variables.len().max(at + 1), 0.0);
        let own = self.variables.remove(at);
        let items = range.clone().times(own);
        let rounds = if most <= SMALL { Self::new(most) } else { range.clone() };
        self.product(&rounds).add(&items)
    }
}

struct Cost<'t> {
    types: &'t HashMap<u64, Type>,
    variables: Vec<String>,
}

impl Cost<'_> {
    fn of(&mut self, expr: &IdedExpr) -> Estimate {
        let mut estimate = match &expr.expr {
            Expr::Literal(literal) => {
                Estimate { cost: Sum::new(1.0), weight: Sum::new(literal_weight(literal)) }
            }
            Expr::Ident(name) => {
                let at = self.variables.iter().rposition(|own| own == name);
                Estimate { cost: Sum::new(1.0), weight: at.map_or_else(Sum::event, Sum::variable) }
            }
            Expr::Select(select) => {
                let of = self.of(&select.operand);
                Estimate { cost: of.cost.add(&Sum::new(1.0)), weight: of.weight }
            }
            Expr::Call(call) => self.call(call),
            Expr::List(_) | Expr::Map(_) => self.all(&parts(expr)),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Struct(_) | Expr::Unspecified => {
                Estimate { cost: Sum::new(f64::INFINITY), weight: Sum::new(f64::INFINITY) }
            }
        };
        let known = self.types.get(&expr.id).map_or(f64::INFINITY, weight);
        if known <= SMALL {
            estimate.weight = Sum::new(known);
        }
        estimate
    }

    /// A list or map of parts, which pay for themselves.
    fn all(&mut self, parts: &[&IdedExpr]) -> Estimate {
        let mut all = Estimate { cost: Sum::new(1.0), weight: Sum::new(1.0) };
        for part in parts {
            let of = self.of(part);
            all.cost = all.cost.add(&of.cost).add(&of.weight);
            all.weight = all.weight.add(&of.weight);
        }
        all
    }

    fn call(&mut self, call: &CallExpr) -> Estimate {
        let (name, method) = library::called(call);
        let target = call.target.as_deref().filter(|_| method);
        let parts: Vec<_> = target.into_iter().chain(&call.args).map(|part| (part, self.of(part))).collect();
        let mut cost = Sum::new(1.0);
        let mut largest = Sum::new(1.0);
        let mut together = Sum::new(1.0);
        for (part, of) in &parts {
            cost = cost.add(&of.cost);
            if is_paid(&name) && pays(part) {
                cost = cost.add(&of.weight);
            }
            largest = largest.max(&of.weight);
            together = together.add(&of.weight);
        }
        let weight = match (name.as_str(), parts.as_slice()) {
            // What comes out is one of what goes in, or a part of it.
            (operators::CONDITIONAL | operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT, _) => {
                largest.add(&Sum::new(1.0))
            }
            // Each byte may be replaced.
            ("replace", [(_, of), _, (by, new)]) => {
                let made = match self.bytes(by) {
                    Some(bytes) => of.weight.clone().times(1.0 + bytes).add(&Sum::new(2.0 + bytes)),
                    None => {
                        of.weight.clone().times(64.0).add(&Sum::new(1.0)).product(&new.weight).add(&together)
                    }
                };
                cost = cost.add(&made);
                made
            }
            // A list weighs at least as much as it has items.
            ("join", [(_, list), (by, separator)]) => {
                let between = match self.bytes(by) {
                    Some(bytes) => list.weight.clone().times(bytes / 64.0),
                    None => list.weight.clone().product(&separator.weight),
                };
                let made = between.add(&list.weight).add(&Sum::new(1.0));
                cost = cost.add(&made);
                made
            }
            // Each byte may become an item.
            ("split" | "json.parse", [(_, of), ..]) => {
                let made = of.weight.clone().times(65.0).add(&Sum::new(64.0));
                cost = cost.add(&made);
                made
            }
            ("json.text" | "hex.encode" | "base64.encode" | "string", _) => {
                together.times(8.0).add(&Sum::new(8.0))
            }
            ("padLeft", _) => together.add(&Sum::new(64.0)),
            _ => together,
        };
        Estimate { cost, weight }
    }

    /// The largest number of bytes of a text, if it is known.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    fn bytes(&self, expr: &IdedExpr) -> Option<f64> {
        match self.types.get(&expr.id)? {
            Type::String(text) => {
                Some(text.most_bytes()).filter(|bytes| *bytes != UNLIMITED).map(|n| n as f64)
            }
            _ => None,
        }
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr) -> Estimate {
        let Some(found) = Macro::of(comprehension) else {
            return Estimate { cost: Sum::new(f64::INFINITY), weight: Sum::new(f64::INFINITY) };
        };
        if let Macro::Bind { value, result } = found {
            return self.bind(value, result, &comprehension.accu_var);
        }
        let range = self.of(&comprehension.iter_range);
        let most = self.types.get(&comprehension.iter_range.id).map_or(f64::INFINITY, count);
        let at = self.variables.len();
        self.variables.push(comprehension.iter_var.clone());
        let (round, made) = match found {
            Macro::All(body) | Macro::Exists(body) | Macro::ExistsOne(body) => {
                (self.of(body).cost, Sum::new(0.0))
            }
            Macro::Map { filter, body } => {
                let filter = filter.map_or_else(|| Sum::new(0.0), |filter| self.of(filter).cost);
                let body = self.of(body);
                (filter.add(&body.cost).add(&body.weight), body.weight)
            }
            Macro::Bind { .. } => (Sum::new(0.0), Sum::new(0.0)),
        };
        self.variables.truncate(at);
        #[allow(clippy::cast_precision_loss, reason = "expressions are short")]
        let nodes = (size(&comprehension.loop_step) + size(&comprehension.loop_cond)) as f64;
        let round = round.add(&Sum::new(nodes + 2.0));
        let cost = round.rounds(at, &range.weight, most).add(&range.cost).add(&range.weight);
        let weight = made.rounds(at, &range.weight, most).add(&Sum::new(1.0));
        Estimate { cost, weight }
    }

    /// A value under a name: its weight takes the place of the name's.
    fn bind(&mut self, value: &IdedExpr, result: &IdedExpr, name: &str) -> Estimate {
        let value = self.of(value);
        let at = self.variables.len();
        self.variables.push(name.to_owned());
        let result = self.of(result);
        self.variables.truncate(at);
        let put_in = |mut sum: Sum| {
            sum.variables.resize(sum.variables.len().max(at + 1), 0.0);
            let own = sum.variables.remove(at);
            sum.add(&value.weight.clone().times(own))
        };
        Estimate { cost: put_in(result.cost).add(&value.cost), weight: put_in(result.weight) }
    }
}

fn literal_weight(literal: &LiteralValue) -> f64 {
    to_double(match literal {
        LiteralValue::String(written) => meter::text_weight(written.inner().len()),
        LiteralValue::Bytes(written) => meter::text_weight(written.inner().len()),
        _ => 1,
    })
}

/// The largest number of rounds through such a value.
fn count(of: &Type) -> f64 {
    let most = of.alternatives().iter().map(|one| match one {
        Type::List(list) => to_double(list.max_items),
        Type::Object(map) => to_double(map.max_fields()),
        _ => f64::INFINITY,
    });
    most.fold(0.0, f64::max)
}

/// The largest weight of such a value.
#[allow(clippy::cast_precision_loss, reason = "an estimate")]
fn weight(of: &Type) -> f64 {
    match of {
        Type::Null | Type::Bool(_) | Type::Number(_) | Type::Timestamp | Type::Duration | Type::Kind => 1.0,
        Type::String(text) => text_weight(text),
        Type::List(list) => match list.max_items {
            0 => 1.0,
            UNLIMITED => f64::INFINITY,
            most => 1.0 + most as f64 * weight(&list.item),
        },
        Type::Object(Object { fields, rest: None }) => {
            let field = |(name, of): (&std::sync::Arc<str>, &crate::cel::types::Field)| {
                1.0 + name.len() as f64 / 64.0 + weight(&of.of)
            };
            1.0 + fields.iter().filter(|(_, field)| !field.of.is_never()).map(field).sum::<f64>()
        }
        Type::Optional(maybe) => 1.0 + weight(&maybe.value),
        Type::Union(types) => types.iter().map(weight).fold(0.0, f64::max),
        Type::Dyn | Type::Bytes | Type::Object(_) | Type::Map(..) => f64::INFINITY,
    }
}

fn text_weight(text: &Text) -> f64 {
    1.0 + to_double(text.most_bytes()) / 64.0
}
