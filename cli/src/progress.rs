use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr};

/// One line on standard error that changes, if that is a terminal. It goes when this is dropped.
pub struct Progress {
    on: bool,
}

impl Progress {
    pub fn new() -> Self {
        Self { on: stderr().is_terminal() }
    }

    pub fn show(&self, what: impl Display) {
        if self.on {
            // Nobody waits for it.
            let _ = write!(stderr(), "\r\x1b[K{what}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show("");
    }
}
