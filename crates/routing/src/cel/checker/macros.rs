//! Macros.

use cel::{IdedExpr, common::ast::ComprehensionExpr};

use super::{Checker, facts::Facts};
use crate::cel::{
    macros::Macro,
    types::{List, Type},
};

impl Checker<'_> {
    pub(super) fn comprehension(
        &mut self,
        expr: &IdedExpr,
        comprehension: &ComprehensionExpr,
        facts: &Facts,
    ) -> Type {
        let Some(found) = Macro::of(comprehension) else {
            return self.wrong(expr, "this macro is not known here");
        };
        if let Macro::Bind { value, result } = found {
            let of = self.of(value, facts);
            return self.of(result, &facts.with(&comprehension.accu_var, of));
        }
        let range = self.of(&comprehension.iter_range, facts);
        let (item, min_items, max_items) = self.range(&comprehension.iter_range, &range);
        let inside = facts.with(&comprehension.iter_var, item);
        let of = match found {
            Macro::All(body) | Macro::Exists(body) | Macro::ExistsOne(body) => {
                self.boolean(body, &inside, "a condition");
                Type::BOOL
            }
            Macro::Map { filter, body } => {
                let inside = match filter {
                    Some(filter) => {
                        self.boolean(filter, &inside, "a condition");
                        self.quietly(|checker| checker.narrow(filter, true, &inside))
                    }
                    None => inside,
                };
                let item = self.of(body, &inside);
                // Without a body that can be reached, all that can come is an empty list.
                let max_items = if item.is_never() { 0 } else { max_items };
                Type::list_of(item, if filter.is_some() { 0 } else { min_items.min(max_items) }, max_items)
            }
            Macro::Bind { .. } => Type::NEVER,
        };
        if range.is_never() { Type::NEVER } else { of }
    }

    /// What a macro goes through, and how much of it there is.
    fn range(&mut self, expr: &IdedExpr, range: &Type) -> (Type, u64, u64) {
        let items = self.apply(expr, "a macro", &[(expr, range)], &|parts| match parts {
            [list @ Type::List(_)] => Some((*list).clone()),
            [Type::Object(map)] => Some(Type::list_of(map.keys(), map.min_fields(), map.max_fields())),
            [Type::Map(keys, _)] => Some(Type::list((**keys).clone())),
            _ => None,
        });
        match items {
            Type::List(List { item, min_items, max_items }) => ((*item).clone(), min_items, max_items),
            other => (other, 0, 0),
        }
    }
}
