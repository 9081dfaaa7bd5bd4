use std::time::Instant;

use anstyle::AnsiColor;
use serde_json::{Value, json};

use crate::api::{Answer, ApiError};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::text::{Cell, DIM};

/// As wide as the longest name.
const NAME: usize = "signal".len();

/// What was done, each step told as it is.
pub struct Steps {
    output: Output,
    taken: Vec<Value>,
}

impl Steps {
    /// None yet.
    pub fn new(output: Output) -> Self {
        Self { output, taken: Vec::new() }
    }

    /// Does one step and tells of it.
    ///
    /// # Errors
    /// When it fails, or is not at its end when the API's wait is over.
    pub async fn take(
        &mut self,
        name: &str,
        call: impl Future<Output = Result<Answer, ApiError>>,
        said: impl FnOnce(&Answer) -> String,
    ) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let answer = call.await;
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        let (failed, detail) = match &answer {
            Err(error) => (true, error.to_string()),
            Ok(answer) if answer.is_pending() => (true, answer.text("detail").to_owned()),
            Ok(answer) => (false, said(answer)),
        };
        if !self.output.json {
            self.output.show(&(), || line(name, failed, took, &detail))?;
        }
        self.taken.push(json!({ "step": name, "took_ms": took, "detail": detail }));
        let answer = answer?;
        if answer.is_pending() {
            return Err(pending(name, &answer));
        }
        Ok(answer)
    }

    /// All of them, for scripts.
    pub fn values(&self) -> &[Value] {
        &self.taken
    }
}

fn pending(step: &str, answer: &Answer) -> Failure {
    let failure = Failure::other(Exit::Pending, format!("{step} is not done yet: {}", answer.text("detail")));
    match answer.text("event_id") {
        "" => failure,
        id => failure.with_tip(format!("`signalbox events show {id}` tells later what came of it")),
    }
}

fn line(name: &str, failed: bool, took: f64, detail: &str) -> String {
    let (mark, colour) = if failed { ("✗", AnsiColor::Red) } else { ("✓", AnsiColor::Green) };
    let mark = Cell::new(colour.on_default().bold(), mark);
    format!("{mark} {name:<NAME$}  {DIM}{took:>5.0} ms{DIM:#}  {}", Cell::from(detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_one_line() {
        let text = line("signal", false, 12.4, "add_message: hi\n");
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(plain, "✓ signal     12 ms  add_message: hi\\n");
    }
}
