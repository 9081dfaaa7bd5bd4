use std::error::Error;
use std::fmt;

/// Prints an error and its sources on one line: `a: b: c`.
///
/// A source whose text its parent already contains is left out, so nothing is said twice.
///
/// ```
/// # use signalbox_telemetry::Chain;
/// let error = "x".parse::<u8>().unwrap_err();
/// assert_eq!(Chain(&error).to_string(), "invalid digit found in string");
/// ```
#[derive(Debug)]
pub struct Chain<'a, E: ?Sized>(pub &'a E);

impl<E: Error + ?Sized> fmt::Display for Chain<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            source = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    fn chain(texts: &[&'static str]) -> Link {
        let (text, rest) = texts.split_first().unwrap();
        Link { text, source: (!rest.is_empty()).then(|| Box::new(chain(rest))) }
    }

    #[test]
    fn prints_every_cause_in_order() {
        let error = chain(&["not stored", "no answer", "connection reset"]);
        assert_eq!(Chain(&error).to_string(), "not stored: no answer: connection reset");
    }

    #[test]
    fn says_nothing_twice() {
        let error = chain(&["not stored: no answer", "no answer", "reset", "reset"]);
        assert_eq!(Chain(&error).to_string(), "not stored: no answer: reset");
    }

    #[test]
    fn takes_trait_objects() {
        let error: Box<dyn Error + Send + Sync> = Box::new(chain(&["a", "b"]));
        assert_eq!(Chain(error.as_ref()).to_string(), "a: b");
    }
}
