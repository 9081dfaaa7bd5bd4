//! `if_missing`: what becomes of an action while no run of its workflow is open.

use std::time::Duration;

use chrono::{DateTime, Utc};
use signalbox_domain as domain;

use super::{
    super::{
        fields::{Entries, Field, Section, Shape, optional},
        reader::Reader,
    },
    options::{
        Defaults, EXECUTION_TIMEOUT, ID_REUSE_POLICY, MEMO, PRIORITY, RETRY, RUN_TIMEOUT, SEARCH_ATTRIBUTES,
        TASK_QUEUE, TASK_TIMEOUT,
    },
    signal::ARGS,
    start::{NewRun, WORKFLOW},
};
use crate::{
    cel::scope::Scope,
    rules,
    yaml::{Kind, Node},
};

/// The stream of parked commands keeps them a day longer.
const LONGEST_PARK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const WORDS: &[&str] = &["dead", "drop"];

const PARK: Field = optional(
    "park",
    Shape::Span(LONGEST_PARK),
    "So long, from when the event was stored, it waits for a run; at most `7d`. Then it is a dead letter.",
);

/// Of an action that needs a run and cannot start one.
pub(super) const IF_MISSING: Field = optional(
    "if_missing",
    Shape::WordOr(WORDS, &WAITS),
    "What becomes of it while no such workflow runs: `dead` (a dead letter, if nobody says), `drop` or `park`.",
);

/// Of one that can.
pub(super) const IF_MISSING_OR_START: Field = optional(
    "if_missing",
    Shape::WordOr(WORDS, &WAITS_OR_STARTS),
    "What becomes of it while no such workflow runs: `dead` (a dead letter, if nobody says), `drop`, `park` or `start`.",
);

static WAITS: Section = Section {
    what: "`if_missing`",
    doc: "It waits for a run, and then goes in its order before whatever came later.",
    fields: &[PARK],
};

static WAITS_OR_STARTS: Section = Section {
    what: "`if_missing`",
    doc: "It waits for a run, and then goes in its order before whatever came later; or it starts one.",
    fields: &[PARK, optional("start", Shape::Section(&START), "What is started, in one step with it.")],
};

static START: Section = Section {
    what: "`start`",
    doc: "What is started, under the same id, where none runs.",
    fields: &[
        WORKFLOW,
        TASK_QUEUE,
        ARGS,
        ID_REUSE_POLICY,
        EXECUTION_TIMEOUT,
        RUN_TIMEOUT,
        TASK_TIMEOUT,
        RETRY,
        MEMO,
        SEARCH_ATTRIBUTES,
        PRIORITY,
    ],
};

/// What becomes of an action while no run of its workflow is open.
#[derive(Debug, Default)]
pub(crate) enum IfMissing {
    #[default]
    Dead,
    Drop,
    Park(Duration),
    Start(Box<NewRun>),
}

impl IfMissing {
    /// The field of an action, which may not be there.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        entries: &Entries<'_>,
        defaults: &Defaults<'_>,
    ) -> Option<Self> {
        let Some(node) = entries.get("if_missing") else { return Some(Self::Dead) };
        let Some(Shape::WordOr(_, section)) = entries.shape("if_missing") else { return None };
        match &node.kind {
            Kind::Text(word) if word == "dead" => Some(Self::Dead),
            Kind::Text(word) if word == "drop" => Some(Self::Drop),
            Kind::Map(_) => {
                let within = reader.section(node, section)?;
                Self::read_map(reader, node, &within, defaults)
            }
            _ => refuse(reader, node, section),
        }
    }

    fn read_map(
        reader: &mut Reader<'_>,
        node: &Node,
        entries: &Entries<'_>,
        defaults: &Defaults<'_>,
    ) -> Option<Self> {
        let park = reader.span_of_time(entries, "park");
        let start = match may_start(entries.section) {
            true => reader.optional(entries, "start", |reader, node, _| {
                let entries = reader.section(node, &START)?;
                NewRun::read(reader, &entries, defaults)
            }),
            false => Some(None),
        };
        match (park?, start?) {
            (Some(park), None) => Some(Self::Park(park)),
            (None, Some(run)) => Some(Self::Start(Box::new(run))),
            _ => refuse(reader, node, entries.section),
        }
    }

    /// As the terms of a command of an event that was stored then.
    pub(super) fn terms(&self, at: DateTime<Utc>) -> domain::IfMissing {
        match self {
            // What may start the workflow does not miss it.
            Self::Dead | Self::Start(_) => domain::IfMissing::Dead,
            Self::Drop => domain::IfMissing::Drop,
            Self::Park(wait) => domain::IfMissing::Park { until: at + *wait },
        }
    }

    /// What is to be started.
    pub(super) fn start(&self, scope: &Scope<'_>) -> Result<Option<domain::Start>, String> {
        let Self::Start(run) = self else { return Ok(None) };
        run.render(scope).map(Some).map_err(|why| format!("if_missing: {why}"))
    }
}

fn may_start(section: &Section) -> bool {
    section.fields.iter().any(|field| field.name == "start")
}

fn refuse(reader: &mut Reader<'_>, node: &Node, section: &Section) -> Option<IfMissing> {
    let either = if may_start(section) { "`park` or `start`" } else { "`park`" };
    let message = format!("`if_missing` is `dead`, `drop`, or a map with {either}");
    reader.fault(reader.span(node), rules::VALUE, message);
    None
}
