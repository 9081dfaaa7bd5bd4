//! What a schedule is to be, as a route set or a call declares it. Pure.

use sha2::{Digest, Sha256};
use signalbox_routing::DeclaredSchedule;
use signalbox_schedules::Timing;
use signalbox_temporal::{NewSchedule, Source};

/// Counted up when the same declaration is told to Temporal in another way, so that all are told anew.
const MAPPING: u32 = 1;

/// A schedule as it is to be, and when it runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Desired {
    pub(crate) schedule: NewSchedule,
    pub(crate) timing: Timing,
}

impl Desired {
    /// As a route set declares it.
    pub(crate) fn declared(declared: &DeclaredSchedule) -> Self {
        let mut desired = Self::called(declared, String::new());
        desired.schedule.declared = Some(digest(&declared.written));
        desired
    }

    /// As the call of that request id declares it.
    pub(crate) fn called(declared: &DeclaredSchedule, request_id: String) -> Self {
        let timing = declared.timing.clone();
        let schedule = NewSchedule {
            id: declared.id.clone(),
            request_id,
            specification: timing.specification().clone(),
            policies: declared.policies,
            runs: timing.runs(),
            paused: declared.paused,
            note: declared.note.clone(),
            start: declared.start.clone(),
            workflow_id: declared.workflow_id.clone(),
            source: Source {
                cron: String::new(),
                time_zone: timing.time_zone().name().to_owned(),
                declaration: declared.written.clone(),
            },
            declared: None,
        };
        Self { schedule, timing }
    }
}

/// 16 hexadecimal digits.
fn digest(written: &str) -> String {
    let hash = Sha256::new().chain_update(MAPPING.to_be_bytes()).chain_update(written).finalize();
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> DeclaredSchedule {
        DeclaredSchedule::read(text).unwrap()
    }

    #[test]
    fn the_mark_is_that_of_what_is_written() {
        let of = |text| Desired::declared(&read(text)).schedule.declared.unwrap();
        let one = of("{ id: a, cron: 0 9 * * *, emit: events.a }");
        assert_eq!(one.len(), 16);
        assert_eq!(one, of("{ id: a,  cron: '0 9 * * *', emit: events.a }"));
        assert_ne!(one, of("{ id: a, cron: 0 9 * * *, emit: events.b }"));
        assert_eq!(
            Desired::called(&read("{ id: a, every: 1h, emit: events.a }"), "r".into()).schedule.declared,
            None
        );
    }
}
