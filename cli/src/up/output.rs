use std::collections::VecDeque;
use std::fmt::Display;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use signalbox_servers::LineSink;

use super::part::Part;

/// As long as the longest name.
const WIDTH: usize = "scheduler-manager".len();

/// How many log lines wait at most while the stack starts: the latest.
const HELD: usize = 1000;

/// Standard output, shared by the launcher and the logs of its children. Colours only on a terminal.
#[derive(Clone)]
pub struct Output(Arc<Mutex<Held>>);

/// The log lines that wait until the table has been printed; `None` when none has to wait any more.
type Held = Option<VecDeque<String>>;

impl Output {
    /// Holds the children's logs back until [`release`](Self::release).
    pub fn holding() -> Self {
        Self(Arc::new(Mutex::new(Some(VecDeque::new()))))
    }

    /// Where the lines of a part go.
    pub fn sink(&self, part: Part) -> LineSink {
        let output = self.clone();
        Arc::new(move |line| {
            if worth_showing(part, line) {
                output.log(prefixed(part.name(), colour(part).on_default(), line));
            }
        })
    }

    /// The launcher's own word, shown at once.
    pub fn say(&self, text: impl Display) {
        let _held = self.lock();
        print(&prefixed("up", Style::new().bold(), text));
    }

    /// Text without a prefix, shown at once.
    pub fn print(&self, text: impl Display) {
        let _held = self.lock();
        print(&text.to_string());
    }

    /// Shows the logs that were held back, and all later ones at once.
    pub fn release(&self) {
        for line in self.lock().take().into_iter().flatten() {
            print(&line);
        }
    }

    fn log(&self, line: String) {
        match self.lock().as_mut() {
            Some(held) => {
                if held.len() == HELD {
                    held.pop_front();
                }
                held.push_back(line);
            }
            None => print(&line),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn print(line: &str) {
    // The terminal may be gone; the stack need not care.
    let _ = writeln!(anstream::stdout(), "{line}");
}

fn prefixed(name: &str, style: Style, line: impl Display) -> String {
    format!("{style}{name:<WIDTH$} |{style:#} {line}")
}

fn colour(part: Part) -> AnsiColor {
    match part {
        Part::Jaeger | Part::Nats => AnsiColor::BrightBlack,
        Part::Temporal => AnsiColor::Blue,
        Part::Worker => AnsiColor::Magenta,
        Part::SchedulerManager => AnsiColor::Yellow,
        Part::SignalRouter => AnsiColor::Cyan,
        Part::Ingress => AnsiColor::Green,
    }
}

/// The servers greet at length with what the table says better, and one complains of being asked whether it is ready.
fn worth_showing(part: Part, line: &str) -> bool {
    match part {
        Part::Jaeger => !line.contains("application version:"),
        Part::Nats => !line.contains(" [INF] "),
        Part::Temporal => {
            (line.starts_with("time=") || line.starts_with("Error"))
                && !line.contains("Frontend is not healthy yet")
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_padded_to_one_width() {
        let plain = |part: Part| prefixed(part.name(), Style::new(), "hello");
        assert_eq!(plain(Part::Ingress), "ingress           | hello");
        assert_eq!(plain(Part::SchedulerManager), "scheduler-manager | hello");
        assert!(Part::ALL.into_iter().all(|part| part.name().len() <= WIDTH));
    }

    #[test]
    fn greetings_are_left_out_and_warnings_are_not() {
        let nats = |line| worth_showing(Part::Nats, line);
        assert!(!nats("[7] 2026/11/22 20:56:39 [INF] Server is ready"));
        assert!(nats("[7] 2026/11/22 20:56:39 [WRN] Filestore stream has cipher conversion"));
        let temporal = |line| worth_showing(Part::Temporal, line);
        assert!(!temporal("Temporal Server:      localhost:7233"));
        assert!(temporal("time=2026-11-22T20:56:33 level=ERROR msg=x"));
        assert!(!temporal("time=2026-11-22T21:40:27 level=ERROR error=\"Frontend is not healthy yet\""));
        assert!(worth_showing(Part::Ingress, "[INF] any"));
    }

    #[test]
    fn logs_wait_and_not_without_bound() {
        let output = Output::holding();
        let sink = output.sink(Part::Worker);
        (0..2 * HELD).for_each(|n| sink(&n.to_string()));
        let held = output.lock().take().unwrap();
        assert_eq!(held.len(), HELD);
        assert!(held.back().unwrap().ends_with(&format!(" {}", 2 * HELD - 1)));
    }
}
