//! What is looked for in route files. `docs/reference/lint.md` tells more of each.

/// A rule by its name, and what it refuses or warns of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable.
    pub name: &'static str,
    /// What it looks for, in one sentence.
    pub looks_for: &'static str,
}

macro_rules! rules {
    ($($constant:ident = $name:literal: $looks_for:literal;)*) => {
        $(#[doc = $looks_for] pub const $constant: &str = $name;)*

        /// All rules, by name.
        pub const RULES: &[Rule] = &[$(Rule { name: $name, looks_for: $looks_for }),*];
    };
}

rules! {
    CONSTANT_TARGET = "constant-target": "An action that has the same target for every event, without `singleton: true`.";
    DUPLICATE_NAME = "duplicate-name": "Two routes, two sources or two schedules of one name.";
    EXPRESSION = "expression": "A CEL expression that cannot be parsed, has unknown names, or would fail while running.";
    FEEDS_ITSELF = "feeds-itself": "A route whose published event leads, by one or more routes, to itself.";
    FLOW = "flow": "A flow that makes no sense for what its route does.";
    INLINE_SECRET = "inline-secret": "A password, token or key written into the file.";
    MISSING_FIELD = "missing-field": "A field that must be there.";
    NEVER_MATCHES = "never-matches": "A route that no event can match.";
    SCHEMA = "schema": "A schema that is none, or cannot be found.";
    SUBJECT = "subject": "A subject filter that NATS would not take, or that could never match an event.";
    TIMES = "times": "A schedule's times that cannot be read, contradict each other or never come.";
    UNKNOWN_FIELD = "unknown-field": "A field that means nothing.";
    VALUE = "value": "A value of the wrong type, length or form.";
    VERSION = "version": "A version of the route file that is not known.";
    YAML = "yaml": "A file that is not YAML.";
}
