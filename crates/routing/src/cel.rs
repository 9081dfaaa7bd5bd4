//! CEL, checked before it runs.
//!
//! A text is parsed once ([`expression::Parsed`]), checked against what is known of the events that it will see
//! ([`known::Known`]: of declared ones a JSON Schema), and becomes an [`expression::Expression`]. The check is strict
//! for declared events: what passes has a value, of the type that was found, for every event that satisfies the
//! schema. Of undeclared ones it refuses only what is certain to fail.
//!
//! In one place this language is kinder than CEL: JSON knows only one kind of number, so `+ - * / %` and the
//! comparisons take `int`, `uint` and `double` in any mix. A whole result stays whole where it fits an `int` or a
//! `uint` and becomes a `double` otherwise; doubles stop at the largest one instead of becoming infinite. Sums of times
//! stop at the years 1 and 9999. Only division by 0 fails.

mod checker;
pub(crate) mod expression;
pub(crate) mod fault;
pub(crate) mod known;
mod library;
mod macros;
mod meter;
mod operators;
mod pattern;
mod rewrite;
pub(crate) mod scan;
mod schema;
pub(crate) mod scope;
mod span;
mod stack;
pub(crate) mod types;
mod value;

pub(crate) use stack::on_large_stack;

#[cfg(test)]
#[path = "cel/cost_tests.rs"]
mod cost_tests;
#[cfg(test)]
#[path = "cel/promise_tests.rs"]
pub(crate) mod promise_tests;
