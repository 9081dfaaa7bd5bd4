//! CEL expressions: compiled once, evaluated within limits.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use cel::{Env, ExecutionError, IdedExpr, Value as CelValue};
use serde_json::Value;

use crate::{
    check,
    scan::Code,
    scope::{EVENT, Scope, TOO_MUCH_WORK},
    value::to_json,
};

/// The longest expression, in bytes.
const MAX_LENGTH: usize = 4096;
/// How deep brackets may nest.
const MAX_NESTING: usize = 16;
/// How many operators, dots and brackets an expression may have.
const MAX_OPERATORS: usize = 384;
/// The stack for the parser, which takes up to 160 KiB a bracket and 40 KiB an operator in a debug build.
const PARSER_STACK: usize = 32 << 20;

/// What expressions may use: CEL's standard functions and macros and optional values (`event.data.?name`).
pub(crate) static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A checked CEL expression.
#[derive(Debug)]
pub(crate) struct Expression {
    text: Box<str>,
    ast: IdedExpr,
    data_path: Option<Vec<String>>,
}

/// The text, shortened, for messages.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short: String = self.text.chars().take(80).collect();
        f.write_str(&short)?;
        f.write_str(if short.len() < self.text.len() { "…" } else { "" })
    }
}

/// Why a text is no expression.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadExpression {
    /// Where in the text, in bytes.
    pub(crate) offset: usize,
    pub(crate) message: String,
}

impl BadExpression {
    pub(crate) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into() }
    }
}

impl Expression {
    /// Compiles and checks `text`.
    pub(crate) fn compile(text: &str) -> Result<Self, BadExpression> {
        if text.trim().is_empty() {
            return Err(BadExpression::new(0, "the expression is empty"));
        }
        check_size(text)?;
        // The parser recurses deeply, so it gets a stack of its own, and a bug in it cannot end the process.
        let parsed = std::thread::scope(|threads| {
            let builder = std::thread::Builder::new().name("cel".into()).stack_size(PARSER_STACK);
            let thread = builder.spawn_scoped(threads, || parse(text)).ok()?;
            thread.join().ok()
        });
        let ast = parsed.unwrap_or_else(|| Err(BadExpression::new(0, "the expression cannot be parsed")))?;
        Ok(Self { text: text.trim().into(), data_path: check::data_path(&ast), ast })
    }

    /// Whether its value may differ between events.
    pub(crate) fn reads_event(&self) -> bool {
        self.ast.references().has_variable(EVENT)
    }

    /// The value for the event of `scope`. A part of its data is handed on as it is, its fields in their order.
    ///
    /// # Errors
    /// Says what failed. The text depends on types and names alone, so it is the same at every attempt.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, String> {
        if let Some(part) = self.data_path.as_ref().and_then(|path| scope.data_at(path)) {
            return Ok(part.clone());
        }
        let value = scope.resolve(&self.ast);
        if scope.is_exhausted() {
            return Err(TOO_MUCH_WORK.to_owned());
        }
        value.map_err(|error| describe(&error)).and_then(|value| to_json(value.as_ref()))
    }

    /// All of the text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

fn check_size(text: &str) -> Result<(), BadExpression> {
    if text.len() > MAX_LENGTH {
        let message = format!("the expression has {} bytes; at most {MAX_LENGTH} are allowed", text.len());
        return Err(BadExpression::new(0, message));
    }
    let (mut nesting, mut operators) = (0_usize, 0_usize);
    for (at, byte) in Code::of(text) {
        match byte {
            b'(' | b'[' | b'{' => nesting += 1,
            b')' | b']' | b'}' => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        operators += usize::from(b".([{?+-*/%<>=!&|".contains(&byte));
        if nesting > MAX_NESTING {
            return Err(BadExpression::new(at, format!("brackets nest deeper than {MAX_NESTING}")));
        }
        if operators > MAX_OPERATORS {
            return Err(BadExpression::new(
                at,
                format!("the expression has more than {MAX_OPERATORS} operators"),
            ));
        }
    }
    Ok(())
}

fn parse(text: &str) -> Result<IdedExpr, BadExpression> {
    match ENVIRONMENT.parser().parse_with_source_info(text) {
        Ok((ast, source)) => check::check(ast, &source),
        // Errors after the first come from the parser's attempts to go on.
        Err(errors) => Err(errors.errors.first().map_or_else(
            || BadExpression::new(0, "the expression cannot be parsed"),
            |error| BadExpression::new(offset(text, error.pos), first_words(&error.msg)),
        )),
    }
}

/// The byte at a line and column, both from 1, or the end.
fn offset(text: &str, (line, column): (isize, isize)) -> usize {
    let skip = |n: isize| usize::try_from(n - 1).unwrap_or(0);
    let start: usize = text.split_inclusive('\n').take(skip(line)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    rest.char_indices().nth(skip(column)).map_or(text.len(), |(index, _)| start + index)
}

/// The parser lists all it could have taken instead; that is long and no help.
fn first_words(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let message = message.split(" expecting ").next().unwrap_or(message);
    if message.ends_with("'<EOF>'") {
        return "not a CEL expression: it ends too early".into();
    }
    let short: String = message.chars().take(120).collect();
    format!("not a CEL expression: {short}")
}

/// An error without values: they can be long, and maps in them come in any order.
fn describe(error: &ExecutionError) -> String {
    match error {
        ExecutionError::FunctionError { function, message } if function.starts_with('@') => message.clone(),
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            format!("`{operator}` does not take {} and {}", left.type_of(), right.type_of())
        }
        ExecutionError::ValuesNotComparable(left, right) => {
            format!("{} and {} cannot be compared", left.type_of(), right.type_of())
        }
        ExecutionError::UnsupportedIndex(index, value) => {
            format!("{} cannot be looked up in {}", index.type_of(), value.type_of())
        }
        ExecutionError::UnsupportedKeyType(key) => format!("{} cannot be the key of a map", key.type_of()),
        ExecutionError::UnsupportedTargetType { target } => {
            format!("{} has no such function", target.type_of())
        }
        ExecutionError::NotSupportedAsMethod { method, target } => {
            format!("{} has no function `{method}`", target.type_of())
        }
        ExecutionError::Overflow(operator, ..) => format!("`{operator}` overflows"),
        ExecutionError::UnexpectedType { want, .. } => format!("a value is not of the type {want}"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "division by zero".into(),
        ExecutionError::NoSuchKey(key) => format!("no such key: `{key}`"),
        ExecutionError::UndeclaredReference(name) => format!("no such name or function: `{name}`"),
        ExecutionError::IndexOutOfBounds(index) => match index {
            CelValue::Int(index) => format!("index {index} is out of bounds"),
            _ => "an index is out of bounds".into(),
        },
        ExecutionError::DuplicateKey(_) => "a map has one key twice".into(),
        other => other.to_string().chars().take(200).collect(),
    }
}

#[cfg(test)]
#[path = "expression_tests.rs"]
mod tests;
