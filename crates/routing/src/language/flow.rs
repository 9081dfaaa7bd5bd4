//! `flow`: what holds back what a route does to one workflow.

use std::time::Duration;

use signalbox_domain::{Batch, Debounce, Flow, Throttle};

use super::{
    actions::Action,
    fields::{Entries, Section, Shape, optional, required},
    reader::Reader,
};
use crate::{
    rules,
    yaml::{Kind, Node},
};

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

static DEBOUNCE: Section = Section {
    what: "`debounce`",
    doc: "Of commands that come in a burst, only the last is carried out.",
    fields: &[
        required("quiet", Shape::Span(LONGEST), "A burst is over when nothing has come for this long."),
        optional(
            "at_most",
            Shape::Span(LONGEST),
            "However long it goes on, one is carried out each time that this has passed.",
        ),
    ],
};

static BATCH: Section = Section {
    what: "`batch`",
    doc: "Many become one signal or update: each argument is the list of theirs, in their order.",
    fields: &[
        required("size", Shape::Count(1, 1000), "So many, at most."),
        required("within", Shape::Span(LONGEST), "So long, at most, the first waits for others."),
    ],
};

static THROTTLE: Section = Section {
    what: "`throttle`",
    doc: "No more than so many go on in a time; the others wait.",
    fields: &[
        required("limit", Shape::Count(1, 1000), "So many."),
        required("per", Shape::Span(LONGEST), "In any span of time of this length."),
    ],
};

pub(crate) static FLOW: Section = Section {
    what: "`flow`",
    doc: "What holds commands of a route back, for each of its actions and each workflow by itself, in this order.",
    fields: &[
        optional(
            "debounce",
            Shape::SpanOr(&DEBOUNCE),
            "Only the last of a burst; a span of time is its `quiet`.",
        ),
        optional("batch", Shape::Section(&BATCH), "Many events, one signal."),
        optional("throttle", Shape::Section(&THROTTLE), "So many in a time."),
        optional(
            "signals_per_run",
            Shape::Count(1, 1_000_000),
            "A run gets no more signals than this; those that come after wait for the next run.",
        ),
    ],
};

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Flow> {
    let entries = reader.section(node, &FLOW)?;
    let debounce = reader.optional(&entries, "debounce", debounce);
    let batch = reader.optional(&entries, "batch", |reader, node, _| batch(reader, node));
    let throttle = reader.optional(&entries, "throttle", |reader, node, _| throttle(reader, node));
    let signals = reader.count(&entries, "signals_per_run");
    if matches!(&node.kind, Kind::Map(map) if map.is_empty()) {
        fault(
            reader,
            node,
            "`flow` holds nothing back",
            "one of `debounce`, `batch`, `throttle` and `signals_per_run`",
        );
        return None;
    }
    Some(Flow {
        debounce: debounce?,
        batch: batch?,
        throttle: throttle?,
        signals_per_run: signals?.and_then(|count| u32::try_from(count).ok()),
        action: 0,
    })
}

fn debounce(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<Debounce> {
    if matches!(node.kind, Kind::Text(_)) {
        return Some(Debounce { quiet: span(reader, node, name)?, at_most: None });
    }
    let entries = reader.section(node, &DEBOUNCE)?;
    let quiet = reader.required(&entries, "quiet", span);
    let at_most = reader.optional(&entries, "at_most", span);
    let (quiet, at_most) = (quiet?, at_most?);
    if at_most.is_some_and(|at_most| at_most < quiet) {
        let help = "a burst lasts for `quiet` at least";
        fault(reader, node, "`at_most` is shorter than `quiet`", help);
    }
    Some(Debounce { quiet, at_most })
}

fn batch(reader: &mut Reader<'_>, node: &Node) -> Option<Batch> {
    let entries = reader.section(node, &BATCH)?;
    let (size, within) = (number(reader, &entries, "size"), reader.required(&entries, "within", span));
    Some(Batch { size: size?, within: within? })
}

fn throttle(reader: &mut Reader<'_>, node: &Node) -> Option<Throttle> {
    let entries = reader.section(node, &THROTTLE)?;
    let (limit, per) = (number(reader, &entries, "limit"), reader.required(&entries, "per", span));
    Some(Throttle { limit: limit?, per: per? })
}

fn number(reader: &mut Reader<'_>, entries: &Entries<'_>, name: &str) -> Option<u32> {
    reader.count(entries, name)?.and_then(|count| u32::try_from(count).ok())
}

/// A span of time that is the same for every event.
fn span(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<Duration> {
    let text = match &node.kind {
        Kind::Text(text) => humantime::parse_duration(text).ok(),
        _ => None,
    };
    let span = text.filter(|span| (SHORTEST..=LONGEST).contains(span));
    if span.is_none() {
        let message = format!("`{name}` is a span of time with its units, such as `90s`, from 1ms to 1day");
        reader.fault(reader.span(node), rules::VALUE, message);
    }
    span
}

/// Notes what makes no sense for these actions.
pub(super) fn check(reader: &mut Reader<'_>, node: &Node, flow: &Flow, actions: &[Action]) {
    if actions.iter().any(|action| matches!(action, Action::Query(_))) {
        let help = "put the query into a route of its own";
        fault(reader, node, "a query is not held back: somebody waits for its answer", help);
    }
    let joined = |action: &Action| action.message_args().is_some_and(|args| !args.is_empty());
    if flow.batch.is_some() && !actions.iter().all(joined) {
        let help =
            "`signal`, `signal_with_start`, `update` or `update_with_start`, with at least one of `args`";
        fault(reader, node, "`batch` is for signals and updates that have arguments", help);
    }
    let signals = |action: &Action| matches!(action, Action::Signal(_) | Action::SignalWithStart(_));
    if flow.signals_per_run.is_some() && !actions.iter().any(signals) {
        let help = "`signal` or `signal_with_start`";
        fault(reader, node, "`signals_per_run` is for routes that signal a workflow", help);
    }
}

fn fault(reader: &mut Reader<'_>, node: &Node, message: &str, help: &str) {
    reader.fault_with_help(reader.span(node), rules::FLOW, message, Some(help.to_owned()));
}
