use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Error;
use crate::install::file;

/// Gets each line that a process writes, without its line break. Called on a thread of that process's own.
pub type LineSink = Arc<dyn Fn(&str) + Send + Sync>;

/// A sink that appends the lines to a file, which is created when missing.
///
/// # Errors
/// [`Error::File`] when it cannot be opened.
pub fn log_to_file(path: &Path) -> Result<LineSink, Error> {
    let opened = File::options().create(true).append(true).open(path).map_err(file("cannot open", path))?;
    Ok(Arc::new(move |line| {
        // A full disk costs the log, not the server.
        let _ = (&opened).write_all(format!("{line}\n").as_bytes());
    }))
}

/// Longer lines are cut into several.
const LINE_BYTES: u64 = 64 * 1024;
const LINES_KEPT: usize = 40;

/// The last lines that a process wrote.
#[derive(Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_KEPT {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    /// Reads lines until the other end closes.
    pub(crate) fn read(&self, from: impl Read, sink: Option<&LineSink>) {
        let mut from = BufReader::new(from);
        let mut bytes = Vec::new();
        while matches!(from.by_ref().take(LINE_BYTES).read_until(b'\n', &mut bytes), Ok(1..)) {
            let text = String::from_utf8_lossy(&bytes);
            let line = text.trim_end_matches(['\n', '\r']);
            self.push(line);
            if let Some(sink) = sink {
                sink(line);
            }
            bytes.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_reach_the_sink_and_the_last_ones_are_kept() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink: LineSink = Arc::new({
            let seen = Arc::clone(&seen);
            move |line| seen.lock().unwrap().push(line.to_owned())
        });
        let text: String = (0..100).map(|n| format!("line {n}\r\n")).chain(["no end".into()]).collect();
        let tail = Tail::default();
        tail.read(text.as_bytes(), Some(&sink));

        assert_eq!(seen.lock().unwrap().len(), 101);
        assert_eq!(tail.lines().len(), LINES_KEPT);
        assert_eq!(tail.lines().last().unwrap(), "no end");
        assert_eq!(tail.lines()[LINES_KEPT - 2], "line 99");
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let tail = Tail::default();
        tail.read(vec![b'x'; 3 * LINE_BYTES as usize].as_slice(), None);
        assert_eq!(tail.lines().len(), 3);
    }
}
