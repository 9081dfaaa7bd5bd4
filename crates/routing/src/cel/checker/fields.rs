//! Fields of maps and items of lists.

use cel::{
    IdedExpr,
    common::ast::{Expr, SelectExpr},
};

use super::{Checker, facts::Facts};
use crate::{
    cel::types::{List, Maybe, Number, Object, Type, items},
    fault::did_you_mean,
};

/// What comes of looking something up in one kind of value.
enum Found {
    /// It is there, and of this type.
    Sure(Type),
    /// It may be missing.
    Perhaps(Type),
    /// It is not there.
    Missing,
    /// Nothing can be looked up there, or not so.
    Unfit,
}

/// All that may come of it.
#[derive(Default)]
struct Search {
    types: Vec<Type>,
    missing: bool,
    perhaps: bool,
    unfit: Vec<Type>,
}

impl Search {
    fn of(place: &Type, find: impl Fn(&Type) -> Found) -> Self {
        let mut search = Self::default();
        for one in place.alternatives() {
            match find(one) {
                Found::Sure(of) => search.types.push(of),
                Found::Perhaps(of) => {
                    search.types.push(of);
                    search.perhaps = true;
                }
                Found::Missing => search.missing = true,
                Found::Unfit => search.unfit.push(one.clone()),
            }
        }
        search
    }

    fn is_safe(&self) -> bool {
        !self.missing && !self.perhaps && self.unfit.is_empty()
    }
}

impl Checker<'_> {
    /// `operand.field`.
    pub(super) fn select(&mut self, expr: &IdedExpr, select: &SelectExpr, facts: &Facts) -> Type {
        let place = self.of(&select.operand, facts);
        if place.is_never() {
            return Type::NEVER;
        }
        let search = Search::of(&place, |one| field(one, &select.field));
        if search.types.is_empty() {
            return self.no_field(expr, select, &place, &search, facts);
        }
        if place == Type::Dyn {
            self.undeclared(&select.operand);
        } else if !search.is_safe() {
            self.perhaps_no_field(expr, select, &place, &search);
        }
        Type::union(search.types)
    }

    fn no_field(
        &mut self,
        expr: &IdedExpr,
        select: &SelectExpr,
        place: &Type,
        search: &Search,
        facts: &Facts,
    ) -> Type {
        if !search.missing {
            let of = Type::union(search.unfit.iter().cloned());
            let text = self.source.quote(&select.operand);
            return self.wrong(expr, format!("`{text}` is {of}, which has no fields"));
        }
        let known: Vec<_> = place.alternatives().iter().filter_map(names).flatten().collect();
        let hint = match did_you_mean(&select.field, known.iter().map(|name| &**name)) {
            Some(hint) => format!("; {hint}"),
            None if !known.is_empty() && known.len() <= 12 => format!("; it has {}", known.join(", ")),
            None => String::new(),
        };
        let event = matches!(&select.operand.expr, Expr::Ident(name) if facts.is_event(name));
        let what =
            if event { "an event".to_owned() } else { format!("`{}`", self.source.quote(&select.operand)) };
        self.wrong(expr, format!("{what} has no `{}`{hint}", select.field))
    }

    fn perhaps_no_field(&mut self, expr: &IdedExpr, select: &SelectExpr, place: &Type, search: &Search) {
        let (text, parent) = (self.source.quote(expr), self.source.quote(&select.operand));
        if !search.unfit.is_empty() {
            let unfit = Type::union(search.unfit.iter().cloned());
            let help =
                format!("ask `{parent} != null` first, or use `{parent}.?{}.orValue(…)`", select.field);
            let message = format!("`{parent}` may be {unfit}, which has no fields");
            return self.unproven(&select.operand, message, help);
        }
        let declared =
            place.alternatives().iter().filter_map(names).flatten().any(|name| *name == *select.field);
        let message = format!("`{text}` may be missing");
        let help = format!(
            "use `{parent}.?{}.orValue(…)`, ask `has({text})` first, or list it under `required`{}",
            select.field,
            if declared { "" } else { " and `properties`" }
        );
        self.unproven(expr, message, help);
    }

    /// `has(operand.field)`.
    pub(super) fn presence(&mut self, expr: &IdedExpr, select: &SelectExpr, facts: &Facts) -> Type {
        let (place, strict) = (self.of(&select.operand, facts), self.strict);
        self.apply(expr, "`has`", &[(&select.operand, &place)], &|parts| match parts {
            [Type::Optional(maybe)] => {
                let (all, any) = holding(&maybe.value);
                (all || (any && !strict)).then_some(Type::BOOL)
            }
            [one] => match field(one, &select.field) {
                Found::Sure(_) => Some(Type::Bool(Some(true))),
                Found::Perhaps(_) => Some(Type::BOOL),
                Found::Missing => Some(Type::Bool(Some(false))),
                Found::Unfit => None,
            },
            _ => None,
        })
    }

    /// `operand[key]`.
    pub(super) fn index(
        &mut self,
        expr: &IdedExpr,
        operand: &IdedExpr,
        key: &IdedExpr,
        facts: &Facts,
    ) -> Type {
        let (place, at) = (self.of(operand, facts), self.of(key, facts));
        if place.is_never() || at.is_never() {
            return Type::NEVER;
        }
        if self.strict && (place == Type::Dyn || at == Type::Dyn) {
            self.undeclared(if place == Type::Dyn { operand } else { key });
        }
        let searches: Vec<_> =
            at.alternatives().iter().map(|at| Search::of(&place, |one| item(one, at))).collect();
        let safe = searches.iter().all(Search::is_safe);
        let types: Vec<_> = searches.into_iter().flat_map(|search| search.types).collect();
        if types.is_empty() {
            return self.no_item(expr, operand, &place, &at);
        }
        if !safe && place != Type::Dyn && at != Type::Dyn {
            let (text, key) = (self.source.quote(operand), self.source.quote(key));
            let message = format!("`{text}[{key}]` may be missing");
            self.unproven(expr, message, format!("use `{text}[?{key}].orValue(…)`"));
        }
        Type::union(types)
    }

    fn no_item(&mut self, expr: &IdedExpr, operand: &IdedExpr, place: &Type, at: &Type) -> Type {
        let text = self.source.quote(operand);
        let message = match (place, at) {
            (Type::List(List { max_items, .. }), Type::Number(_)) => {
                format!("`{text}` has at most {}; this is none of them", items(*max_items))
            }
            (Type::Object(_), Type::String(_)) => format!("`{text}` has no key {at}"),
            _ => format!("{at} cannot be looked up in {place}"),
        };
        self.wrong(expr, message)
    }

    /// `operand[?key]` and `operand.?field`, which never fail.
    pub(super) fn optional_index(&mut self, operand: &IdedExpr, key: &IdedExpr, facts: &Facts) -> Type {
        let (place, at) = (self.of(operand, facts), self.of(key, facts));
        if place.is_never() || at.is_never() {
            return Type::NEVER;
        }
        let (mut types, mut sure) = (Vec::new(), true);
        let mut fits = false;
        for at in at.alternatives() {
            for one in place.alternatives() {
                let (inside, certain) = match one {
                    Type::Optional(maybe) => (&*maybe.value, maybe.sure),
                    other => (other, true),
                };
                let search = Search::of(inside, |one| plain_item(one, at));
                fits |= search.unfit.len() < inside.alternatives().len() || inside.is_never();
                sure &= certain && search.is_safe() && *inside != Type::Dyn;
                types.extend(search.types);
            }
        }
        if !fits {
            let text = self.source.quote(operand);
            return self.wrong(operand, format!("`{text}` is {place}, in which there is nothing to look up"));
        }
        let value = Type::union(types);
        Type::Optional(Maybe { sure: sure && !value.is_never(), value: value.into() })
    }
}

/// Whether something can be looked up in all such values, and in any.
fn holding(of: &Type) -> (bool, bool) {
    let holds = |of: &Type| matches!(of, Type::Object(_) | Type::Map(..) | Type::List(_));
    let (all, any) = (of.alternatives().iter().all(holds), of.alternatives().iter().any(holds));
    (all, any || *of == Type::Dyn || of.is_never())
}

fn names(of: &Type) -> Option<Vec<&str>> {
    match of {
        Type::Object(Object { fields, .. }) => {
            Some(fields.iter().filter(|(_, field)| !field.of.is_never()).map(|(name, _)| &**name).collect())
        }
        _ => None,
    }
}

fn field(place: &Type, name: &str) -> Found {
    match place {
        Type::Dyn => Found::Perhaps(Type::Dyn),
        Type::Object(object) => match object.field(name) {
            Some((of, true)) => Found::Sure(of.clone()),
            Some((of, false)) => Found::Perhaps(of.clone()),
            None => Found::Missing,
        },
        Type::Map(keys, _) if keys.meet(&Type::TEXT).is_never() => Found::Missing,
        Type::Map(_, value) => Found::Perhaps((**value).clone()),
        // A field of an optional value is one, too.
        Type::Optional(maybe) => {
            let search = Search::of(&maybe.value, |one| field(one, name));
            let sure = maybe.sure && search.is_safe() && !maybe.value.is_never();
            let found = Type::Optional(Maybe { value: Type::union(search.types).into(), sure });
            match holding(&maybe.value) {
                (true, _) => Found::Sure(found),
                (false, true) => Found::Perhaps(found),
                (false, false) => Found::Unfit,
            }
        }
        _ => Found::Unfit,
    }
}

fn item(place: &Type, at: &Type) -> Found {
    match (place, at) {
        (Type::Dyn, _) => Found::Perhaps(Type::Dyn),
        (Type::List(list), Type::Number(at)) => list_item(list, at),
        (Type::List(list), Type::Dyn) => Found::Perhaps((*list.item).clone()),
        (Type::Object(object), Type::String(key)) => match &key.one_of {
            Some(names) => {
                let found: Vec<_> = names.iter().map(|name| object.field(name)).collect();
                let types = found.iter().flatten().map(|(of, _)| (*of).clone());
                let of = Type::union(types);
                match (of.is_never(), found.iter().all(|field| matches!(field, Some((_, true))))) {
                    (true, _) => Found::Missing,
                    (_, true) => Found::Sure(of),
                    (_, false) => Found::Perhaps(of),
                }
            }
            None => perhaps(object.values()),
        },
        (Type::Object(_), Type::Number(_) | Type::Bool(_)) => Found::Missing,
        (Type::Object(object), Type::Dyn) => perhaps(object.values()),
        (Type::Map(keys, value), Type::String(_) | Type::Number(_) | Type::Bool(_)) => {
            if keys.meet(at).is_never() { Found::Missing } else { Found::Perhaps((**value).clone()) }
        }
        (Type::Map(_, value), Type::Dyn) => Found::Perhaps((**value).clone()),
        (Type::Optional(maybe), _) => {
            let search = Search::of(&maybe.value, |one| plain_item(one, at));
            Found::Sure(Type::optional(Type::union(search.types)))
        }
        _ => Found::Unfit,
    }
}

/// Nothing is looked up in an optional value in an optional value.
fn plain_item(place: &Type, at: &Type) -> Found {
    if matches!(place, Type::Optional(_)) { Found::Unfit } else { item(place, at) }
}

fn perhaps(of: Type) -> Found {
    if of.is_never() { Found::Missing } else { Found::Perhaps(of) }
}

#[allow(clippy::cast_precision_loss, reason = "lists are shorter than what doubles count")]
fn list_item(list: &List, at: &Number) -> Found {
    let fits = at.meet(&Number::whole(0.0, (list.max_items as f64 - 1.0).max(-1.0)));
    if fits.is_empty() || list.item.is_never() {
        return Found::Missing;
    }
    let item = (*list.item).clone();
    let sure = at.whole && at.min >= 0.0 && at.max < list.min_items as f64;
    if sure { Found::Sure(item) } else { Found::Perhaps(item) }
}
