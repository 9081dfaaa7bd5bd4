//! Why a route does what it does about an event, or nothing.

use std::{borrow::Cow, fmt};

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;
use signalbox_domain::{Command, Event};

use crate::{
    cel::expression::Expression,
    cel::scope::Scope,
    clauses::{clauses, names},
    fault::shortened,
    language::route::Route,
    rendered::rendered,
    set::RouteSet,
    subject::{SubjectFilter, differs},
};

/// The longest value that is shown, in characters.
const LONGEST: usize = 100;

/// What every route makes of an event, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Why the event is not what it was declared to be. Then no route looks at it.
    pub mismatch: Option<String>,
    /// All routes, by name.
    pub routes: Vec<Explained>,
}

/// What one route makes of an event, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// Name of the route.
    pub route: String,
    /// The file that it is in.
    pub file: String,
    /// The line of its name there, or of its guard, if that is what says no.
    pub line: usize,
    /// What it makes of the event.
    #[serde(flatten)]
    pub why: Why,
}

/// What a route makes of an event, and why. Displays as one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Why {
    /// It does something.
    Matched {
        /// What, as [`rendered`](crate::rendered) writes it.
        #[serde(serialize_with = "all_rendered")]
        commands: Vec<Command>,
    },
    /// Its guard is false.
    Refused {
        /// The first part of the guard that is false.
        clause: String,
        /// What that part reads.
        seen: Vec<Seen>,
    },
    /// It cannot say: this event is a dead letter.
    Failed {
        /// The field, the expression and what is wrong.
        detail: String,
        /// What the expression reads.
        seen: Vec<Seen>,
    },
    /// It wants events of other subjects.
    NotWanted {
        /// The filter that is the nearest.
        filter: String,
        /// Which token of the subject is another one, from 0.
        token: usize,
        /// What the filter has there; `None` if it ends before.
        wanted: Option<String>,
        /// What the subject has there; `None` if it ends before.
        found: Option<String>,
    },
    /// It was not asked: the event is not of its declared schema.
    NotAsked,
}

/// A name that an expression reads, and its value for the event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// As it stands in the expression.
    pub name: String,
    /// `None` if it is not there.
    pub value: Option<Value>,
}

fn all_rendered<S: Serializer>(commands: &[Command], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(commands.iter().map(rendered))
}

impl RouteSet {
    /// What every route makes of `event`, as [`Self::plan`] does, and why.
    pub fn explain(&self, event: &Event, at: DateTime<Utc>) -> Explanation {
        let mismatch = self.mismatch(event);
        let scope = Scope::new(event, at);
        let explained = |route: &Route| {
            let why = match (not_wanted(route, event), &mismatch) {
                (Some(not_wanted), _) => not_wanted,
                (None, Some(_)) => Why::NotAsked,
                (None, None) => self.decided(route, &scope),
            };
            let guard = route.guard_at.filter(|_| match &why {
                Why::Failed { detail, .. } => detail.starts_with("when: "),
                why => matches!(why, Why::Refused { .. }),
            });
            Explained {
                route: route.name.clone(),
                file: route.file.to_string(),
                line: guard.unwrap_or(route.span).at.line,
                why,
            }
        };
        Explanation { routes: self.routes().iter().map(explained).collect(), mismatch }
    }

    fn decided(&self, route: &Route, scope: &Scope<'_>) -> Why {
        match self.commands(route, scope) {
            Ok(Some(commands)) => Why::Matched { commands },
            Ok(None) => refused(route, scope),
            Err(detail) => {
                let seen = seen(failed(route, &detail, scope), scope);
                Why::Failed { detail, seen }
            }
        }
    }
}

fn refused(route: &Route, scope: &Scope<'_>) -> Why {
    let guard = route.guard.as_ref().map(Expression::text).unwrap_or_default();
    let is_false = |clause: &&str| value(clause, scope) == Some(Value::Bool(false));
    let clause = clauses(guard).into_iter().find(is_false).unwrap_or(guard);
    Why::Refused {
        clause: clause.split_whitespace().collect::<Vec<_>>().join(" "),
        seen: seen(clause, scope),
    }
}

/// The expression that failed.
fn failed<'a>(route: &'a Route, detail: &'a str, scope: &Scope<'_>) -> &'a str {
    let guard = route.guard.as_ref().filter(|_| detail.starts_with("when: "));
    let fails = |clause: &&str| value(clause, scope).is_none();
    match guard.map(Expression::text) {
        Some(guard) => clauses(guard).into_iter().find(fails).unwrap_or(guard),
        // It stands in the detail, between the first two backticks.
        None => detail.split('`').nth(1).unwrap_or_default(),
    }
}

fn seen(text: &str, scope: &Scope<'_>) -> Vec<Seen> {
    let seen = |name: String| {
        let missing =
            name.contains('?') && value(&format!("({name}).hasValue()"), scope) == Some(Value::Bool(false));
        Seen { value: value(&name, scope).filter(|_| !missing), name }
    };
    names(text).into_iter().map(seen).collect()
}

fn value(text: &str, scope: &Scope<'_>) -> Option<Value> {
    Expression::compile(text).ok()?.evaluate(scope).ok().map(Cow::into_owned)
}

/// The filter that has the most in common with the subject, if none matches.
fn not_wanted(route: &Route, event: &Event) -> Option<Why> {
    let subject = event.nats_subject.as_str();
    let filters = route.filters.iter().map(SubjectFilter::as_str);
    let differing: Option<Vec<_>> = filters.map(|filter| Some((filter, differs(filter, subject)?))).collect();
    let (filter, token) = differing?.into_iter().max_by_key(|(_, token)| *token)?;
    let at = |text: &str| text.split('.').nth(token).map(str::to_owned);
    Some(Why::NotWanted { wanted: at(filter), found: at(subject), filter: filter.to_owned(), token })
}

/// `event.data.status` is "refused"
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(value) = &self.value else { return write!(f, "`{}` is not there", self.name) };
        write!(f, "`{}` is {}", self.name, shortened(&value.to_string(), LONGEST))
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matched { commands } => {
                let kinds =
                    commands.iter().map(|command| format!("{} {}", command.action.kind(), command.key()));
                write!(f, "{}", kinds.collect::<Vec<_>>().join(", "))
            }
            Self::Refused { clause, .. } => write!(f, "`{clause}` is false"),
            Self::Failed { detail, .. } => f.write_str(detail),
            Self::NotWanted { filter, wanted, found, .. } => match (wanted, found) {
                (Some(wanted), Some(found)) => write!(f, "wants {filter}: `{wanted}`, not `{found}`"),
                (Some(wanted), None) => write!(f, "wants {filter}: `{wanted}`, where the subject ends"),
                (None, _) => write!(f, "wants {filter}, which ends before the subject does"),
            },
            Self::NotAsked => f.write_str("not asked: the event is not of its declared schema"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use signalbox_domain::{RawMessage, read_event};

    use super::*;

    const ROUTES: &str = r#"
version: 1
events:
  - on: events.declared
    schema: { type: object, required: [n, id], properties: { id: { type: integer } } }
routes:
  - name: guarded
    on: events.shop.payment.*
    when: ${ has(event.data.status) && event.data.status == "paid" && event.data.?amount.orValue(0) > event.data.least }
    signal: { workflow_id: "order-${ event.data.id }", name: paid }
  - name: near
    on: [ events.shop.order.*, events.shop.payment.card.visa ]
    signal: { workflow_id: "order-${ event.data.id }", name: paid }
  - name: long
    on: events.shop.*
    signal: { workflow_id: "order-${ event.data.id }", name: paid }
  - name: all
    on: events.>
    signal: { workflow_id: "order-${ event.data.id }", name: seen }
"#;

    fn explained(subject: &str, data: &Value) -> String {
        let set = RouteSet::load([("shop.yaml".to_owned(), ROUTES.to_owned())]).unwrap();
        let event = read_event(&RawMessage {
            subject,
            headers: Vec::new(),
            body: data.to_string().into(),
            stream_sequence: 7,
            stored_at: DateTime::UNIX_EPOCH,
        })
        .unwrap();
        let explanation = set.explain(&event, DateTime::UNIX_EPOCH);
        // It says what the plan does.
        let plan = set.plan(&event, DateTime::UNIX_EPOCH);
        assert_eq!(plan.mismatch, explanation.mismatch);
        let commands = explanation.routes.iter().filter_map(|route| match &route.why {
            Why::Matched { commands } => Some(commands.clone()),
            _ => None,
        });
        assert_eq!(plan.commands, commands.flatten().collect::<Vec<_>>());
        let line = |route: &Explained| {
            let seen = match &route.why {
                Why::Refused { seen, .. } | Why::Failed { seen, .. } => seen.as_slice(),
                _ => &[],
            };
            let seen: String = seen.iter().map(|seen| format!("; {seen}")).collect();
            format!("{}:{}: {}{seen}", route.line, route.route, route.why)
        };
        let lines: Vec<_> = explanation.routes.iter().map(line).collect();
        lines.join("\n")
    }

    #[test]
    fn it_says_which_part_of_a_guard_is_false_and_what_it_saw() {
        insta::assert_snapshot!(explained("events.shop.payment.card", &json!({"id": 7})), @"
        17:all: signal order-7
        9:guarded: `has(event.data.status)` is false; `event.data.status` is not there
        14:long: wants events.shop.*, which ends before the subject does
        11:near: wants events.shop.payment.card.visa: `visa`, where the subject ends
        ");
        insta::assert_snapshot!(explained("events.shop.payment.card", &json!({"id": 7, "status": "refused"})), @r#"
        17:all: signal order-7
        9:guarded: `event.data.status == "paid"` is false; `event.data.status` is "refused"
        14:long: wants events.shop.*, which ends before the subject does
        11:near: wants events.shop.payment.card.visa: `visa`, where the subject ends
        "#);
        insta::assert_snapshot!(
            explained("events.shop.payment.card", &json!({"id": 7, "status": "paid", "least": 5})), @"
        17:all: signal order-7
        9:guarded: `event.data.?amount.orValue(0) > event.data.least` is false; `event.data.?amount` is not there; `event.data.least` is 5
        14:long: wants events.shop.*, which ends before the subject does
        11:near: wants events.shop.payment.card.visa: `visa`, where the subject ends
        ");
    }

    #[test]
    fn it_says_what_failed_and_what_matched() {
        insta::assert_snapshot!(explained("events.shop.payment.card", &json!({"status": "paid"})), @r#"
        17:all: workflow_id: `event.data.id`: no such key: `id`; `event.data.id` is not there
        9:guarded: when: `has(event.data.status) && event.data.status == "paid" && event.data.?amount.orVa…`: no such key: `least`; `event.data.?amount` is not there; `event.data.least` is not there
        14:long: wants events.shop.*, which ends before the subject does
        11:near: wants events.shop.payment.card.visa: `visa`, where the subject ends
        "#);
        insta::assert_snapshot!(
            explained("events.shop.payment.card", &json!({"id": 7, "status": "paid", "amount": 6, "least": 5})), @"
        17:all: signal order-7
        7:guarded: signal order-7
        14:long: wants events.shop.*, which ends before the subject does
        11:near: wants events.shop.payment.card.visa: `visa`, where the subject ends
        ");
    }

    #[test]
    fn it_says_which_token_is_another_one() {
        insta::assert_snapshot!(explained("events.shop", &json!({"id": 7})), @"
        17:all: signal order-7
        7:guarded: wants events.shop.payment.*: `payment`, where the subject ends
        14:long: wants events.shop.*: `*`, where the subject ends
        11:near: wants events.shop.payment.card.visa: `payment`, where the subject ends
        ");
        insta::assert_snapshot!(explained("events.declared", &json!({})), @"
        17:all: not asked: the event is not of its declared schema
        7:guarded: wants events.shop.payment.*: `shop`, not `declared`
        14:long: wants events.shop.*: `shop`, not `declared`
        11:near: wants events.shop.payment.card.visa: `shop`, not `declared`
        ");
    }
}
