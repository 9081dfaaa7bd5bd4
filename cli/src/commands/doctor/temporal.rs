use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::json;
use signalbox_proto::names::search_attribute::{DECLARED, TRIGGER};
use signalbox_service::TemporalArgs;
use signalbox_telemetry::Chain;
use signalbox_temporal::{ConnectError, LookupError, Options, Poller, Temporal, Work};
use tokio::time::timeout;

use super::{Examined, Finding, clock::Reading};
use crate::failure::root;

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(8);

/// Temporal tells of those who polled within minutes; who lives polls at least once in this time.
const FRESH: TimeDelta = TimeDelta::seconds(90);

const WHERE: &str =
    "is `signalbox up` running? --temporal-address or TEMPORAL_ADDRESS says where Temporal is";

/// Temporal, and what runs need there.
pub async fn examine(args: &TemporalArgs, task_queues: &[String]) -> Examined {
    let temporal = match connect(args).await {
        Ok(temporal) => temporal,
        Err(why) => return Examined { findings: vec![Finding::fault("Temporal", why, WHERE)], clock: None },
    };
    let mut findings = vec![server(&temporal, &args.temporal_address).await];
    match temporal.check().await {
        Ok(()) => findings.push(Finding::ok(namespace(args), "is there")),
        Err(ConnectError::Namespace(_)) => {
            // The rest is asked of the namespace.
            findings.push(no_namespace(args));
            return Examined { findings, clock: None };
        }
        Err(error) => findings.push(Finding::fault(namespace(args), Chain(&error).to_string(), WHERE)),
    }
    for name in [TRIGGER, DECLARED] {
        findings.push(search_attribute(&temporal, name).await);
    }
    let mut latest = None;
    for task_queue in task_queues {
        let (found, last_access) = workers(&temporal, task_queue).await;
        findings.extend(found);
        latest = latest.max(last_access);
    }
    Examined { findings, clock: latest.map(|told| Reading::past("Temporal", told)) }
}

async fn connect(args: &TemporalArgs) -> Result<Temporal, String> {
    let options = Options::new(args, "signalbox-cli");
    match timeout(CONNECT_WITHIN, Temporal::connect(&options)).await {
        Ok(Ok(temporal)) => Ok(temporal),
        Ok(Err(error @ ConnectError::Address(_))) => Err(error.to_string()),
        Ok(Err(error)) => {
            Err(format!("no Temporal server answers at {}: {}", args.temporal_address, root(&error)))
        }
        Err(_) => Err(format!("no Temporal server answers at {} in time", args.temporal_address)),
    }
}

fn namespace(args: &TemporalArgs) -> String {
    format!("namespace {}", args.temporal_namespace)
}

fn no_namespace(args: &TemporalArgs) -> Finding {
    let name = &args.temporal_namespace;
    let advice =
        format!("`temporal operator namespace create -n {name}`, or --temporal-namespace says another one");
    Finding::fault(namespace(args), "is not there", advice)
}

async fn server(temporal: &Temporal, address: &str) -> Finding {
    match temporal.server_version().await {
        Ok(version) => Finding::ok("Temporal", format!("{address}, server {version}"))
            .with(json!({ "version": version })),
        Err(error) => Finding::fault("Temporal", error.to_string(), WHERE),
    }
}

async fn search_attribute(temporal: &Temporal, name: &str) -> Finding {
    let check = format!("search attribute {name}");
    let create = format!("`temporal operator search-attribute create --name {name} --type Keyword`");
    match temporal.search_attribute(name).await {
        Ok(Some(kind)) if kind == "Keyword" => Finding::ok(check, "is there"),
        Ok(Some(kind)) => Finding::fault(
            check,
            format!("is of type {kind}, not Keyword"),
            format!("remove it, and then {create}"),
        ),
        Ok(None) => Finding::fault(check, "is not there", create),
        Err(error) => Finding::fault(check, error.to_string(), WHERE),
    }
}

type Found = (Vec<Finding>, Option<chrono::DateTime<Utc>>);

async fn workers(temporal: &Temporal, task_queue: &str) -> Found {
    let workflows = temporal.pollers_for(task_queue, Work::Workflows).await;
    let activities = temporal.pollers_for(task_queue, Work::Activities).await;
    let all = workflows.iter().chain(&activities).flatten();
    let last_access = all.filter_map(|poller| poller.last_access).max();
    (vec![workers_of(task_queue, workflows, activities)], last_access)
}

fn workers_of(
    task_queue: &str,
    workflows: Result<Vec<Poller>, LookupError>,
    activities: Result<Vec<Poller>, LookupError>,
) -> Finding {
    let check = format!("workers of {task_queue}");
    let advice = "start one: `signalbox serve worker`, or your own on this task queue";
    match (workflows, activities) {
        (Ok(workflows), Ok(activities)) => {
            let numbers =
                json!({ "workflow_pollers": fresh(&workflows), "activity_pollers": fresh(&activities) });
            let finding = match (fresh(&workflows), fresh(&activities)) {
                (0, _) => Finding::fault(check, "nobody polls it for workflows", advice),
                (_, 0) => Finding::warning(check, "nobody polls it for activities", advice),
                (n, m) => Finding::ok(check, format!("{n} for workflows, {m} for activities")),
            };
            finding.with(numbers)
        }
        (Err(error), _) | (_, Err(error)) => Finding::fault(check, error.to_string(), WHERE),
    }
}

/// How many of them live; whoever has died is told of for a while.
fn fresh(pollers: &[Poller]) -> usize {
    let live = |poller: &&Poller| poller.last_access.is_none_or(|at| Utc::now() - at < FRESH);
    pollers.iter().filter(live).count()
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_queue_needs_somebody_who_lives() {
        let polled = |ago| vec![Poller { identity: "w".to_owned(), last_access: Some(Utc::now() - ago) }];
        let level = |workflows, activities| workers_of("q", Ok(workflows), Ok(activities)).level;
        let (now, long_ago) = (TimeDelta::zero(), TimeDelta::minutes(4));
        assert_eq!(level(polled(now), polled(now)), Level::Ok);
        assert_eq!(level(polled(now), Vec::new()), Level::Warning);
        assert_eq!(level(polled(long_ago), polled(now)), Level::Fault);
        assert_eq!(level(Vec::new(), Vec::new()), Level::Fault);
    }
}
