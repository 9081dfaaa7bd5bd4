//! How many signals a run has had: routes may want a run to get no more than so many.
//!
//! A history that is shorter than the limit cannot have as many signals, and then nothing is counted. Otherwise it is
//! read from its end back to what was counted before. Nothing but the history is needed, so a router that starts anew
//! counts the same.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use signalbox_domain::{Fault, Reason};
use temporalio_common::protos::temporal::api::{
    history::v1::{HistoryEvent, history_event::Attributes},
    workflowservice::v1::{DescribeWorkflowExecutionRequest, GetWorkflowExecutionHistoryReverseRequest},
};

use super::{Attempt, in_time};
use crate::{
    Failure,
    connect::{DEADLINE, within},
};

/// Events that are asked for together.
const PAGE: i32 = 1000;
/// Runs whose counts are kept.
const MOST_RUNS: usize = 1024;

/// Of runs that are near their limit: how many signals are up to which event.
#[derive(Clone, Default)]
pub(crate) struct SignalCounts(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    of_run: HashMap<String, Counted>,
    order: VecDeque<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counted {
    signals: u32,
    /// Id of the last event that was looked at.
    up_to: i64,
}

impl SignalCounts {
    fn get(&self, run_id: &str) -> Counted {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.of_run.get(run_id).copied().unwrap_or_default()
    }

    fn put(&self, run_id: &str, counted: Counted) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.of_run.insert(run_id.to_owned(), counted).is_none() {
            counts.order.push_back(run_id.to_owned());
        }
        if counts.order.len() > MOST_RUNS
            && let Some(oldest) = counts.order.pop_front()
        {
            counts.of_run.remove(&oldest);
        }
    }
}

impl Counted {
    /// With these events, the latest first; tells whether all are known now.
    fn add(&mut self, before: Self, events: &[HistoryEvent]) -> bool {
        let new = events.iter().take_while(|event| event.event_id > before.up_to);
        for event in new {
            self.up_to = self.up_to.max(event.event_id);
            self.signals += u32::from(is_signal(event));
        }
        events.last().is_none_or(|last| last.event_id <= before.up_to + 1)
    }
}

fn is_signal(event: &HistoryEvent) -> bool {
    matches!(event.attributes, Some(Attributes::WorkflowExecutionSignaledEventAttributes(_)))
}

impl Attempt<'_> {
    /// Whether the open run may get one more signal, as far as the route has a say in it. It waits for the next run, if
    /// not.
    pub(super) async fn may_get_a_signal(&self) -> Result<(), Failure> {
        let flow = self.command.terms.flow.as_deref();
        let Some(limit) = flow.and_then(|flow| flow.signals_per_run) else { return Ok(()) };
        let Some((run_id, length)) = self.open_run().await? else { return Ok(()) };
        if length < i64::from(limit) {
            return Ok(());
        }
        let signals = self.count_signals(&run_id).await?;
        // One that it has already it swallows.
        if signals < limit || (self.repeated && self.is_in(&run_id).await?) {
            return Ok(());
        }
        let detail = format!("the run has had {signals} signals, and its route lets it have {limit}");
        Err(Failure { fault: Fault::Transient, reason: Reason::TooManySignals, detail })
    }

    /// The open run, and how many events it has.
    async fn open_run(&self) -> Result<Option<(String, i64)>, Failure> {
        let request =
            DescribeWorkflowExecutionRequest { namespace: self.namespace(), execution: self.execution("") };
        let mut service = self.temporal.service();
        let described = in_time(service.describe_workflow_execution(within(DEADLINE, request))).await;
        let info = match described {
            Ok(described) => described.into_inner().workflow_execution_info,
            // What to do about that is not a matter of signals.
            Err(failure) if failure.reason == Reason::WorkflowNotFound => None,
            Err(failure) => return Err(failure),
        };
        let open = info.filter(|info| info.close_time.is_none());
        Ok(open.and_then(|info| Some((info.execution?.run_id, info.history_length))))
    }

    async fn count_signals(&self, run_id: &str) -> Result<u32, Failure> {
        let before = self.temporal.signals.get(run_id);
        let (mut counted, mut next_page_token) = (before, Vec::new());
        loop {
            let request = GetWorkflowExecutionHistoryReverseRequest {
                namespace: self.namespace(),
                execution: self.execution(run_id),
                maximum_page_size: PAGE,
                next_page_token,
            };
            let mut service = self.temporal.service();
            let call = service.get_workflow_execution_history_reverse(within(DEADLINE, request));
            let page = in_time(call).await?.into_inner();
            let events = page.history.map(|history| history.events).unwrap_or_default();
            if counted.add(before, &events) || page.next_page_token.is_empty() {
                self.temporal.signals.put(run_id, counted);
                return Ok(counted.signals);
            }
            next_page_token = page.next_page_token;
        }
    }
}

#[cfg(test)]
mod tests {
    use temporalio_common::protos::temporal::api::history::v1::{
        TimerStartedEventAttributes, WorkflowExecutionSignaledEventAttributes,
    };

    use super::*;

    fn event(event_id: i64, signal: bool) -> HistoryEvent {
        let attributes = match signal {
            true => Attributes::WorkflowExecutionSignaledEventAttributes(
                WorkflowExecutionSignaledEventAttributes::default(),
            ),
            false => Attributes::TimerStartedEventAttributes(TimerStartedEventAttributes::default()),
        };
        HistoryEvent { event_id, attributes: Some(attributes), ..Default::default() }
    }

    #[test]
    fn no_event_is_counted_twice() {
        let before = Counted { signals: 3, up_to: 5 };
        let mut counted = before;
        assert!(!counted.add(before, &[event(9, true), event(8, false)]), "7 and 6 are still to come");
        assert!(counted.add(before, &[event(7, true), event(6, true), event(5, true)]));
        assert_eq!(counted, Counted { signals: 6, up_to: 9 });
        let again = counted;
        assert!(counted.add(again, &[event(9, true), event(8, false)]));
        assert_eq!(counted, again);
    }

    #[test]
    fn counts_of_the_last_runs_are_kept() {
        let counts = SignalCounts::default();
        let of = |n: usize| Counted { signals: 1, up_to: n as i64 };
        (0..=MOST_RUNS).for_each(|n| counts.put(&n.to_string(), of(n)));
        assert_eq!(counts.get("0"), Counted::default());
        assert_eq!(counts.get("1"), of(1));
        assert_eq!(counts.get(&MOST_RUNS.to_string()), of(MOST_RUNS));
    }
}
