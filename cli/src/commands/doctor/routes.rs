use chrono::Utc;
use serde_json::json;
use signalbox_bus::Bus;
use signalbox_domain::{TimelineExt, time as of_wire};

use super::Finding;
use crate::commands::routes::standing::{Known, Standing};
use crate::text::time;

const CHECK: &str = "routes";

/// Which routes run, and whether those that are wanted do. Nothing, where the bucket is the fault.
pub async fn examine(bus: &Bus) -> Option<Finding> {
    let sets = bus.route_sets().await.ok()?;
    Some(match Known::read(&sets).await {
        Ok(known) => judge(&known),
        Err(error) => super::bus::failed(CHECK, &error),
    })
}

fn judge(known: &Known) -> Finding {
    let Some(period) = known.timeline.running() else {
        let advice = "start a signal-router with a folder of routes (--routes), or `signalbox apply` one";
        return Finding::fault(CHECK, "none run", advice);
    };
    let ago = period.applied_at.and_then(of_wire).map(|at| time::relative(at, Utc::now()));
    let runs = format!(
        "{} run from event {} on, applied {} by {}",
        period.version,
        period.from_sequence,
        ago.unwrap_or_default(),
        period.applied_by
    );
    let wanted = &known.wanted.value.version;
    let finding = match known.standing() {
        Standing::Runs | Standing::Nothing => Finding::ok(CHECK, runs),
        Standing::Refused(why) => {
            let why = why.lines().next().unwrap_or_default();
            let advice = "`signalbox routes` has all that is wrong; `signalbox apply` applies others";
            Finding::warning(CHECK, format!("{wanted} are wanted, and refused: {why}; {runs}"), advice)
        }
        Standing::Pending => {
            let advice = "is the signal-router running? `signalbox serve signal-router` starts one";
            Finding::warning(CHECK, format!("{wanted} are wanted, and not taken up yet; {runs}"), advice)
        }
    };
    finding.with(json!({
        "running": period.version, "from_sequence": period.from_sequence, "wanted": wanted,
        "status": known.standing().word(),
    }))
}

#[cfg(test)]
mod tests {
    use signalbox_bus::Revised;
    use signalbox_proto::v1::{RoutePeriod, RouteTimeline, RoutesAnswer, WantedRoutes, routes_answer::What};

    use super::super::Level;
    use super::*;

    #[test]
    fn routes_that_are_wanted_and_do_not_run_are_told() {
        let period = RoutePeriod { version: "v1".into(), ..Default::default() };
        let of = |wanted: &str, answer: Option<RoutesAnswer>| Known {
            timeline: RouteTimeline { periods: vec![period.clone()], ..Default::default() },
            wanted: Revised {
                revision: 7,
                value: WantedRoutes { version: wanted.into(), ..Default::default() },
            },
            answer,
        };
        let refused =
            RoutesAnswer { change: 7, what: Some(What::Refused("why\nand".into())), ..Default::default() };
        assert_eq!(judge(&Known::default()).level, Level::Fault);
        assert_eq!(judge(&of("v1", None)).level, Level::Ok);
        assert_eq!(judge(&of("v2", None)).level, Level::Warning);
        let finding = judge(&of("v2", Some(refused)));
        assert!(finding.level == Level::Warning && finding.detail.contains("refused: why;"), "{finding:?}");
    }
}
