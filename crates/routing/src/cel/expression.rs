//! CEL expressions: compiled once, evaluated within limits.

use std::{borrow::Cow, fmt};

use cel::{ExecutionError, IdedExpr, Value as CelValue, common::ast::Expr};
use serde_json::Value;

use super::{
    checker,
    fault::BadExpression,
    known::Known,
    library::ENVIRONMENT,
    meter::TOO_MUCH_WORK,
    on_large_stack,
    pattern::Pattern,
    rewrite,
    scan::Code,
    scope::{EVENT, Failure, NOW, Scope},
    span::Source,
};
use crate::fault::shortened;

pub(crate) use super::checker::Checked;

/// The longest expression, in bytes.
const MAX_LENGTH: usize = 4096;
/// How deep brackets may nest.
const MAX_NESTING: usize = 16;
/// How many operators, dots and brackets an expression may have.
const MAX_OPERATORS: usize = 384;

/// An expression that can be read. What it means is checked for each kind of event that it will see.
pub(crate) struct Parsed<'t> {
    ast: IdedExpr,
    source: Source<'t>,
}

impl<'t> Parsed<'t> {
    /// Parses `text`.
    ///
    /// # Errors
    /// It is no CEL, or too large.
    pub(crate) fn of(text: &'t str) -> Result<Self, BadExpression> {
        if text.trim().is_empty() {
            return Err(BadExpression::new(0, "the expression is empty"));
        }
        check_size(text)?;
        let parsed = on_large_stack(|| parse(text));
        parsed.unwrap_or_else(|| Err(BadExpression::new(0, "the expression cannot be parsed")))
    }

    /// Checks it for the events that are `known`.
    pub(crate) fn check(&self, known: &Known) -> Checked {
        checker::check(&self.ast, &self.source, known)
    }

    /// Makes it ready to run. It has to be checked before.
    pub(crate) fn expression(self) -> Expression {
        let mut ast = self.ast;
        let data_path = data_path(&ast);
        let patterns = rewrite::rewrite(&mut ast);
        Expression { text: self.source.text.trim().into(), ast, patterns, data_path }
    }
}

/// A checked CEL expression.
#[derive(Debug)]
pub(crate) struct Expression {
    text: Box<str>,
    ast: IdedExpr,
    patterns: Vec<Pattern>,
    data_path: Option<Vec<String>>,
}

/// The text, shortened, for messages.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shortened(&self.text, 80))
    }
}

impl Expression {
    /// Compiles and checks `text` for any event.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(crate) fn compile(text: &str) -> Result<Self, BadExpression> {
        Self::compile_with(text, &Known::nothing()).map_err(|faults| {
            faults.into_iter().next().unwrap_or_else(|| BadExpression::new(0, "it is no expression"))
        })
    }

    /// Compiles `text`, and checks it for the events that are `known`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn compile_with(text: &str, known: &Known) -> Result<Self, Vec<BadExpression>> {
        let parsed = Parsed::of(text).map_err(|fault| vec![fault])?;
        let checked = parsed.check(known);
        if checked.faults.is_empty() { Ok(parsed.expression()) } else { Err(checked.faults) }
    }

    /// Whether its value may differ between events.
    pub(crate) fn reads_event(&self) -> bool {
        let references = self.ast.references();
        references.has_variable(EVENT) || references.has_function(NOW)
    }

    /// The value for the event of `scope`. A part of its data is handed on as it is, its fields in their order.
    ///
    /// # Errors
    /// Says what failed. The text depends on types and names alone, so it is the same at every attempt.
    pub(crate) fn evaluate<'e>(&self, scope: &Scope<'e>) -> Result<Cow<'e, Value>, String> {
        if let Some(part) = self.data_path.as_ref().and_then(|path| scope.data_at(path)) {
            return Ok(Cow::Borrowed(part));
        }
        scope.resolve(&self.ast, &self.patterns).map(Cow::Owned).map_err(|failure| match failure {
            Failure::TooMuchWork => TOO_MUCH_WORK.to_owned(),
            Failure::Evaluation(error) => describe(&error),
            Failure::NotJson(why) => why,
        })
    }

    /// All of the text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// The fields below `event.data`, if that is all that the expression reads: `event.data.order.id`.
fn data_path(ast: &IdedExpr) -> Option<Vec<String>> {
    let Expr::Select(select) = &ast.expr else { return None };
    if select.test {
        return None;
    }
    if select.field == "data" && matches!(&select.operand.expr, Expr::Ident(name) if name == EVENT) {
        return Some(Vec::new());
    }
    let mut path = data_path(&select.operand)?;
    path.push(select.field.clone());
    Some(path)
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

fn parse(text: &str) -> Result<Parsed<'_>, BadExpression> {
    match ENVIRONMENT.parser().parse_with_source_info(text) {
        Ok((ast, info)) => Ok(Parsed { ast, source: Source { text, info } }),
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
