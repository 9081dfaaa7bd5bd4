//! Values and texts with `${ … }` in them.

use serde_json::Value;

use crate::{expression::Expression, scope::Scope};

/// A text with expressions in it.
#[derive(Debug)]
pub(crate) struct Text(pub(crate) Vec<Part>);

#[derive(Debug)]
pub(crate) enum Part {
    Plain(String),
    Expression(Expression),
}

impl Text {
    /// The text for one event. Texts are put in as they are, numbers and booleans as JSON writes them.
    ///
    /// # Errors
    /// Says which expression failed, or has a value that is no text.
    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Plain(plain) => text.push_str(plain),
                Part::Expression(expression) => text.push_str(&as_text(expression, scope)?),
            }
        }
        Ok(text)
    }
}

fn as_text(expression: &Expression, scope: &Scope<'_>) -> Result<String, String> {
    let kind = match evaluate(expression, scope)? {
        Value::String(text) => return Ok(text),
        value @ (Value::Number(_) | Value::Bool(_)) => return Ok(value.to_string()),
        Value::Null => "null",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    };
    Err(format!("`{expression}` is {kind}; only texts, numbers and booleans can be part of a text"))
}

/// The value of `expression` as JSON.
///
/// # Errors
/// Says which expression failed and why.
pub(crate) fn evaluate(expression: &Expression, scope: &Scope<'_>) -> Result<Value, String> {
    expression.evaluate(scope).map_err(|why| format!("`{expression}`: {why}"))
}

/// A JSON value with expressions in it.
#[derive(Debug)]
pub(crate) enum Template {
    /// Written out.
    Literal(Value),
    /// Only `${ … }`: keeps its type.
    Expression(Expression),
    /// A text with more than that.
    Text(Text),
    /// A list of such values.
    List(Vec<Self>),
    /// A map of such values.
    Map(Vec<(String, Self)>),
}

impl Template {
    /// The value for one event.
    ///
    /// # Errors
    /// As [`Text::render`].
    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<Value, String> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Expression(expression) => evaluate(expression, scope),
            Self::Text(text) => text.render(scope).map(Value::String),
            Self::List(items) => items.iter().map(|item| item.render(scope)).collect(),
            Self::Map(entries) => {
                let entries = entries.iter().map(|(name, value)| Ok((name.clone(), value.render(scope)?)));
                entries.collect::<Result<_, String>>().map(Value::Object)
            }
        }
    }
}
