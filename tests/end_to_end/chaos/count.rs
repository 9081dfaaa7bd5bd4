//! One event, one effect, in order per key, or a dead letter that says why: whether it is so. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use signalbox_domain::OutcomeExt;
use signalbox_proto::v1::OutcomeKind;

use super::{histories::Marks, ledger::Ledger, load::Accepted};

/// A mark that is not where it should be, or an event without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Bad {
    Lost { workflow: String, mark: String },
    Doubled { workflow: String, mark: String },
    OutOfOrder { workflow: String, mark: String, after: String },
    Foreign { workflow: String, mark: String },
    NoEnd { id: String, why: String },
}

impl Bad {
    /// The event, and the workflow where it is about one.
    pub fn about(&self) -> (&str, Option<&str>) {
        match self {
            Self::Lost { workflow, mark }
            | Self::Doubled { workflow, mark }
            | Self::OutOfOrder { workflow, mark, .. }
            | Self::Foreign { workflow, mark } => (mark, Some(workflow)),
            Self::NoEnd { id, .. } => (id, None),
        }
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { workflow, mark } => write!(f, "{mark} is lost: {workflow} does not have it"),
            Self::Doubled { workflow, mark } => write!(f, "{mark} is doubled in {workflow}"),
            Self::OutOfOrder { workflow, mark, after } => {
                write!(f, "{mark} is out of order in {workflow}: it comes after {after}")
            }
            Self::Foreign { workflow, mark } => write!(f, "{mark} has no business in {workflow}"),
            Self::NoEnd { id, why } => write!(f, "{id} has not come to its end: {why}"),
        }
    }
}

/// How many effects there are to be.
pub fn expected(accepted: &[Accepted]) -> usize {
    accepted.iter().map(|event| event.workflows.len()).sum()
}

/// What is wrong in the histories.
pub fn in_histories(accepted: &[Accepted], marks: &Marks) -> Vec<Bad> {
    let mut expected = BTreeMap::<&str, Vec<&str>>::new();
    for event in accepted {
        for workflow in &event.workflows {
            expected.entry(workflow).or_default().push(&event.mark);
        }
    }
    let workflows: BTreeSet<&str> =
        expected.keys().copied().chain(marks.keys().map(String::as_str)).collect();
    let of = |workflow: &str| {
        let expected = expected.get(workflow).map(Vec::as_slice).unwrap_or_default();
        in_workflow(workflow, expected, marks.get(workflow).map(Vec::as_slice).unwrap_or_default())
    };
    workflows.into_iter().flat_map(of).collect()
}

fn in_workflow(workflow: &str, expected: &[&str], had: &[String]) -> Vec<Bad> {
    let name = || workflow.to_owned();
    let mut seen = BTreeSet::new();
    let (mut bad, mut last) = (Vec::new(), None::<&str>);
    for mark in had.iter().map(String::as_str) {
        if !expected.contains(&mark) {
            bad.push(Bad::Foreign { workflow: name(), mark: mark.to_owned() });
        } else if !seen.insert(mark) {
            bad.push(Bad::Doubled { workflow: name(), mark: mark.to_owned() });
        } else {
            // Marks of a key are numbered, so that their order is that of their texts.
            match last {
                Some(after) if after > mark => {
                    bad.push(Bad::OutOfOrder {
                        workflow: name(),
                        mark: mark.to_owned(),
                        after: after.to_owned(),
                    });
                }
                _ => last = Some(mark),
            }
        }
    }
    let lost = expected.iter().filter(|mark| !seen.contains(*mark));
    bad.extend(lost.map(|mark| Bad::Lost { workflow: name(), mark: (*mark).to_owned() }));
    bad
}

/// What is wrong in the ledger and with the dead letters.
pub fn in_ledger(accepted: &[Accepted], ledger: &Ledger) -> Vec<Bad> {
    let mut bad: Vec<_> = accepted
        .iter()
        .filter_map(|event| Some(Bad::NoEnd { id: event.id.clone(), why: no_end(event, ledger)? }))
        .collect();
    let known: BTreeSet<_> = accepted.iter().map(|event| event.id.as_str()).collect();
    for (id, letters) in &ledger.letters {
        if !known.contains(id.as_str()) {
            let why =
                letters.iter().filter_map(|letter| letter.outcome.as_ref()).map(|outcome| &*outcome.detail);
            bad.push(Bad::NoEnd { id: id.clone(), why: why.collect::<Vec<_>>().join("; ") });
        }
    }
    bad
}

fn no_end(event: &Accepted, ledger: &Ledger) -> Option<String> {
    let effects = ledger.effects.get(&event.id).map(Vec::as_slice).unwrap_or_default();
    let letters = ledger.letters.get(&event.id).map(Vec::as_slice).unwrap_or_default();
    if effects.len() != event.effects {
        return Some(format!("{} effects of {}", effects.len(), event.effects));
    }
    if let Some(open) = effects.iter().find(|outcome| !outcome.is_final()) {
        return Some(format!("{}: {}", open.kind().as_str_name(), open.detail));
    }
    let failed = effects.iter().filter(|o| matches!(o.kind(), OutcomeKind::Dead | OutcomeKind::Refused));
    let failed: Vec<_> = failed.map(|outcome| outcome.reason.as_str()).collect();
    let buried: Vec<_> =
        letters.iter().filter_map(|letter| Some(letter.outcome.as_ref()?.reason.as_str())).collect();
    let dead: Vec<_> = event.dead.into_iter().collect();
    (failed != dead || !buried.iter().eq(&dead))
        .then(|| format!("it failed with {failed:?}, dead letters {buried:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_doubled_out_of_order_or_foreign_is_told() {
        let event = |n: usize| Accepted {
            id: format!("k1-{n}"),
            mark: format!("k1-{n}"),
            workflows: vec!["w".into()],
            effects: 1,
            dead: None,
        };
        let accepted: Vec<_> = (0..4).map(event).collect();
        let told = |had: &[&str]| {
            let marks = [("w".to_owned(), had.iter().map(|mark| (*mark).to_owned()).collect())].into();
            in_histories(&accepted, &marks).iter().map(Bad::to_string).collect::<Vec<_>>()
        };
        assert!(told(&["k1-0", "k1-1", "k1-2", "k1-3"]).is_empty());
        assert_eq!(told(&["k1-0", "k1-1", "k1-3"]), ["k1-2 is lost: w does not have it"]);
        assert_eq!(told(&["k1-0", "k1-1", "k1-2", "k1-1", "k1-3"]), ["k1-1 is doubled in w"]);
        assert_eq!(
            told(&["k1-0", "k1-2", "k1-1", "k1-3"]),
            ["k1-1 is out of order in w: it comes after k1-2"]
        );
        assert_eq!(told(&["k1-0", "k1-1", "k1-2", "k1-3", "k2-0"]), ["k2-0 has no business in w"]);
    }
}
