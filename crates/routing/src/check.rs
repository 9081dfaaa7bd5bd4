//! What is asked of an expression beyond its grammar, and the meters that bound its evaluation.
//!
//! CEL has no loops without end, but its macros nest, and `+` doubles what it is given. So every value that
//! is read by a function, or gathered in a list or map, and every round of a macro is paid for from a fixed
//! sum. The calls that pay (see [`crate::scope`]) are put into the syntax tree here.

use cel::{
    IdedExpr,
    common::{
        ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SourceInfo, operators},
        types::CelInt,
    },
};

use crate::{
    expression::{BadExpression, ENVIRONMENT},
    fault::did_you_mean,
    scope::{EVENT, FIELDS, PAY, ROUNDS},
};

/// How deep the syntax tree may be: an evaluation takes up to 40 KiB of stack a level in a debug build.
const MAX_DEPTH: usize = 24;

/// Operators whose cost does not depend on the size of what they are given.
const CHEAP: [&str; 8] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::NOT_STRICTLY_FALSE,
    operators::INDEX,
    operators::OPT_INDEX,
    operators::OPT_SELECT,
];

/// Checks a tree and puts the meters in.
pub(crate) fn check(mut ast: IdedExpr, source: &SourceInfo) -> Result<IdedExpr, BadExpression> {
    Checker { source, variables: vec![EVENT.to_owned()] }.visit(&mut ast, 0)?;
    Ok(ast)
}

/// The fields below `event.data`, if that is all that the expression reads: `event.data.order.id`.
pub(crate) fn data_path(ast: &IdedExpr) -> Option<Vec<String>> {
    let Expr::Select(select) = &ast.expr else { return None };
    if select.test {
        return None;
    }
    if select.field == "data" && matches!(&select.operand.expr, Expr::Ident(name) if name == EVENT) {
        return Some(Vec::new());
    }
    let mut path = data_path(&select.operand)?;
    path.push(select.field.clone());
    Some(path)
}

struct Checker<'s> {
    source: &'s SourceInfo,
    /// `event` and the variables of the macros around.
    variables: Vec<String>,
}

type Checked = Result<(), BadExpression>;

impl Checker<'_> {
    fn fault(&self, expr: &IdedExpr, message: impl Into<String>) -> BadExpression {
        let offset = self.source.offset_for(expr.id).and_then(|(start, _)| usize::try_from(start).ok());
        BadExpression::new(offset.unwrap_or(0), message)
    }

    fn visit(&mut self, expr: &mut IdedExpr, depth: usize) -> Checked {
        if depth > MAX_DEPTH {
            return Err(self.fault(expr, format!("the expression is nested deeper than {MAX_DEPTH}")));
        }
        let place = IdedExpr { id: expr.id, expr: Expr::Unspecified };
        match &mut expr.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(&place, name),
            Expr::Select(select) => {
                if matches!(&select.operand.expr, Expr::Ident(name) if self.is_event(name)) {
                    return self.field(&place, &select.field);
                }
                // A path costs no stack when it starts at a name.
                let deeper = usize::from(!starts_at_name(&select.operand));
                self.visit(&mut select.operand, depth + deeper)
            }
            Expr::Call(call) => self.call(&place, call, depth),
            Expr::List(list) => list.elements.iter_mut().try_for_each(|item| {
                self.visit(item, depth + 1)?;
                self.pay(item);
                Ok(())
            }),
            Expr::Map(map) => map.entries.iter_mut().try_for_each(|entry| {
                let EntryExpr::MapEntry(entry) = &mut entry.expr else {
                    return Err(self.fault(&place, "a map has keys and values"));
                };
                self.visit(&mut entry.key, depth + 1)?;
                self.visit(&mut entry.value, depth + 1)?;
                self.pay(&mut entry.value);
                Ok(())
            }),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, depth),
            Expr::Struct(_) => Err(self.fault(&place, "message types are not known here; use a map")),
            Expr::Unspecified => Err(self.fault(&place, "the expression is incomplete")),
        }
    }

    fn call(&mut self, place: &IdedExpr, call: &mut CallExpr, depth: usize) -> Checked {
        let pattern = call.args.last().map(|arg| &arg.expr);
        if call.func_name == "matches" && !matches!(pattern, Some(Expr::Literal(LiteralValue::String(_)))) {
            return Err(self.fault(place, "the pattern of `matches` is a text written out, not computed"));
        }
        for arg in call.target.iter_mut().map(|target| &mut **target).chain(&mut call.args) {
            self.visit(arg, depth + 1)?;
            if !CHEAP.contains(&call.func_name.as_str()) {
                self.pay(arg);
            }
        }
        Ok(())
    }

    fn comprehension(&mut self, comprehension: &mut ComprehensionExpr, depth: usize) -> Checked {
        self.visit(&mut comprehension.iter_range, depth + 2)?;
        self.visit(&mut comprehension.accu_init, depth + 2)?;
        let outside = self.variables.len();
        self.variables.extend([comprehension.iter_var.clone(), comprehension.accu_var.clone()]);
        self.variables.extend(comprehension.iter_var2.clone());
        let inside = [&mut comprehension.loop_cond, &mut comprehension.loop_step, &mut comprehension.result];
        inside.into_iter().try_for_each(|part| self.visit(part, depth + 2))?;
        self.variables.truncate(outside);
        let round = size(&comprehension.loop_step) + size(&comprehension.loop_cond);
        let round = LiteralValue::Int(CelInt::from(i64::try_from(round).unwrap_or(i64::MAX)));
        let id = comprehension.iter_range.id;
        wrap(&mut comprehension.iter_range, ROUNDS, Some(IdedExpr { id, expr: Expr::Literal(round) }));
        Ok(())
    }

    /// Whether `name` is the event, and not a macro's variable that is called so.
    fn is_event(&self, name: &str) -> bool {
        self.variables.iter().rposition(|variable| variable == name) == Some(0)
    }

    fn name(&self, place: &IdedExpr, name: &str) -> Checked {
        let known = self.variables.iter().any(|variable| variable == name)
            || name == "optional"
            || ENVIRONMENT.types().find_type(name).is_some();
        if known {
            return Ok(());
        }
        let known = self.variables.iter().map(String::as_str).filter(|v| !v.starts_with('@'));
        let hint = did_you_mean(name, known).map(|hint| format!("; {hint}")).unwrap_or_default();
        Err(self.fault(place, format!("unknown name `{name}`{hint}")))
    }

    fn field(&self, place: &IdedExpr, field: &str) -> Checked {
        if FIELDS.contains(&field) {
            return Ok(());
        }
        let hint = match did_you_mean(field, FIELDS) {
            Some(hint) => format!("; {hint}"),
            None => format!("; it has {}", FIELDS.join(", ")),
        };
        Err(self.fault(place, format!("an event has no `{field}`{hint}")))
    }

    /// Makes `expr` pay for the size of its value, where that is not known.
    fn pay(&self, expr: &mut IdedExpr) {
        let sized = match &expr.expr {
            Expr::Ident(name) => !name.starts_with('@') && self.variables.contains(name),
            Expr::Select(select) => !select.test,
            Expr::Call(_) | Expr::Comprehension(_) => true,
            _ => false,
        };
        if sized {
            wrap(expr, PAY, None);
        }
    }
}

fn starts_at_name(expr: &IdedExpr) -> bool {
    match &expr.expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => !select.test && starts_at_name(&select.operand),
        _ => false,
    }
}

fn wrap(expr: &mut IdedExpr, function: &str, more: Option<IdedExpr>) {
    let id = expr.id;
    let args = std::iter::once(std::mem::take(expr)).chain(more).collect();
    *expr =
        IdedExpr { id, expr: Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args }) };
}

/// How many nodes a tree has, those of nested macros' bodies left out: these pay for themselves.
fn size(expr: &IdedExpr) -> usize {
    1 + match &expr.expr {
        Expr::Call(call) => {
            call.target.iter().map(|t| size(t)).sum::<usize>() + call.args.iter().map(size).sum::<usize>()
        }
        Expr::Select(select) => size(&select.operand),
        Expr::List(list) => list.elements.iter().map(size).sum(),
        Expr::Map(map) => map.entries.len(),
        Expr::Comprehension(inner) => size(&inner.iter_range),
        _ => 0,
    }
}
