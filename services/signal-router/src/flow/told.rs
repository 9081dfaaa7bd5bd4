//! What is told of commands that wait. Pure.

use chrono::{DateTime, Utc};
use signalbox_domain::{
    Command, EffectKey, Flow, Outcome, OutcomeExt, OutcomeKind, Reason, Terms, batched, of_command,
};

use super::stages::Release;

/// It waits; `batch` is what it has become a part of.
pub(super) fn held(command: &Command, batch: Option<&EffectKey>, at: DateTime<Utc>) -> Outcome {
    let mut outcome = of_command(command, 0, at);
    outcome.set_kind(OutcomeKind::Held);
    outcome.batch = batch.map(EffectKey::to_string).unwrap_or_default();
    outcome.detail = match batch {
        Some(_) => "goes on with others, as one".to_owned(),
        None => "waits, as the flow of its route says".to_owned(),
    };
    outcome
}

/// Another one has taken its place.
pub(super) fn superseded(command: &Command, by: &EffectKey, at: DateTime<Utc>) -> Outcome {
    let mut outcome = of_command(command, 0, at);
    outcome.set_kind(OutcomeKind::Superseded);
    outcome.detail = format!("a later one took its place: {by}");
    outcome
}

/// It cannot go on.
pub(super) fn too_large(command: &Command, at: DateTime<Utc>) -> Outcome {
    of_command(command, 1, at).because(
        OutcomeKind::Dead,
        Reason::InvalidArgument,
        "the command is larger than NATS takes: pass on a part of the event's data",
    )
}

/// Whether a command of which this is known needs nothing more from here: it is done with, or went on.
pub(super) fn went_on(outcome: &Outcome) -> bool {
    outcome.is_final() || outcome.kind() != OutcomeKind::Held || !outcome.batch.is_empty()
}

/// The command that goes on: that of a batch, or the only one.
pub(super) fn command(release: &Release) -> Option<Command> {
    let members: Vec<_> = release.items.iter().map(|item| (*item.command).clone()).collect();
    if release.batch {
        return batched(&members);
    }
    let only = members.into_iter().next()?;
    let flow = only.terms.flow.as_deref().and_then(Flow::passed).map(Box::new);
    Some(Command { terms: Terms { flow, ..only.terms.clone() }, ..only })
}
