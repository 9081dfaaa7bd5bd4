//! Events, commands, outcomes, keys, ids, faults, and which route set holds for which event.
//!
//! Pure: no clock, no randomness, no I/O and no client of anything. Text from outside becomes one of these
//! types at the door, or does not come in.

mod action;
mod action_wire;
mod batch;
mod command;
mod event;
mod event_wire;
mod fault;
mod http_event;
mod ids;
mod json;
mod key;
mod outcome;
mod read_event;
mod terms;
mod timeline;
mod trace;

pub use action::{
    Action, ConflictPolicy, JsonText, Priority, Query, RetryPolicy, ReusePolicy, ScheduleCall, Signal,
    SignalAll, Start, StartOptions, Update, UpdateWait, WorkflowAction,
};
pub use action_wire::wire_duration;
pub use batch::{batched, fit_together, of_each, of_member};
pub use command::{BadCommand, Command, Matching, Origin, Trigger, time, wire_time};
pub use event::{Data, Event};
pub use fault::{BadReason, Fault, Reason};
pub use http_event::{BadPost, HttpMessage, MOST_IN_BATCH, Posted, read_http_body, read_http_events};
pub use ids::{BadId, EventId, EventSubject, ReplyTo, ScheduleId, Source, WorkflowId};
pub use key::{EffectKey, EventKey, partition};
pub use outcome::{OutcomeExt, dead_letter, of_command};
pub use read_event::{BadEvent, RawMessage, read_event};
pub use signalbox_proto::{
    names::extension::HOPS,
    v1::{
        ChangeSchedule, CreateSchedule, DeadLetter, DeleteSchedule, EventRef, Outcome, OutcomeKind,
        PauseSchedule, ResumeSchedule, ScheduleArgs, ScheduleSpec, TriggerSchedule, Verdict,
    },
};
pub use terms::{Batch, BatchMember, Debounce, Flow, IfMissing, Terms, Throttle};
pub use timeline::{Log, TimelineExt};
pub use trace::TraceContext;
