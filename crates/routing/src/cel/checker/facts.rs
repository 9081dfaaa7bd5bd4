//! What is known of the variables at some place of an expression.

use std::sync::Arc;

use cel::{
    IdedExpr,
    common::ast::{Expr, LiteralValue, operators},
};

use crate::cel::types::{Field, Object, Type};

/// The variables, the innermost last.
#[derive(Clone, Debug)]
pub(super) struct Facts(Vec<(Arc<str>, Type)>);

/// A variable, and fields below it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path<'e> {
    variable: &'e str,
    fields: Vec<&'e str>,
}

impl Facts {
    pub(super) fn new(name: &str, of: Type) -> Self {
        Self(vec![(name.into(), of)])
    }

    /// With one more variable.
    pub(super) fn with(&self, name: &str, of: Type) -> Self {
        let mut more = self.clone();
        more.0.push((name.into(), of));
        more
    }

    pub(super) fn get(&self, name: &str) -> Option<&Type> {
        self.0.iter().rfind(|(own, _)| **own == *name).map(|(_, of)| of)
    }

    /// The variable that was added last.
    pub(super) fn last(&self) -> Type {
        self.0.last().map_or(Type::NEVER, |(_, of)| of.clone())
    }

    /// The variable that was added first.
    pub(super) fn first(self) -> Type {
        self.0.into_iter().next().map_or(Type::NEVER, |(_, of)| of)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// Whether `name` is the event, and not a macro's variable that is called so.
    pub(super) fn is_event(&self, name: &str) -> bool {
        self.0.iter().rposition(|(own, _)| **own == *name) == Some(0)
    }

    /// What holds where nothing can be.
    pub(super) fn impossible(&self) -> Self {
        Self(self.0.iter().map(|(name, _)| (Arc::clone(name), Type::NEVER)).collect())
    }

    /// What holds if these do or those. Both have the same variables.
    pub(super) fn or(self, other: Self) -> Self {
        let join =
            |((name, a), (_, b)): ((Arc<str>, Type), (_, Type))| (name, if a == b { a } else { a.join(b) });
        Self(self.0.into_iter().zip(other.0).map(join).collect())
    }

    /// What is at `path` is as `narrow` makes it, which has to be there then.
    pub(super) fn narrowed(&self, path: &Path<'_>, narrow: &dyn Fn(&Type) -> Type) -> Self {
        let mut narrowed = self.clone();
        if let Some((_, of)) = narrowed.0.iter_mut().rfind(|(own, _)| **own == *path.variable) {
            *of = along(of, &path.fields, narrow);
        }
        if narrowed.0.iter().any(|(_, of)| of.is_never()) { self.impossible() } else { narrowed }
    }

    /// The last field of `path` is absent.
    pub(super) fn without(&self, path: &Path<'_>) -> Self {
        let Some((last, above)) = path.fields.split_last() else { return self.clone() };
        let parent = Path { variable: path.variable, fields: above.to_vec() };
        self.narrowed(&parent, &|of| Type::union(of.alternatives().iter().map(|one| lacking(one, last))))
    }
}

fn along(of: &Type, fields: &[&str], narrow: &dyn Fn(&Type) -> Type) -> Type {
    let Some((first, rest)) = fields.split_first() else { return narrow(of) };
    Type::union(of.alternatives().iter().map(|one| match one {
        Type::Dyn => with_field(&Object::open(), first, along(&Type::Dyn, rest, narrow)),
        Type::Object(object) => match object.field(first) {
            Some((child, _)) => with_field(object, first, along(child, rest, narrow)),
            None => Type::NEVER,
        },
        // What lies behind these is not told apart.
        Type::Map(..) | Type::Optional(_) => one.clone(),
        _ => Type::NEVER,
    }))
}

fn with_field(object: &Object, name: &str, of: Type) -> Type {
    if of.is_never() {
        return Type::NEVER;
    }
    let mut fields = object.fields.clone();
    fields.insert(name.into(), Field { of: Arc::new(of), required: true });
    Type::Object(Object { fields, rest: object.rest.clone() })
}

fn lacking(of: &Type, name: &str) -> Type {
    // Of other values nothing is said: `x.?name` is none there, too.
    let Type::Object(object) = of else { return of.clone() };
    if object.fields.get(name).is_some_and(|field| field.required) {
        return Type::NEVER;
    }
    let mut fields = object.fields.clone();
    fields.insert(name.into(), Field { of: Arc::new(Type::NEVER), required: false });
    Type::Object(Object { fields, rest: object.rest.clone() })
}

impl<'e> Path<'e> {
    /// `event.data.x`, `event.data["x"]`; also a variable alone.
    pub(super) fn of(expr: &'e IdedExpr) -> Option<Self> {
        match &expr.expr {
            Expr::Ident(name) => Some(Self { variable: name, fields: Vec::new() }),
            Expr::Select(select) if !select.test => Some(Self::of(&select.operand)?.with(&select.field)),
            Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
                [operand, key] => Some(Self::of(operand)?.with(constant_text(key)?)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The path that `has(…)` asks for.
    pub(super) fn of_test(expr: &'e IdedExpr) -> Option<Self> {
        match &expr.expr {
            Expr::Select(select) if select.test => Some(Self::of(&select.operand)?.with(&select.field)),
            _ => None,
        }
    }

    /// The path of `event.data.?x`, and whether only its last field may be missing.
    pub(super) fn of_optional(expr: &'e IdedExpr) -> Option<(Self, bool)> {
        match &expr.expr {
            Expr::Call(call)
                if matches!(call.func_name.as_str(), operators::OPT_SELECT | operators::OPT_INDEX) =>
            {
                let [operand, key] = call.args.as_slice() else { return None };
                let key = constant_text(key)?;
                match Self::of_optional(operand) {
                    Some((path, _)) => Some((path.with(key), false)),
                    None => Some((Self::of(operand)?.with(key), true)),
                }
            }
            Expr::Select(select) if !select.test => {
                Some((Self::of_optional(&select.operand)?.0.with(&select.field), false))
            }
            _ => None,
        }
    }

    pub(super) fn with(mut self, field: &'e str) -> Self {
        self.fields.push(field);
        self
    }
}

/// The text, if the node is one written out.
pub(super) fn constant_text(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}
