//! Finds what an expression evaluates to, and where it can fail, before there is a value.
//!
//! Each node gets a type from the types of its parts. What is certain to fail is a fault in any case. Where the data
//! are declared, what may fail is a fault too: an expression that passes then has a value, of its type, for every
//! event that satisfies the schema. Conditions narrow what is known where they hold.

mod calls;
mod cost;
mod facts;
mod fields;
mod judgement;
mod macros;
mod narrow;
mod operators;
mod standard;

use std::collections::HashMap;

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr, ListExpr, LiteralValue, MapExpr},
};
use facts::Facts;

use super::{
    fault::{BadExpression, Flaw},
    known::Known,
    library,
    scope::EVENT,
    span::Source,
    types::{Field, Number, Object, Type},
};
use crate::fault::did_you_mean;

/// How deep the syntax tree may be: an evaluation takes up to 40 KiB of stack a level in a debug build.
const MAX_DEPTH: usize = 24;

/// What the checker found.
pub(crate) struct Checked {
    /// All that is wrong with it.
    pub(crate) faults: Vec<BadExpression>,
    /// What the expression evaluates to.
    pub(crate) value: Type,
    /// The same in JSON.
    pub(crate) kind: Type,
    /// What is known of an event for which it is true.
    pub(crate) if_true: Known,
}

/// Checks `expr` for the events that are `known`.
pub(super) fn check(expr: &IdedExpr, source: &Source<'_>, known: &Known) -> Checked {
    let facts = Facts::new(EVENT, known.event.clone());
    let mut checker = Checker {
        source,
        strict: known.strict,
        faults: Vec::new(),
        types: HashMap::new(),
        quiet: 0,
        depth: 0,
        narrowing: 0,
    };
    let of = checker.of(expr, &facts);
    let kind = checker.in_json(expr, &of);
    let event = if of.as_bool() == Some(false) {
        Type::NEVER
    } else {
        checker.quietly(|checker| checker.narrow(expr, true, &facts)).first()
    };
    if known.strict && checker.faults.is_empty() {
        checker.faults.extend(cost::check(expr, source, &checker.types));
    }
    let Checker { mut faults, .. } = checker;
    faults.sort();
    faults.dedup();
    Checked { faults, value: of, kind, if_true: Known { event, strict: known.strict } }
}

struct Checker<'s> {
    source: &'s Source<'s>,
    strict: bool,
    faults: Vec<BadExpression>,
    /// By node. Only a strict check asks for them.
    types: HashMap<u64, Type>,
    /// How many times in one another we only look, and note nothing.
    quiet: usize,
    depth: usize,
    narrowing: usize,
}

impl Checker<'_> {
    /// The type of a node.
    fn of(&mut self, expr: &IdedExpr, facts: &Facts) -> Type {
        // A path costs no stack when it starts at a name.
        let deeper = match &expr.expr {
            Expr::Comprehension(_) => 2,
            Expr::Select(_) if starts_at_name(expr) => 0,
            _ => 1,
        };
        self.depth += deeper;
        let of = if self.depth > MAX_DEPTH + 1 {
            let message = format!("the expression is nested deeper than {MAX_DEPTH}");
            self.fault(BadExpression::at(self.source.span(expr), Flaw::Syntax, message));
            Type::NEVER
        } else {
            self.node(expr, facts)
        };
        self.depth -= deeper;
        if self.strict && self.quiet == 0 {
            self.types.insert(expr.id, of.clone());
        }
        of
    }

    fn node(&mut self, expr: &IdedExpr, facts: &Facts) -> Type {
        match &expr.expr {
            Expr::Literal(literal) => of_literal(literal),
            Expr::Ident(name) => self.name(expr, name, facts),
            Expr::Select(select) if select.test => self.presence(expr, select, facts),
            Expr::Select(select) => self.select(expr, select, facts),
            Expr::Call(call) => self.call(expr, call, facts),
            Expr::List(list) => self.list(list, facts),
            Expr::Map(map) => self.map(expr, map, facts),
            Expr::Comprehension(comprehension) => self.comprehension(expr, comprehension, facts),
            Expr::Struct(_) => self.wrong(expr, "message types are not known here; use a map"),
            Expr::Unspecified => self.wrong(expr, "the expression is incomplete"),
        }
    }

    fn name(&mut self, expr: &IdedExpr, name: &str, facts: &Facts) -> Type {
        if let Some(of) = facts.get(name) {
            return of.clone();
        }
        if library::ENVIRONMENT.types().find_type(name).is_some() {
            return Type::Kind;
        }
        let known = facts.names().filter(|known| !known.starts_with('@'));
        let hint = did_you_mean(name, known).map(|hint| format!("; {hint}")).unwrap_or_default();
        self.wrong(expr, format!("unknown name `{name}`{hint}"))
    }

    fn list(&mut self, list: &ListExpr, facts: &Facts) -> Type {
        let (mut items, mut least, most) = (Vec::new(), 0, list.elements.len() as u64);
        let mut reached = true;
        for (index, element) in list.elements.iter().enumerate() {
            let of = self.of(element, facts);
            reached &= !of.is_never();
            if list.optional_indices.contains(&index) {
                items.push(unwrapped(&of));
            } else {
                least += 1;
                items.push(of);
            }
        }
        if reached { Type::list_of(Type::union(items), least, most) } else { Type::NEVER }
    }

    fn map(&mut self, expr: &IdedExpr, map: &MapExpr, facts: &Facts) -> Type {
        let mut object = Object { fields: std::collections::BTreeMap::new(), rest: None };
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        let mut computed = None;
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                return self.wrong(expr, "a map has keys and values");
            };
            let key = self.of(&entry.key, facts);
            let key = self.key(&entry.key, key);
            let of = self.of(&entry.value, facts);
            let of = if entry.optional { unwrapped(&of) } else { of };
            match facts::constant_text(&entry.key) {
                Some(name) if object.fields.contains_key(name) => {
                    self.wrong(&entry.key, format!("the key `{name}` is there twice"));
                }
                Some(name) => {
                    let field = Field { of: of.clone().into(), required: !entry.optional };
                    object.fields.insert(name.into(), field);
                }
                None if !matches!(entry.key.expr, Expr::Literal(_)) => computed = Some(&entry.key),
                None => {}
            }
            values.push(of);
            keys.push(key);
        }
        if let Some(key) = computed.filter(|_| map.entries.len() > 1) {
            let message = format!("the key `{}` may be there twice", self.source.quote(key));
            self.unproven(
                key,
                message,
                "write keys out where a map has several; join maps with `a.merge(b)`",
            );
        }
        let keys = Type::union(keys);
        match &keys {
            Type::String(_) if object.fields.len() == map.entries.len() => {
                Type::union([Type::Object(object)])
            }
            Type::String(_) => Type::map(Type::union(values)),
            keys if keys.is_never() && map.entries.is_empty() => Type::Object(object),
            keys if keys.is_never() => Type::NEVER,
            _ => {
                if self.strict && keys.alternatives().len() > 1 {
                    self.unproven(expr, "the keys of a map are of one type", "write all keys as texts");
                }
                self.repeated_numbers(map);
                Type::Map(keys.into(), Type::union(values).into())
            }
        }
    }

    /// A number that is a key is one only once, however it is written.
    fn repeated_numbers(&mut self, map: &MapExpr) {
        let mut seen: Vec<Type> = Vec::new();
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else { continue };
            let Expr::Literal(literal) = &entry.key.expr else { continue };
            let of = of_literal(literal);
            if seen.contains(&of) {
                self.wrong(&entry.key, format!("the key `{of}` is there twice"));
            }
            seen.push(of);
        }
    }

    fn key(&mut self, expr: &IdedExpr, of: Type) -> Type {
        let integer = matches!(&expr.expr, Expr::Literal(LiteralValue::Int(_) | LiteralValue::UInt(_)));
        let strict = self.strict;
        self.apply(expr, "the key of a map", &[(expr, &of)], &|parts| match parts {
            [key @ (Type::String(_) | Type::Bool(_))] => Some((*key).clone()),
            [key @ Type::Number(_)] if integer || !strict => Some((*key).clone()),
            _ => None,
        })
    }

    /// What is left of a result in JSON.
    fn in_json(&mut self, expr: &IdedExpr, of: &Type) -> Type {
        if let Some(kind) = of.in_json() {
            return kind;
        }
        if of.alternatives().iter().all(|one| *one == Type::Kind) {
            return self.wrong(expr, "a type has no place in JSON");
        }
        self.unproven(expr, "a part of this is a type, which has no place in JSON", "leave it out");
        Type::Dyn
    }

    fn fault(&mut self, fault: BadExpression) {
        if self.quiet == 0 {
            self.faults.push(fault);
        }
    }

    /// Notes what fails in any case. There is no value then.
    fn wrong(&mut self, expr: &IdedExpr, message: impl Into<String>) -> Type {
        self.fault(BadExpression::at(self.source.span(expr), Flaw::Wrong, message));
        Type::NEVER
    }

    /// Notes what fails on some events, if it has to be proven that none do.
    fn unproven(&mut self, expr: &IdedExpr, message: impl Into<String>, help: impl Into<String>) {
        if self.strict {
            self.fault(BadExpression::at(self.source.span(expr), Flaw::Unproven, message).help(help));
        }
    }

    /// Looks at something without noting what is wrong with it.
    fn quietly<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        self.quiet += 1;
        let seen = look(self);
        self.quiet -= 1;
        seen
    }
}

fn of_literal(literal: &LiteralValue) -> Type {
    #[allow(clippy::cast_precision_loss, reason = "bounds are rounded outwards")]
    match literal {
        LiteralValue::Boolean(flag) => Type::Bool(Some(*flag.inner())),
        LiteralValue::Bytes(_) => Type::Bytes,
        LiteralValue::Double(double) => Type::Number(Number::exactly(*double.inner())),
        LiteralValue::Int(int) => Type::Number(Number::exactly(*int.inner() as f64)),
        LiteralValue::UInt(uint) => Type::Number(Number::exactly(*uint.inner() as f64)),
        LiteralValue::Null => Type::Null,
        LiteralValue::String(text) => Type::text(text.inner()),
    }
}

/// What an optional value is if it is there; other values as they are.
fn unwrapped(of: &Type) -> Type {
    Type::union(of.alternatives().iter().map(|one| match one {
        Type::Optional(maybe) => (*maybe.value).clone(),
        other => other.clone(),
    }))
}

fn starts_at_name(expr: &IdedExpr) -> bool {
    match &expr.expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => !select.test && starts_at_name(&select.operand),
        _ => false,
    }
}
