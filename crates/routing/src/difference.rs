//! What two sets of routes make of one event, where that is not the same.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use signalbox_domain::{Command, WorkflowId};

use crate::{plan::Plan, rendered::rendered};

/// What one route makes of an event in one set and not in another.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Name of the route; none where the event itself is taken or refused by its declared schema.
    pub route: Option<String>,
    /// In which way.
    pub kind: DifferenceKind,
    /// What it did: commands or why it failed.
    pub before: Made,
    /// What it does.
    pub after: Made,
}

/// In which way two sets differ about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// It fails, and did not.
    Fails,
    /// The event is no longer of its declared schema.
    Refused,
    /// It did something and does nothing.
    NoLonger,
    /// It does something else.
    Otherwise,
    /// It did nothing and does something.
    Newly,
    /// The event is of its declared schema, and was not.
    Taken,
    /// It failed and does not.
    FailsNoLonger,
}

impl DifferenceKind {
    /// In a few words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fails => "fails",
            Self::Refused => "refused by schema",
            Self::NoLonger => "no longer",
            Self::Otherwise => "something else",
            Self::Newly => "newly",
            Self::Taken => "taken by schema",
            Self::FailsNoLonger => "fails no longer",
        }
    }
}

/// What a route makes of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Made {
    /// Commands, or nothing.
    Commands(Vec<Command>),
    /// An error.
    Error(String),
}

impl Difference {
    /// Workflow ids, before and after, where the same action is for another workflow.
    pub fn moved(&self) -> Vec<(&WorkflowId, &WorkflowId)> {
        let (Made::Commands(before), Made::Commands(after)) = (&self.before, &self.after) else {
            return Vec::new();
        };
        let same =
            before.iter().zip(after).filter(|(before, after)| before.action.kind() == after.action.kind());
        let ids =
            same.filter_map(|(before, after)| before.action.workflow_id().zip(after.action.workflow_id()));
        ids.filter(|(before, after)| before != after).collect()
    }
}

/// Where `after` is not what `before` was, by route. That the sets have two versions is of no consequence.
pub fn differences(before: &Plan, after: &Plan) -> Vec<Difference> {
    let names: BTreeSet<_> = [before, after].into_iter().flat_map(names).collect();
    let of_schema = match (&before.mismatch, &after.mismatch) {
        (None, Some(why)) => Some((DifferenceKind::Refused, Vec::new(), vec![why])),
        (Some(why), None) => Some((DifferenceKind::Taken, vec![why], Vec::new())),
        _ => None,
    };
    let made =
        |why: Vec<&String>| why.first().map_or(Made::Commands(Vec::new()), |why| Made::Error((*why).clone()));
    let of_schema =
        of_schema.map(|(kind, was, is)| Difference { route: None, kind, before: made(was), after: made(is) });
    let of_routes = names.into_iter().filter_map(|route| {
        let (was, is) = (made_by(before, route), made_by(after, route));
        let kind = kind(&was, &is)?;
        Some(Difference { route: Some(route.to_owned()), kind, before: was, after: is })
    });
    of_schema.into_iter().chain(of_routes).collect()
}

fn names(plan: &Plan) -> impl Iterator<Item = &str> {
    let commands = plan.commands.iter().filter_map(|command| command.origin.route.as_deref());
    commands.chain(plan.errors.iter().map(|error| error.route.as_str()))
}

fn made_by(plan: &Plan, route: &str) -> Made {
    match plan.errors.iter().find(|error| error.route == route) {
        Some(error) => Made::Error(error.detail.clone()),
        None => {
            let of_route = |command: &&Command| command.origin.route.as_deref() == Some(route);
            Made::Commands(plan.commands.iter().filter(of_route).cloned().collect())
        }
    }
}

fn kind(before: &Made, after: &Made) -> Option<DifferenceKind> {
    match (before, after) {
        (Made::Commands(before), Made::Commands(after)) => match (before.is_empty(), after.is_empty()) {
            (true, true) => None,
            (true, false) => Some(DifferenceKind::Newly),
            (false, true) => Some(DifferenceKind::NoLonger),
            (false, false) => {
                (all_rendered(before) != all_rendered(after)).then_some(DifferenceKind::Otherwise)
            }
        },
        (Made::Commands(_), Made::Error(_)) => Some(DifferenceKind::Fails),
        (Made::Error(_), Made::Commands(_)) => Some(DifferenceKind::FailsNoLonger),
        // That it fails for another reason makes no difference to anybody.
        (Made::Error(_), Made::Error(_)) => None,
    }
}

/// As people see them: the sets' versions are not in it.
fn all_rendered(commands: &[Command]) -> Vec<Value> {
    commands.iter().map(rendered).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;
    use signalbox_domain::{RawMessage, read_event};

    use super::*;
    use crate::RouteSet;

    fn plan(routes: &str, data: &Value) -> Plan {
        let set = RouteSet::load([("a.yaml".to_owned(), format!("version: 1\n{routes}"))]);
        let event = read_event(&RawMessage {
            subject: "events.a.b",
            headers: Vec::new(),
            body: data.to_string().into(),
            stream_sequence: 7,
            stored_at: DateTime::UNIX_EPOCH,
        });
        set.unwrap().plan(&event.unwrap(), DateTime::UNIX_EPOCH)
    }

    fn told(before: &str, after: &str, data: &Value) -> Vec<String> {
        let (before, after) = (plan(before, data), plan(after, data));
        assert!(differences(&before, &before).is_empty() && differences(&after, &after).is_empty());
        let told = |difference: Difference| {
            let moved = difference.moved();
            let moved: String = moved.iter().map(|(before, after)| format!(" {before}→{after}")).collect();
            format!("{} {}{moved}", difference.route.unwrap_or_default(), difference.kind.name())
        };
        differences(&before, &after).into_iter().map(told).collect()
    }

    const OLD: &str = r#"
routes:
  - { name: same, on: events.a.*, signal: { workflow_id: "s-${ event.data.n }", name: s } }
  - { name: args, on: events.a.*, signal: { workflow_id: "a-${ event.data.n }", name: s, args: [ 1 ] } }
  - { name: moved, on: events.a.*, signal: { workflow_id: "m-${ event.data.n }", name: s } }
  - { name: gone, on: events.a.*, signal: { workflow_id: "g-${ event.data.n }", name: s } }
  - { name: breaks, on: events.a.*, signal: { workflow_id: "b-${ event.data.n }", name: s } }
  - { name: mended, on: events.a.*, signal: { workflow_id: "c-${ event.data.x }", name: s } }
"#;
    const NEW: &str = r#"
routes:
  - { name: same, on: events.*.b, signal: { workflow_id: "s-${ event.data.n }", name: s } }
  - { name: args, on: events.a.*, signal: { workflow_id: "a-${ event.data.n }", name: s, args: [ 2 ] } }
  - { name: moved, on: events.a.*, signal: { workflow_id: "n-${ event.data.n }", name: s } }
  - { name: gone, on: events.a.*, when: "${ event.data.n > 7 }", signal: { workflow_id: "g-${ event.data.n }", name: s } }
  - { name: breaks, on: events.a.*, signal: { workflow_id: "b-${ event.data.x }", name: s } }
  - { name: mended, on: events.a.*, signal: { workflow_id: "c-${ event.data.n }", name: s } }
  - { name: added, on: events.a.b, signal: { workflow_id: "d-${ event.data.n }", name: s } }
"#;

    #[test]
    fn each_way_to_differ_is_told() {
        assert_eq!(
            told(OLD, NEW, &json!({"n": 7})),
            [
                "added newly",
                "args something else",
                "breaks fails",
                "gone no longer",
                "mended fails no longer",
                "moved something else m-7→n-7"
            ]
        );
        let declared = format!(
            "events: [ {{ on: events.a.b, schema: {{ type: object, required: [ n, x ], properties: {{ n: {{ type: integer }}, x: {{ type: integer }} }} }} }} ]{OLD}"
        );
        let mut refused = told(OLD, &declared, &json!({"n": 7}));
        assert_eq!(refused.remove(0), " refused by schema");
        assert_eq!(refused.len(), 6);
        assert!(refused.contains(&"same no longer".to_owned()), "{refused:?}");
        assert_eq!(told(&declared, OLD, &json!({"n": 7}))[0], " taken by schema");
    }
}
