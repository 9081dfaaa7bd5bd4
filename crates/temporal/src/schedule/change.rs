//! Making a schedule that exists what it is to be.

use std::time::Duration;

use signalbox_proto::names::search_attribute;
use temporalio_client::NamespacedClient;
use temporalio_common::protos::temporal::api::{
    common::v1::SearchAttributes, schedule::v1 as ps, workflowservice::v1::UpdateScheduleRequest,
};

use tokio::time::sleep;

use super::{Described, NewSchedule, ScheduleError, refused, wire};
use crate::{
    Temporal,
    connect::{DEADLINE, within},
    execute::in_time,
    payload::{arguments, keyword},
    spans,
};

/// How often a change is tried that others get ahead of.
const ATTEMPTS: usize = 6;

/// A schedule that was changed has its new search attributes within a few of these. At so many looks it has others.
const MARK_SETTLES: Duration = Duration::from_millis(100);
const LOOKS: usize = 5;

/// What a change found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// In what it differed, field by field, in words for people; empty if nothing was changed.
    pub differences: Vec<String>,
    /// Whether it was of another declaration, and not changed by somebody in Temporal.
    pub declared_anew: bool,
}

impl Temporal {
    /// Makes an existing schedule what `wanted` says: of one that was made with a cron expression, when and with which
    /// arguments it runs, and all else of it stays; otherwise all of it, but for whether it is paused, if that is not
    /// wanted. A change that has been made is not made again. Tells what it found.
    ///
    /// # Errors
    /// [`ScheduleError`]; `Exists` if it is declared, and no longer is there as a declared one.
    pub async fn change_schedule(&self, wanted: &NewSchedule) -> Result<Changes, ScheduleError> {
        let mut mended = Changes::default();
        for attempt in 1..=ATTEMPTS {
            let described = self.describe_schedule(&wanted.id).await?;
            if wanted.declared.is_some() && described.declared().is_none() {
                return Err(ScheduleError::Exists(wanted.id.clone()));
            }
            let mut differences = remaining(wanted, &described)?;
            // Some servers answer success also when they drop an update because of a change meanwhile.
            if differences.is_empty() {
                if wanted.declared.is_none() || described.declared() == wanted.declared {
                    return Ok(mended);
                }
                if attempt != LOOKS {
                    sleep(MARK_SETTLES).await;
                    continue;
                }
                differences.push("its mark is that of another declaration".to_owned());
            }
            let declared_anew = described.declared() != wanted.declared;
            self.update(wanted, described).await?;
            mended = Changes { differences, declared_anew };
        }
        Err(ScheduleError::Unsettled { id: wanted.id.clone(), differences: mended.differences })
    }

    async fn update(&self, wanted: &NewSchedule, described: Described) -> Result<(), ScheduleError> {
        let request = UpdateScheduleRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            schedule_id: wanted.id.to_string(),
            search_attributes: found_by(wanted, &described),
            conflict_token: described.answer.conflict_token.clone(),
            schedule: Some(changed(described, wanted)?),
            // No memo: servers keep a schedule's own as it was created, or refuse the update.
            // No request id: of an update that was dropped, the next attempt would be taken for the same.
            ..Default::default()
        };
        let mut service = self.service();
        match spans::of_schedule("UpdateSchedule", &wanted.id, async {
            in_time(service.update_schedule(within(DEADLINE, request))).await
        })
        .await
        {
            Err(failure) if failure.detail.contains("conflict token") => Ok(()),
            updated => updated.map(|_| ()).map_err(|failure| refused(&wanted.id, failure)),
        }
    }
}

/// What is left to do. A call's change is made when the schedule says that it was made by that call; what others have
/// changed since is theirs.
fn remaining(wanted: &NewSchedule, described: &Described) -> Result<Vec<String>, ScheduleError> {
    if wanted.declared.is_some() {
        return described.differences(wanted);
    }
    let made = described.wanted_by("request_id").as_ref() == Some(&wanted.request_id);
    Ok(if made { Vec::new() } else { vec!["another call made it so".to_owned()] })
}

/// Its own search attributes, and the mark of a declared one.
fn found_by(wanted: &NewSchedule, described: &Described) -> Option<SearchAttributes> {
    let mark = keyword(search_attribute::DECLARED, wanted.declared.as_ref()?);
    let mut attributes = described.answer.search_attributes.clone().unwrap_or_default();
    attributes.indexed_fields.extend(mark.indexed_fields);
    Some(attributes)
}

fn changed(described: Described, wanted: &NewSchedule) -> Result<ps::Schedule, ScheduleError> {
    let other_runs = wanted.declared.is_none() || described.wanted_by("declared") != wanted.declared;
    let mut schedule = described.answer.schedule.unwrap_or_default();
    schedule.spec = Some(wire::spec(&wanted.specification));
    if wanted.source.declaration.is_empty() {
        let action = schedule.action.as_mut().and_then(|action| action.action.as_mut());
        if let Some(ps::schedule_action::Action::StartWorkflow(start)) = action {
            start.input = arguments(&wanted.start.args);
            start.memo = Some(wire::memo_of_runs(wanted));
        }
        return Ok(schedule);
    }
    schedule.action = Some(wire::action(wanted).map_err(|failure| refused(&wanted.id, failure))?);
    schedule.policies = Some(wire::policies(&wanted.policies));
    let mut state = schedule.state.unwrap_or_default();
    if let Some(paused) = wanted.paused {
        state.paused = paused;
    }
    // Of one that somebody paused, the note says why.
    if wanted.paused.is_some() || !state.paused {
        state.notes = wanted.note.clone();
    }
    if other_runs {
        let ps::ScheduleState { limited_actions, remaining_actions, .. } = wire::runs(wanted.runs);
        (state.limited_actions, state.remaining_actions) = (limited_actions, remaining_actions);
    }
    schedule.state = Some(state);
    Ok(schedule)
}
