//! Calls of functions.

use std::cell::Cell;

use cel::{
    IdedExpr,
    common::{
        ast::{CallExpr, Expr, LiteralValue},
        types::CelString,
        value::CowVal,
    },
};

use super::{
    Checker,
    facts::Facts,
    standard::{self, Made, Standard},
};
use crate::{
    cel::{
        library::{self, Own},
        pattern::Pattern,
        types::Type,
    },
    fault::did_you_mean,
};

impl Checker<'_> {
    pub(super) fn call(&mut self, expr: &IdedExpr, call: &CallExpr, facts: &Facts) -> Type {
        if let Some(of) = self.operator(expr, call, facts) {
            return of;
        }
        let (name, method) = library::called(call);
        if name == "matches" {
            self.pattern(call);
        }
        let target = call.target.as_deref().filter(|_| method);
        let args: Vec<&IdedExpr> = target.into_iter().chain(&call.args).collect();
        let types: Vec<Type> = args.iter().map(|arg| self.of(arg, facts)).collect();
        let operands: Vec<_> = args.iter().copied().zip(&types).collect();
        let counts = |least: usize, most: usize| (least..=most).contains(&args.len());
        let named = Overloads::of(&name, method);
        if named.is_empty() {
            return self.no_function(expr, &name, method);
        }
        let own = named.own.into_iter().find(|own| counts(own.least, own.most));
        let standard: Vec<_> = named.standard.into_iter().filter(|one| counts(one.least, one.most)).collect();
        let what = format!("`{name}`");
        match own {
            Some(own) => {
                let strict = self.strict;
                // What is in a list is not tried one by one.
                let vague = |parts: &[&Type]| !strict && parts.iter().any(|part| is_vague(part));
                self.apply(expr, &what, &operands, &|parts| {
                    (own.rule)(parts).or_else(|| vague(parts).then_some(Type::Dyn))
                })
            }
            None if standard.is_empty() => {
                let given = args.len() - usize::from(method);
                self.wrong(expr, format!("{what} does not take {given} argument{}", plural(given)))
            }
            None => self.standard(expr, &name, &operands, &standard),
        }
    }

    fn standard(
        &mut self,
        expr: &IdedExpr,
        name: &str,
        operands: &[(&IdedExpr, &Type)],
        standard: &[&Standard],
    ) -> Type {
        let risk: Cell<Option<&'static str>> = Cell::new(None);
        let of = self.apply(expr, &format!("`{name}`"), operands, &|parts| match standard
            .iter()
            .find_map(|one| (one.rule)(parts))?
        {
            Made::Surely(of) => Some(of),
            Made::Perhaps(of, help) => {
                risk.set(Some(help));
                Some(of)
            }
        });
        let Some(help) = risk.get().filter(|_| !of.is_never()) else { return of };
        match tried(name, operands, standard.iter().any(|one| one.method)) {
            Some(true) => of,
            Some(false) => self.wrong(expr, format!("`{}` fails", self.source.quote(expr))),
            None => {
                self.unproven(expr, format!("`{}` may fail", self.source.quote(expr)), help);
                of
            }
        }
    }

    fn no_function(&mut self, expr: &IdedExpr, name: &str, method: bool) -> Type {
        if !Overloads::of(name, !method).is_empty() {
            let how = if method { format!("`{name}(…)`") } else { format!("`….{name}(…)`") };
            return self.wrong(expr, format!("`{name}` is called so: {how}"));
        }
        let known = standard::ALL.iter().map(|one| one.name).chain(library::all().map(|own| own.name));
        let macros = ["all", "exists", "exists_one", "map", "filter", "has", "optMap", "optFlatMap"];
        let hint =
            did_you_mean(name, known.chain(macros)).map(|hint| format!("; {hint}")).unwrap_or_default();
        self.wrong(expr, format!("unknown function `{name}`{hint}"))
    }

    /// The pattern of `matches` is compiled with the expression.
    fn pattern(&mut self, call: &CallExpr) {
        let Some(last) = call.args.last() else { return };
        match &last.expr {
            Expr::Literal(LiteralValue::String(text)) => {
                if let Err(why) = Pattern::new(text.inner()) {
                    self.wrong(last, format!("not a pattern: {why}"));
                }
            }
            _ => {
                self.wrong(last, "the pattern of `matches` is a text written out, not computed");
            }
        }
    }
}

/// The functions of one name.
struct Overloads {
    own: Vec<&'static Own>,
    standard: Vec<&'static Standard>,
}

impl Overloads {
    fn of(name: &str, method: bool) -> Self {
        Self {
            own: library::all().filter(|own| own.name == name && own.method == method).collect(),
            standard: standard::ALL.iter().filter(|one| one.name == name && one.method == method).collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.own.is_empty() && self.standard.is_empty()
    }
}

/// Whether a function of texts that are all known works for them. `None` if it is not known, or works for some.
fn tried(name: &str, operands: &[(&IdedExpr, &Type)], method: bool) -> Option<bool> {
    let constant = |of: &Type| match of {
        Type::String(text) => text.one_of.as_ref().map(|texts| texts.iter().cloned().collect::<Vec<_>>()),
        _ => None,
    };
    let texts = match operands {
        [(_, text)] if !method => constant(text)?,
        // The time zone of a part of a time.
        [(_, Type::Timestamp), (_, zone)] => return zones(&constant(zone)?),
        _ => return None,
    };
    let works: Vec<bool> = texts
        .iter()
        .map(|text| {
            let name = if name == "timestamp" { "@timestamp" } else { name };
            let arg = vec![CowVal::owned(CelString::from(text.to_string()))];
            library::ENVIRONMENT.find_overload(name, &arg).is_some_and(|run| run(arg).is_ok())
        })
        .collect();
    all_or_none(&works)
}

fn zones(texts: &[std::sync::Arc<str>]) -> Option<bool> {
    let works: Vec<bool> = texts.iter().map(|zone| signalbox_schedules::time_zone(zone).is_ok()).collect();
    all_or_none(&works).filter(|works| *works)
}

fn all_or_none(works: &[bool]) -> Option<bool> {
    match (works.contains(&true), works.contains(&false)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

/// Whether a list may have items of several kinds.
fn is_vague(of: &Type) -> bool {
    matches!(of, Type::List(list) if *list.item == Type::Dyn || list.item.alternatives().len() > 1)
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
