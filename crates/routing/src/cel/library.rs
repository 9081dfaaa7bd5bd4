//! Functions that CEL does not have. None of them fails: what may have no value answers an optional one.
//!
//! Each is told in `docs/reference/expressions.md`; a test compares.

mod ids;
mod lists;
mod texts;
mod values;

use std::sync::{Arc, LazyLock};

use cel::{
    Env,
    common::{
        ast::{CallExpr, Expr},
        functions::Function,
        types::{CelBytes, CelOptional, CelString, DYN_TYPE},
        value::{CowVal, Val},
    },
};

use super::{
    meter::{PAY, ROUNDS, pay, rounds},
    operators::{Args, Num, Outcome, REPLACED, refuse},
    pattern::{MATCHES, matches},
    types::Type,
};

/// A function.
pub(crate) struct Own {
    /// As it is called: `lowerAscii`, `json.parse`.
    pub(crate) name: &'static str,
    pub(super) method: bool,
    /// How many arguments it takes, what it is called on included.
    pub(super) least: usize,
    pub(super) most: usize,
    /// The variable that it is given before its arguments: the fuel, if it pays for what it makes.
    pub(super) given: Option<&'static str>,
    /// The type of what it makes; `None` if it does not take such arguments.
    pub(super) rule: fn(&[&Type]) -> Option<Type>,
    run: Function,
    /// How it is called, what it does, an example and its value: a row of the documentation, which a test writes.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) usage: &'static str,
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) doc: &'static str,
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) example: (&'static str, &'static str),
}

/// All of them, in the order of the documentation.
pub(crate) fn all() -> impl Iterator<Item = &'static Own> {
    texts::ALL.iter().chain(lists::ALL).chain(values::ALL).chain(ids::ALL)
}

/// What expressions may use: CEL's standard functions and macros, optional values (`event.data.?name`), and ours.
pub(super) static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    let mut add = |name: &str, args: usize, run: Function| {
        // It fails for a name that is there already; none of these is.
        let _ = env.add_overload(
            name,
            &format!("{name}/{args}"),
            std::iter::repeat_with(|| DYN_TYPE).take(args).collect(),
            run,
        );
    };
    for replaced in REPLACED {
        add(replaced.name, replaced.args, replaced.run);
    }
    add(PAY, 2, pay);
    add(ROUNDS, 3, rounds);
    add(MATCHES, 2, matches);
    for own in all() {
        let given = usize::from(own.given.is_some());
        (own.least..=own.most).for_each(|args| add(&own.inner_name(), args + given, own.run));
    }
    Arc::new(env)
});

impl Own {
    /// What the evaluator knows it by. CEL's own functions have no such names.
    pub(super) fn inner_name(&self) -> String {
        format!("@{}", self.name)
    }
}

/// Whether functions are called on it that are not methods: `optional.of(…)`.
pub(super) fn is_namespace(name: &str) -> bool {
    name == "optional"
        || all().filter_map(|own| own.name.split_once('.')).any(|(namespace, _)| namespace == name)
}

/// The name of the function that is called, and whether it is called on something.
pub(super) fn called(call: &CallExpr) -> (String, bool) {
    match call.target.as_ref().map(|target| &target.expr) {
        None => (call.func_name.clone(), false),
        Some(Expr::Ident(name)) if is_namespace(name) => (format!("{name}.{}", call.func_name), false),
        Some(_) => (call.func_name.clone(), true),
    }
}

/// Which of these is called.
pub(super) fn find(call: &CallExpr) -> Option<&'static Own> {
    let (name, method) = called(call);
    let count = call.args.len() + usize::from(method);
    all().find(|own| own.name == name && own.method == method && (own.least..=own.most).contains(&count))
}

fn text<'a>(value: &'a CowVal<'_, '_>) -> Option<&'a str> {
    value.downcast_ref::<CelString<'_>>().map(CelString::inner)
}

fn bytes<'a>(value: &'a CowVal<'_, '_>) -> Option<&'a [u8]> {
    let bytes = value.downcast_ref::<CelBytes<'_>>().map(|bytes| bytes.inner());
    bytes.or_else(|| text(value).map(str::as_bytes))
}

/// A number of characters or items; what is below 0 is 0.
fn count(value: &CowVal<'_, '_>) -> Option<usize> {
    let double = Num::of(value.as_ref())?.as_double();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates at both ends")]
    Some(double as usize)
}

fn new_text<'b, 'v>(text: impl Into<String>) -> Outcome<'b, 'v> {
    Ok(CowVal::owned(CelString::from(text.into())))
}

fn some<'b, 'v>(value: Box<dyn Val + 'v>) -> Outcome<'b, 'v> {
    Ok(CowVal::owned(CelOptional::of(value)))
}

fn none<'b, 'v>() -> Outcome<'b, 'v> {
    Ok(CowVal::owned(CelOptional::none()))
}

/// The value, or none.
fn perhaps<'b, 'v>(value: Option<Box<dyn Val + 'v>>) -> Outcome<'b, 'v> {
    value.map_or_else(none, some)
}

/// What a function of one text reads there, or none.
fn read<'b, 'v>(
    name: &str,
    args: Args<'b, 'v>,
    read: fn(&str) -> Option<Box<dyn Val + 'v>>,
) -> Outcome<'b, 'v> {
    match args.first().and_then(text) {
        Some(text) => perhaps(read(text)),
        None => refuse(name, &args),
    }
}

#[cfg(test)]
#[path = "library_tests.rs"]
mod tests;
