//! Explanations for people.

use std::fmt::Write;

use signalbox_domain::Event;
use signalbox_routing::{Explained, Explanation, Seen, Why, brief, to_yaml};

use crate::text::{BOLD, Cell, DIM};

/// The event, what each route makes of it, and why; those that have the most to do with it come first.
pub fn report(event: &Event, explanation: &Explanation) -> String {
    let mut text =
        format!("{}  {}", Cell::new(BOLD, event.nats_subject.as_str()), Cell::from(event.id.as_str()));
    if event.stream_sequence > 0 {
        let _ = write!(text, "  {DIM}message {} of EVENTS{DIM:#}", event.stream_sequence);
    }
    text.push_str("\n\n");
    if let Some(mismatch) = &explanation.mismatch {
        let _ = writeln!(
            text,
            "{} not of its declared schema: {}\n",
            Cell::status("refused"),
            Cell::from(mismatch)
        );
    }
    let mut routes: Vec<_> = explanation.routes.iter().collect();
    routes.sort_by_key(|route| rank(&route.why));
    let width = routes.iter().map(|route| route.route.chars().count()).max().unwrap_or(0);
    for route in routes {
        told(&mut text, route, width);
    }
    text + &summary(explanation)
}

/// The nearer a route is to doing something, the earlier.
fn rank(why: &Why) -> (u8, usize) {
    match why {
        Why::Matched { .. } => (0, 0),
        Why::Failed { .. } => (1, 0),
        Why::Refused { .. } => (2, 0),
        Why::NotAsked => (3, 0),
        Why::NotWanted { token, .. } => (4, usize::MAX - token),
    }
}

fn told(text: &mut String, route: &Explained, width: usize) {
    let place = format!("{}:{}", route.file, route.line);
    let head = |status: &str| {
        let name = Cell::new(BOLD, &route.route).padded(width);
        format!("{}  {name}  {}", Cell::status(status).padded("not wanted".len()), Cell::new(DIM, &place))
    };
    let _ = match &route.why {
        Why::Matched { commands } => {
            let commands: Vec<_> = commands.iter().map(brief).collect();
            let lines = to_yaml(&commands);
            let lines = lines.lines().map(|line| format!("    {}\n", Cell::from(line)));
            write!(text, "{}\n{}", head("matched"), lines.collect::<String>())
        }
        Why::Failed { detail, seen } => {
            writeln!(text, "{}\n    {}{}", head("failed"), Cell::from(detail), all(seen))
        }
        Why::Refused { clause, seen } => {
            writeln!(text, "{}\n    {} is false{}", head("unmatched"), Cell::from(clause), all(seen))
        }
        Why::NotAsked => writeln!(text, "{}", head("not asked")),
        why @ Why::NotWanted { .. } => {
            let name = Cell::from(&route.route).padded(width);
            let status = Cell::new(DIM, "not wanted").padded("not wanted".len());
            writeln!(text, "{status}  {name}  {}", Cell::from(why.to_string()))
        }
    };
}

/// What was seen, a name a line.
fn all(seen: &[Seen]) -> String {
    seen.iter().map(|seen| format!("\n      {}", Cell::from(seen.to_string()))).collect()
}

fn summary(explanation: &Explanation) -> String {
    let routes = &explanation.routes;
    let matched = routes.iter().filter(|route| matches!(route.why, Why::Matched { .. })).count();
    let commands: usize = routes
        .iter()
        .map(|route| match &route.why {
            Why::Matched { commands } => commands.len(),
            _ => 0,
        })
        .sum();
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    format!(
        "\n{matched} of {} route{} matched, {commands} command{}",
        routes.len(),
        plural(routes.len()),
        plural(commands)
    )
}
