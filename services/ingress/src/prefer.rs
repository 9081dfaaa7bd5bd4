//! What a caller prefers (RFC 7240).

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{
        HeaderMap, HeaderValue,
        header::{HeaderName, IntoHeaderName},
        request::Parts,
    },
    response::{IntoResponseParts, ResponseParts},
};

/// What the caller prefers.
pub const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What of it was done.
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The longest wait that is granted.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What a caller prefers, as far as it is granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preference {
    /// How long it waits for what comes of its call; without it, it does not.
    pub wait: Option<Duration>,
    /// Whether it waits for the results of the workflows that are started, too.
    pub result: bool,
}

impl Preference {
    /// From the headers of a request. What is not understood is ignored (RFC 7240, 2), and of what comes twice the first
    /// counts.
    pub fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(PREFER).into_iter().filter_map(|value| value.to_str().ok());
        let mut preference = Self::default();
        for part in values.flat_map(|value| value.split(',')) {
            let part = part.split(';').next().unwrap_or_default();
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "wait" if preference.wait.is_none() => preference.wait = seconds(value),
                "result" => preference.result = true,
                _ => {}
            }
        }
        preference
    }

    /// As it is granted, for the answer; `None` if nothing was.
    fn applied(self) -> Option<HeaderValue> {
        let wait = self.wait?.as_secs();
        let result = if self.result { ", result" } else { "" };
        HeaderValue::from_str(&format!("wait={wait}{result}")).ok()
    }
}

fn seconds(value: &str) -> Option<Duration> {
    let seconds = value.trim().trim_matches('"').parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT)).filter(|wait| !wait.is_zero())
}

impl<S: Send + Sync> FromRequestParts<S> for Preference {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl IntoResponseParts for Preference {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        put(response.headers_mut(), PREFERENCE_APPLIED, self.applied());
        Ok(response)
    }
}

fn put(headers: &mut HeaderMap, name: impl IntoHeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(lines: &[&'static str]) -> (Option<u64>, bool) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(PREFER, HeaderValue::from_static(line));
        }
        let preference = Preference::of(&headers);
        (preference.wait.map(|wait| wait.as_secs()), preference.result)
    }

    #[test]
    fn preferences_are_read_as_the_rfc_writes_them() {
        assert_eq!(granted(&[]), (None, false));
        assert_eq!(granted(&["wait=10"]), (Some(10), false));
        assert_eq!(granted(&["respond-async, WAIT = \"20\"; foo=bar", "result"]), (Some(20), true));
        assert_eq!(granted(&["wait=5", "wait=50"]), (Some(5), false), "the first counts");
        assert_eq!(granted(&["wait=9999"]), (Some(60), false), "nobody waits for ever");
        for odd in ["wait", "wait=", "wait=-1", "wait=soon", "wait=0", "return=minimal", ",,=,;"] {
            assert_eq!(granted(&[odd]), (None, false), "{odd}");
        }
    }

    #[test]
    fn the_answer_tells_what_was_granted() {
        let applied = |wait: Option<u64>, result| {
            Preference { wait: wait.map(Duration::from_secs), result }
                .applied()
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(applied(None, true), None);
        assert_eq!(applied(Some(7), false).as_deref(), Some("wait=7"));
        assert_eq!(applied(Some(7), true).as_deref(), Some("wait=7, result"));
    }
}
