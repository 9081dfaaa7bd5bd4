//! Lists and maps.

use std::{cmp::Ordering, collections::HashMap};

use cel::common::{
    types::{CelList, CelMap, CelMapKey},
    value::{CowVal, Val},
};

use super::{Args, Outcome, Own, count, perhaps, refuse};
use crate::cel::{
    operators::{Num, order},
    types::{List, Maybe, Object, Type},
    value::to_json,
};

pub(super) const ALL: &[Own] = &[
    Own {
        name: "first",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: one_of_list,
        run: |args| picked("first", args, |list| list.first()),
        usage: "`list.first()`",
        doc: "The first item, if there is one.",
        example: (r#"[3, 1].first().orValue(0)"#, r#"3"#),
    },
    Own {
        name: "last",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: one_of_list,
        run: |args| picked("last", args, |list| list.last()),
        usage: "`list.last()`",
        doc: "The last item, if there is one.",
        example: (r#"[3, 1].last().orValue(0)"#, r#"1"#),
    },
    Own {
        name: "min",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: best_of_list,
        run: |args| picked("min", args, |list| best(list, Ordering::Less)),
        usage: "`list.min()`",
        doc: "The least of numbers, or of texts, if there is one.",
        example: (r#"[3, 1.5].min().orValue(0)"#, r#"1.5"#),
    },
    Own {
        name: "max",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: best_of_list,
        run: |args| picked("max", args, |list| best(list, Ordering::Greater)),
        usage: "`list.max()`",
        doc: "The greatest of numbers, or of texts, if there is one.",
        example: (r#"['a', 'b'].max().orValue('')"#, r#""b""#),
    },
    Own {
        name: "sum",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::List(list)] if all_numbers(&list.item) => Some(Type::NUMBER),
            _ => None,
        },
        run: sum,
        usage: "`list.sum()`",
        doc: "The sum of numbers; 0 of none.",
        example: (r#"[1, 2.5].sum()"#, r#"3.5"#),
    },
    Own {
        name: "reverse",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: same_list,
        run: |args| rearranged("reverse", args, |items| items.reverse()),
        usage: "`list.reverse()`",
        doc: "The list from its end to its beginning.",
        example: (r#"[1, 2].reverse()"#, r#"[2,1]"#),
    },
    Own {
        name: "sort",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::List(list)] if has_order(&list.item) => same_list(args),
            _ => None,
        },
        run: |args| {
            rearranged("sort", args, |items| {
                items.sort_by(|a, b| order(a.as_ref(), b.as_ref()).unwrap_or(Ordering::Equal))
            })
        },
        usage: "`list.sort()`",
        doc: "Numbers, or texts, from the least to the greatest.",
        example: (r#"[3, 1, 2.5].sort()"#, r#"[1,2.5,3]"#),
    },
    Own {
        name: "distinct",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::List(list)] if list.item.in_json().is_some() => {
                Some(Type::list_of((*list.item).clone(), list.min_items.min(1), list.max_items))
            }
            _ => None,
        },
        run: distinct,
        usage: "`list.distinct()`",
        doc: "The list without what was in it before.",
        example: (r#"[1, 2, 1.0].distinct()"#, r#"[1,2]"#),
    },
    Own {
        name: "flatten",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::List(list)] => flat(list),
            _ => None,
        },
        run: flatten,
        usage: "`list.flatten()`",
        doc: "The items of the lists in a list, one after the other.",
        example: (r#"[[1], [2, 3]].flatten()"#, r#"[1,2,3]"#),
    },
    Own {
        name: "slice",
        method: true,
        least: 2,
        most: 3,
        given: None,
        rule: |args| match args {
            [Type::List(list), Type::Number(_)] | [Type::List(list), Type::Number(_), Type::Number(_)] => {
                Some(Type::list_of((*list.item).clone(), 0, list.max_items))
            }
            _ => None,
        },
        run: slice,
        usage: "`list.slice(start, end)`",
        doc: "The items from `start` up to `end`, or to the end of the list; what lies outside is left out.",
        example: (r#"[1, 2, 3].slice(1, 9)"#, r#"[2,3]"#),
    },
    Own {
        name: "keys",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::Object(map)] => Some(Type::list_of(map.keys(), map.min_fields(), map.max_fields())),
            _ => None,
        },
        run: |args| {
            listed("keys", args, |name, _| Box::new(cel::common::types::CelString::from(name.to_owned())))
        },
        usage: "`map.keys()`",
        doc: "The keys of a map, sorted.",
        example: (r#"{'b': 1, 'a': 2}.keys()"#, r#"["a","b"]"#),
    },
    Own {
        name: "values",
        method: true,
        least: 1,
        most: 1,
        given: None,
        rule: |args| match args {
            [Type::Object(map)] => Some(Type::list_of(map.values(), map.min_fields(), map.max_fields())),
            _ => None,
        },
        run: |args| listed("values", args, |_, value| value.clone_as_boxed()),
        usage: "`map.values()`",
        doc: "The values of a map, in the order of their keys.",
        example: (r#"{'b': 1, 'a': 2}.values()"#, r#"[2,1]"#),
    },
    Own {
        name: "merge",
        method: true,
        least: 2,
        most: 2,
        given: None,
        rule: |args| match args {
            [Type::Object(left), Type::Object(right)] => Some(Type::Object(merged(left, right))),
            _ => None,
        },
        run: merge,
        usage: "`map.merge(other)`",
        doc: "Both maps in one; where both have a key, the other's value.",
        example: (r#"{'a': 1}.merge({'b': 2})"#, r#"{"a":1,"b":2}"#),
    },
];

fn all_numbers(item: &Type) -> bool {
    item.alternatives().iter().all(|one| matches!(one, Type::Number(_)))
}

pub(super) fn all_texts(item: &Type) -> bool {
    item.alternatives().iter().all(|one| matches!(one, Type::String(_)))
}

/// Only what is of one kind has an order.
fn has_order(item: &Type) -> bool {
    all_numbers(item) || all_texts(item)
}

fn one_of_list(args: &[&Type]) -> Option<Type> {
    match args {
        [Type::List(list)] => {
            let sure = list.min_items > 0 && !list.item.is_never();
            Some(Type::Optional(Maybe { value: list.item.clone(), sure }))
        }
        _ => None,
    }
}

fn best_of_list(args: &[&Type]) -> Option<Type> {
    match args {
        [Type::List(list)] if has_order(&list.item) => one_of_list(args),
        _ => None,
    }
}

fn same_list(args: &[&Type]) -> Option<Type> {
    match args {
        [list @ Type::List(_)] => Some((*list).clone()),
        _ => None,
    }
}

fn flat(list: &List) -> Option<Type> {
    let (mut items, mut most) = (Vec::new(), 0);
    for one in list.item.alternatives() {
        match one {
            Type::List(inner) => {
                items.push((*inner.item).clone());
                most = most.max(inner.max_items);
            }
            _ => return None,
        }
    }
    Some(Type::list_of(Type::union(items), 0, list.max_items.saturating_mul(most)))
}

fn merged(left: &Object, right: &Object) -> Object {
    let names = left.fields.keys().chain(right.fields.keys());
    let field = |name: &std::sync::Arc<str>| {
        let (a, b) = (left.field(name), right.field(name));
        let required = [a, b].iter().flatten().any(|(_, required)| *required);
        let of = match (a, b) {
            (_, Some((of, true))) | (None, Some((of, false))) | (Some((of, _)), None) => of.clone(),
            (Some((a, _)), Some((b, false))) => a.clone().join(b.clone()),
            (None, None) => Type::NEVER,
        };
        (name.clone(), crate::cel::types::Field { of: of.into(), required })
    };
    let rest = Type::union([&left.rest, &right.rest].into_iter().flatten().map(|rest| (**rest).clone()));
    Object { fields: names.map(field).collect(), rest: (!rest.is_never()).then(|| rest.into()) }
}

type Item<'v> = Box<dyn Val + 'v>;

fn items<'a, 'v>(value: &'a CowVal<'_, 'v>) -> Option<&'a [Box<dyn Val + 'v>]> {
    value.as_ref().downcast_ref::<CelList<'v>>().map(|list| list.inner())
}

fn picked<'b, 'v>(
    name: &str,
    args: Args<'b, 'v>,
    pick: for<'a> fn(&'a [Item<'v>]) -> Option<&'a Item<'v>>,
) -> Outcome<'b, 'v> {
    match args.first().and_then(items) {
        Some(list) => perhaps(pick(list).map(|item| item.clone_as_boxed())),
        None => refuse(name, &args),
    }
}

fn best<'a, 'v>(list: &'a [Item<'v>], wanted: Ordering) -> Option<&'a Item<'v>> {
    list.iter()
        .reduce(|best, item| if order(item.as_ref(), best.as_ref()) == Some(wanted) { item } else { best })
}

fn sum<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let numbers = args
        .first()
        .and_then(items)
        .and_then(|list| list.iter().map(|item| Num::of(item.as_ref())).collect::<Option<Vec<_>>>());
    match numbers {
        Some(numbers) => Ok(CowVal::Owned(numbers.into_iter().fold(Num::Whole(0), Num::add).boxed())),
        None => refuse("sum", &args),
    }
}

fn rearranged<'b, 'v>(
    name: &str,
    args: Args<'b, 'v>,
    change: fn(&mut Vec<Box<dyn Val + 'v>>),
) -> Outcome<'b, 'v> {
    let Some(list) = args.first().and_then(items) else { return refuse(name, &args) };
    let mut list: Vec<_> = list.iter().map(|item| item.clone_as_boxed()).collect();
    change(&mut list);
    Ok(CowVal::owned(CelList::from(list)))
}

fn distinct<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let Some(list) = args.first().and_then(items) else { return refuse("distinct", &args) };
    let mut seen: HashMap<String, Vec<usize>> = HashMap::new();
    let mut kept: Vec<&Box<dyn Val + 'v>> = Vec::new();
    for item in list {
        let Ok(json) = to_json(item.as_ref()) else { return refuse("distinct", &args) };
        let alike = seen.entry(one_spelling(&json)).or_default();
        if !alike.iter().any(|at| kept.get(*at).is_some_and(|one| one.equals(item.as_ref()))) {
            alike.push(kept.len());
            kept.push(item);
        }
    }
    let kept: Vec<_> = kept.into_iter().map(|item| item.clone_as_boxed()).collect();
    Ok(CowVal::owned(CelList::from(kept)))
}

/// Texts of equal values are equal: 1 and 1.0 are.
fn one_spelling(json: &serde_json::Value) -> String {
    match json {
        serde_json::Value::Number(number) => number.as_f64().unwrap_or(f64::NAN).to_string(),
        serde_json::Value::Array(items) => items.iter().map(|item| one_spelling(item) + ",").collect(),
        serde_json::Value::Object(entries) => {
            let mut parts: Vec<_> =
                entries.iter().map(|(name, value)| format!("{name}:{},", one_spelling(value))).collect();
            parts.sort();
            parts.concat()
        }
        other => other.to_string(),
    }
}

fn flatten<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let Some(list) = args.first().and_then(items) else { return refuse("flatten", &args) };
    let mut flat = Vec::new();
    for inner in list {
        let Some(inner) = inner.downcast_ref::<CelList<'v>>() else { return refuse("flatten", &args) };
        flat.extend(inner.inner().iter().map(|item| item.clone_as_boxed()));
    }
    Ok(CowVal::owned(CelList::from(flat)))
}

fn slice<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let (list, start) = (args.first().and_then(items), args.get(1).and_then(count));
    let end = args.get(2).map_or(Some(usize::MAX), count);
    let (Some(list), Some(start), Some(end)) = (list, start, end) else { return refuse("slice", &args) };
    let part = list.iter().skip(start).take(end.saturating_sub(start)).map(|item| item.clone_as_boxed());
    Ok(CowVal::owned(CelList::from(part.collect::<Vec<_>>())))
}

/// Something of each entry, by key.
fn listed<'b, 'v>(
    name: &str,
    args: Args<'b, 'v>,
    take: fn(&str, &(dyn Val + 'v)) -> Box<dyn Val + 'v>,
) -> Outcome<'b, 'v> {
    let Some(map) = args.first().and_then(|map| map.as_ref().downcast_ref::<CelMap<'v>>()) else {
        return refuse(name, &args);
    };
    let mut entries: Vec<_> = map.inner().iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    let mut list = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let CelMapKey::String(key) = key else { return refuse(name, &args) };
        list.push(take(key.inner(), value.as_ref()));
    }
    Ok(CowVal::owned(CelList::from(list)))
}

fn merge<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let map = |at: usize| args.get(at).and_then(|map| map.as_ref().downcast_ref::<CelMap<'v>>());
    let (Some(left), Some(right)) = (map(0), map(1)) else { return refuse("merge", &args) };
    let both =
        left.inner().iter().chain(right.inner()).map(|(key, value)| (key.clone(), value.clone_as_boxed()));
    Ok(CowVal::owned(CelMap::from(both.collect::<HashMap<_, _>>())))
}
