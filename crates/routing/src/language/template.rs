//! Values, texts and spans of time with `${ … }` in them.

use std::{borrow::Cow, time::Duration};

use serde_json::Value;

use crate::{cel::expression::Expression, cel::scope::Scope};

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
                Part::Expression(expression) => match &*evaluate(expression, scope)? {
                    Value::String(value) => text.push_str(value),
                    value @ (Value::Number(_) | Value::Bool(_)) => text.push_str(&value.to_string()),
                    value => {
                        let kind = kind(value);
                        return Err(format!(
                            "`{expression}` is {kind}; only texts, numbers and booleans can be part of a text"
                        ));
                    }
                },
            }
        }
        Ok(text)
    }

    /// The text of a field, if it is there.
    ///
    /// # Errors
    /// As [`Self::render`]; names the field.
    pub(crate) fn render_field(
        field: &str,
        text: &Option<Self>,
        scope: &Scope<'_>,
    ) -> Result<Option<String>, String> {
        let rendered = text.as_ref().map(|text| text.render(scope)).transpose();
        rendered.map_err(|why| format!("{field}: {why}"))
    }

    /// As [`Self::render`], but texts of the event become literals of a visibility query: they cannot change what it
    /// asks.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub(crate) fn render_quoted(&self, scope: &Scope<'_>) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Plain(plain) => text.push_str(plain),
                Part::Expression(expression) => match &*evaluate(expression, scope)? {
                    Value::String(value) => text.push_str(&quoted(value)),
                    value @ (Value::Number(_) | Value::Bool(_)) => text.push_str(&value.to_string()),
                    _ => return Err(format!("`{expression}` is no text, number or boolean")),
                },
            }
        }
        Ok(text)
    }

    /// Whether an expression stands between quotes.
    pub(crate) fn has_quoted_expression(&self) -> bool {
        self.0.windows(2).any(|pair| {
            matches!(pair, [Part::Plain(before), Part::Expression(_)] if before.ends_with(['\'', '"']))
        })
    }

    /// The expressions in it.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.0.iter().filter_map(|part| match part {
            Part::Expression(expression) => Some(expression),
            Part::Plain(_) => None,
        })
    }

    /// The same text for every event, if it is that.
    pub(crate) fn constant(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Plain(plain)] => Some(plain),
            _ => None,
        }
    }
}

/// A text literal of a visibility query.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The value of `expression` as JSON.
///
/// # Errors
/// Says which expression failed and why.
pub(crate) fn evaluate<'e>(expression: &Expression, scope: &Scope<'e>) -> Result<Cow<'e, Value>, String> {
    expression.evaluate(scope).map_err(|why| format!("`{expression}`: {why}"))
}

/// What a value is, for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
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
    pub(crate) fn render<'v, 'e: 'v>(&'v self, scope: &Scope<'e>) -> Result<Cow<'v, Value>, String> {
        let value = match self {
            Self::Literal(value) => return Ok(Cow::Borrowed(value)),
            Self::Expression(expression) => return evaluate(expression, scope),
            Self::Text(text) => Value::String(text.render(scope)?),
            Self::List(items) => {
                items.iter().map(|item| item.render(scope).map(Cow::into_owned)).collect::<Result<_, _>>()?
            }
            Self::Map(entries) => {
                let owned =
                    |(name, value): &(String, Self)| Ok((name.clone(), value.render(scope)?.into_owned()));
                Value::Object(entries.iter().map(owned).collect::<Result<_, String>>()?)
            }
        };
        Ok(Cow::Owned(value))
    }
}

/// A span of time.
#[derive(Debug)]
pub(crate) enum Span {
    /// Written out.
    Fixed(Duration),
    /// A CEL duration or a number of seconds; what is below zero is zero.
    Expression(Expression),
}

impl Span {
    /// The span for one event.
    ///
    /// # Errors
    /// As [`Text::render`].
    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<Duration, String> {
        let expression = match self {
            Self::Fixed(duration) => return Ok(*duration),
            Self::Expression(expression) => expression,
        };
        let seconds = match &*evaluate(expression, scope)? {
            Value::Number(number) => number.as_f64(),
            // A duration of CEL, as JSON has it.
            Value::String(text) => text.strip_suffix('s').and_then(|number| number.parse().ok()),
            _ => None,
        };
        let seconds: f64 =
            seconds.ok_or_else(|| format!("`{expression}` is no duration and no number of seconds"))?;
        Ok(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
    }

    /// The span of a field, if it is there.
    ///
    /// # Errors
    /// As [`Text::render`]; names the field.
    pub(crate) fn render_field(
        field: &str,
        span: &Option<Self>,
        scope: &Scope<'_>,
    ) -> Result<Option<Duration>, String> {
        let rendered = span.as_ref().map(|span| span.render(scope)).transpose();
        rendered.map_err(|why| format!("{field}: {why}"))
    }
}
