//! Makes of a checked tree the one that runs: with operators that cannot fail, compiled patterns, and the meters that
//! bound the work.

use cel::{
    IdedExpr,
    common::{
        ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators},
        types::CelInt,
    },
};

use super::{
    library,
    macros::{is_bind, is_step},
    meter::{FUEL, PAY, ROUNDS},
    operators::REPLACED,
    pattern::{self, MATCHES, Pattern},
};

/// Functions whose cost does not depend on the size of what they are given.
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

/// Whether a call pays for what it is given.
pub(super) fn is_paid(name: &str) -> bool {
    !CHEAP.contains(&name)
}

/// Rewrites the tree; returns the patterns in it, whose places they have become.
pub(super) fn rewrite(ast: &mut IdedExpr) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    visit(ast, &mut patterns);
    patterns
}

fn visit(expr: &mut IdedExpr, patterns: &mut Vec<Pattern>) {
    match &mut expr.expr {
        Expr::Select(select) => visit(&mut select.operand, patterns),
        Expr::Call(call) => visit_call(call, patterns),
        Expr::List(list) => list.elements.iter_mut().for_each(|item| {
            visit(item, patterns);
            pay(item);
        }),
        Expr::Map(map) => map.entries.iter_mut().for_each(|entry| {
            if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                visit(&mut entry.key, patterns);
                visit(&mut entry.value, patterns);
                pay(&mut entry.value);
            }
        }),
        Expr::Comprehension(comprehension) => visit_comprehension(comprehension, patterns),
        Expr::Literal(_) | Expr::Ident(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
}

fn visit_call(call: &mut CallExpr, patterns: &mut Vec<Pattern>) {
    let stays = is_step(call);
    let own = library::find(call);
    let paid = is_paid(&call.func_name);
    for arg in call.target.iter_mut().map(|target| &mut **target).chain(&mut call.args) {
        visit(arg, patterns);
        if paid && !stays {
            pay(arg);
        }
    }
    if stays {
        return;
    }
    let count = call.args.len();
    let replaced = REPLACED.iter().find(|one| one.sign == call.func_name && one.args == count);
    if let Some(replaced) = replaced.filter(|_| call.target.is_none()) {
        call.func_name = replaced.name.to_owned();
    } else if call.func_name == "matches" {
        compile_pattern(call, patterns);
    } else if let Some(own) = own {
        if let Some(target) = call.target.take()
            && own.method
        {
            call.args.insert(0, *target);
        }
        if let Some(given) = own.given {
            let id = call.args.first().map_or(0, |first| first.id);
            call.args.insert(0, IdedExpr { id, expr: Expr::Ident(given.to_owned()) });
        }
        call.func_name = own.inner_name();
    }
}

/// `text.matches("pattern")` and `matches(text, "pattern")`; the pattern is known to be one.
fn compile_pattern(call: &mut CallExpr, patterns: &mut Vec<Pattern>) {
    let Some(last) = call.args.last_mut() else { return };
    let Expr::Literal(LiteralValue::String(text)) = &last.expr else { return };
    let Ok(compiled) = Pattern::new(text.inner()) else { return };
    last.expr = Expr::Ident(pattern::variable(patterns.len()));
    patterns.push(compiled);
    call.args.splice(0..0, call.target.take().map(|target| *target));
    call.func_name = MATCHES.to_owned();
}

fn visit_comprehension(comprehension: &mut ComprehensionExpr, patterns: &mut Vec<Pattern>) {
    let bind = is_bind(comprehension);
    let round = size(&comprehension.loop_step) + size(&comprehension.loop_cond);
    let parts = [
        &mut comprehension.iter_range,
        &mut comprehension.accu_init,
        &mut comprehension.loop_cond,
        &mut comprehension.loop_step,
        &mut comprehension.result,
    ];
    parts.into_iter().for_each(|part| visit(part, patterns));
    if bind {
        return;
    }
    let round = LiteralValue::Int(CelInt::from(i64::try_from(round).unwrap_or(i64::MAX)));
    let id = comprehension.iter_range.id;
    wrap(&mut comprehension.iter_range, ROUNDS, Some(IdedExpr { id, expr: Expr::Literal(round) }));
}

/// Whether a node pays for the size of its value where that is asked for.
pub(super) fn pays(expr: &IdedExpr) -> bool {
    match &expr.expr {
        Expr::Ident(name) => !name.starts_with('@') && !library::is_namespace(name),
        Expr::Select(select) => !select.test,
        Expr::Call(_) | Expr::Comprehension(_) => true,
        // Their parts have paid.
        Expr::List(_) | Expr::Map(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => false,
    }
}

fn pay(expr: &mut IdedExpr) {
    if pays(expr) {
        wrap(expr, PAY, None);
    }
}

fn wrap(expr: &mut IdedExpr, function: &str, more: Option<IdedExpr>) {
    let id = expr.id;
    let inner = std::mem::replace(expr, IdedExpr { id, expr: Expr::Unspecified });
    let fuel = IdedExpr { id, expr: Expr::Ident(FUEL.to_owned()) };
    let args = [fuel, inner].into_iter().chain(more).collect();
    expr.expr = Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args });
}

/// How many nodes a tree has, those of nested macros' bodies left out: these pay for themselves.
pub(super) fn size(expr: &IdedExpr) -> u64 {
    1 + match &expr.expr {
        Expr::Comprehension(inner) => size(&inner.iter_range) + size(&inner.accu_init),
        _ => super::span::parts(expr).into_iter().map(size).sum(),
    }
}
