//! What a body says, once it is known to be genuine.

use serde_json::{Map, Value};

use crate::{Call, Rejected};

/// A body in JSON.
pub(crate) fn json(body: &[u8]) -> Result<Value, Rejected> {
    serde_json::from_slice(body).map_err(|error| Rejected::NotJson(error.to_string()))
}

/// A body in JSON that is an object.
pub(crate) fn object(body: &[u8]) -> Result<Value, Rejected> {
    match json(body)? {
        body @ Value::Object(_) => Ok(body),
        _ => Err(Rejected::BadBody("the body is JSON, but not an object")),
    }
}

/// A body in JSON, or a form: an object of texts, the last of those that have one name.
pub(crate) fn json_or_form(call: &Call<'_>) -> Result<Value, Rejected> {
    if !is_form(call) {
        return json(call.body);
    }
    let fields =
        form_urlencoded::parse(call.body).map(|(name, value)| (name.into_owned(), value.into_owned().into()));
    Ok(Value::Object(fields.collect::<Map<_, _>>()))
}

pub(crate) fn is_form(call: &Call<'_>) -> bool {
    let media_type =
        call.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// A text in the body; a number is one, too.
pub(crate) fn text(body: &Value, pointer: &str) -> Option<String> {
    match body.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
