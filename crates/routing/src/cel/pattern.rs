//! The patterns of `matches`, which are compiled with their expression.

use std::{
    any::Any,
    sync::{Arc, LazyLock},
};

use cel::common::{
    types::{CelBool, CelString, Type},
    value::{CowVal, StaticVal, Val},
};
use regex::Regex;

use super::{
    meter::take,
    operators::{Args, Outcome, refuse},
};

/// What `matches` becomes.
pub(super) const MATCHES: &str = "@matches";

static PATTERN_TYPE: LazyLock<Type> = LazyLock::new(|| Type::new_opaque_type("@pattern"));

/// Patterns larger than this are refused, in bytes of what they are compiled to.
const MOST_MEMORY: usize = 1 << 20;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Arc<Regex>);

impl Pattern {
    /// Compiles `text`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let built = regex::RegexBuilder::new(text).size_limit(MOST_MEMORY).build();
        built.map(|regex| Self(Arc::new(regex))).map_err(|why| match why {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            why => {
                why.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
            }
        })
    }
}

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        &PATTERN_TYPE
    }

    fn cel_type() -> &'static Type {
        &PATTERN_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

/// The variable of an expression's pattern.
pub(super) fn variable(index: usize) -> String {
    format!("@pattern{index}")
}

/// `@matches(text, pattern)`.
pub(super) fn matches<'b, 'v>(args: Args<'b, 'v>) -> Outcome<'b, 'v> {
    let [text, pattern] = take(args)?;
    match (text.downcast_ref::<CelString<'_>>(), pattern.downcast_ref::<Pattern>()) {
        (Some(text), Some(Pattern(pattern))) => Ok(CowVal::Borrowed(if pattern.is_match(text.inner()) {
            &CelBool::TRUE
        } else {
            &CelBool::FALSE
        })),
        _ => refuse("matches", &[text]),
    }
}
