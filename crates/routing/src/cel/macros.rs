//! CEL's macros, found again in what the parser made of them.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators},
};

/// What a comprehension was written as.
pub(super) enum Macro<'e> {
    /// `value.optMap(name, result)` and the like: a value under a name.
    Bind { value: &'e IdedExpr, result: &'e IdedExpr },
    /// `range.all(x, body)`.
    All(&'e IdedExpr),
    /// `range.exists(x, body)`.
    Exists(&'e IdedExpr),
    /// `range.exists_one(x, body)`.
    ExistsOne(&'e IdedExpr),
    /// `range.map(x, body)`, `range.map(x, filter, body)` and `range.filter(x, filter)`, whose body is `x`.
    Map { filter: Option<&'e IdedExpr>, body: &'e IdedExpr },
}

impl<'e> Macro<'e> {
    /// `None` for what no macro makes.
    pub(super) fn of(comprehension: &'e ComprehensionExpr) -> Option<Self> {
        if is_bind(comprehension) {
            return Some(Self::Bind { value: &comprehension.accu_init, result: &comprehension.result });
        }
        let accumulator = comprehension.accu_var.as_str();
        let step = call(&comprehension.loop_step)?;
        match (step.func_name.as_str(), step.args.as_slice()) {
            (operators::LOGICAL_AND, [accu, body]) if is_name(accu, accumulator) => Some(Self::All(body)),
            (operators::LOGICAL_OR, [accu, body]) if is_name(accu, accumulator) => Some(Self::Exists(body)),
            (operators::ADD, _) => Some(Self::Map { filter: None, body: added(step, accumulator)? }),
            (operators::CONDITIONAL, [filter, step, accu]) if is_name(accu, accumulator) => {
                let step = call(step)?;
                if let Some(body) = added(step, accumulator) {
                    return Some(Self::Map { filter: Some(filter), body });
                }
                let counts = matches!(step.args.last().map(|one| &one.expr), Some(Expr::Literal(_)));
                counts.then_some(Self::ExistsOne(filter))
            }
            _ => None,
        }
    }
}

/// Whether a comprehension only gives a value a name: it has nothing to go through.
pub(super) fn is_bind(comprehension: &ComprehensionExpr) -> bool {
    matches!(&comprehension.iter_range.expr, Expr::List(list) if list.elements.is_empty())
        && matches!(&comprehension.loop_cond.expr, Expr::Literal(LiteralValue::Boolean(flag)) if !*flag.inner())
}

/// The `x` of `accumulator + [x]`.
fn added<'e>(step: &'e CallExpr, accumulator: &str) -> Option<&'e IdedExpr> {
    match (step.func_name.as_str(), step.args.as_slice()) {
        (operators::ADD, [accu, items]) if is_name(accu, accumulator) => match &items.expr {
            Expr::List(list) => list.elements.first(),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a call is the step of a macro, which has to stay as the evaluator knows it.
pub(super) fn is_step(call: &CallExpr) -> bool {
    call.func_name == operators::ADD
        && matches!(call.args.first().map(|first| &first.expr), Some(Expr::Ident(name)) if name.starts_with('@'))
}

fn call(expr: &IdedExpr) -> Option<&CallExpr> {
    match &expr.expr {
        Expr::Call(call) if call.target.is_none() => Some(call),
        _ => None,
    }
}

fn is_name(expr: &IdedExpr, name: &str) -> bool {
    matches!(&expr.expr, Expr::Ident(own) if own == name)
}
