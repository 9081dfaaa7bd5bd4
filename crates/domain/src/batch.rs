//! Many commands as one: each argument becomes the list of theirs.

use std::borrow::Cow;

use signalbox_proto::v1::{BatchMember, Outcome};

use crate::{Action, Command, EffectKey, Flow, JsonText, Terms, WorkflowAction, WorkflowId};

/// Whether two commands can be one: the same signal or update, with as many arguments, to the same workflow.
pub fn fit_together(one: &Command, other: &Command) -> bool {
    let (Some((id, action, args)), Some((other_id, other_action, other_args))) = (parts(one), parts(other))
    else {
        return false;
    };
    id == other_id && action.label() == other_action.label() && args.len() == other_args.len()
}

/// One command for all of these, which fit together, in their order: a start is the first one's, terms are the last
/// one's. `None` where there are none, or they are no signals and no updates.
pub fn batched(members: &[Command]) -> Option<Command> {
    let (first, last) = (members.first()?, members.last()?);
    let (id, action, args) = parts(first)?;
    let all = members.iter().map(|member| Some(parts(member)?.2)).collect::<Option<Vec<_>>>()?;
    let lists = (0..args.len()).map(|place| JsonText::list(all.iter().filter_map(|args| args.get(place))));
    Some(Command {
        effect_key: EffectKey::of_batch(members.iter().map(|member| &member.effect_key)),
        origin: first.origin.clone(),
        reply_to: None,
        trace: first.trace.clone(),
        accepted_at: first.accepted_at,
        repeated: members.iter().any(|member| member.repeated),
        matching: None,
        terms: Terms {
            flow: last.terms.flow.as_deref().and_then(Flow::passed).map(Box::new),
            members: members.iter().map(member).collect(),
            ..last.terms.clone()
        },
        action: Action::Workflow(id.clone(), action.clone().with_message_args(lists.collect())),
    })
}

/// What came of a batch, told of one of its members.
pub fn of_member(batch: &Outcome, member: &BatchMember) -> Outcome {
    let matching = member.matching.clone().unwrap_or_default();
    Outcome {
        event: member.event.clone(),
        effect_key: member.effect_key.clone(),
        trace: member.trace.clone(),
        verdicts: matching.verdicts,
        effect_keys: matching.effect_keys,
        batch: batch.effect_key.clone(),
        ..batch.clone()
    }
}

/// What came of a command, for each of the effects that it stands for.
pub fn of_each<'o>(command: &Command, outcome: &'o Outcome) -> Vec<Cow<'o, Outcome>> {
    let members = &command.terms.members;
    if members.is_empty() {
        return vec![Cow::Borrowed(outcome)];
    }
    members.iter().map(|member| Cow::Owned(of_member(outcome, member))).collect()
}

fn parts(command: &Command) -> Option<(&WorkflowId, &WorkflowAction, &[JsonText])> {
    let Action::Workflow(id, action) = &command.action else { return None };
    Some((id, action, action.message_args()?))
}

fn member(command: &Command) -> BatchMember {
    BatchMember {
        effect_key: command.effect_key.to_string(),
        event: Some(command.origin.event.clone()),
        trace: command.trace.to_wire(),
        reply_to: command.reply_to.as_ref().map(|to| to.as_str().to_owned()).unwrap_or_default(),
        matching: command.matching.clone(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::{Value, json};

    use super::*;
    use crate::{EventRef, Origin, Signal, TraceContext, Trigger};

    fn signal(event: &str, name: &str, args: &[Value]) -> Command {
        let id: WorkflowId = "order-7".parse().unwrap();
        let args = args.iter().map(JsonText::from_value).collect();
        let action = Action::Workflow(id, WorkflowAction::Signal(Signal { name: name.into(), args }));
        let (source, event_id) = ("/s".parse().unwrap(), event.parse().unwrap());
        Command {
            effect_key: EffectKey::derive(&source, &event_id, "r", 0, &action.label(), action.key()),
            origin: Origin {
                event: EventRef { id: event.into(), source: "/s".into(), ..Default::default() },
                route: Some("r".into()),
                route_set: "v1".into(),
                trigger: Trigger::Event,
            },
            reply_to: Some(format!("_INBOX.{event}").parse().unwrap()),
            trace: TraceContext::default(),
            accepted_at: DateTime::UNIX_EPOCH,
            repeated: event == "b",
            matching: None,
            terms: Terms {
                flow: Some(Box::new(Flow { signals_per_run: Some(5), action: 1, ..Flow::default() })),
                ..Terms::default()
            },
            action,
        }
    }

    #[test]
    fn each_argument_becomes_the_list_of_theirs() {
        let members =
            [signal("a", "paid", &[json!(1), json!("x")]), signal("b", "paid", &[json!({}), json!(null)])];
        let batch = batched(&members).unwrap();
        let Action::Workflow(_, WorkflowAction::Signal(signal)) = &batch.action else { panic!() };
        let args: Vec<Value> =
            signal.args.iter().map(|arg| serde_json::from_slice(arg.bytes()).unwrap()).collect();
        assert_eq!(args, [json!([1, {}]), json!(["x", null])]);
        assert_eq!((batch.key(), batch.repeated, &batch.reply_to), ("order-7", true, &None));
        let told: Vec<_> = batch.terms.members.iter().map(|member| &*member.reply_to).collect();
        assert_eq!(told, ["_INBOX.a", "_INBOX.b"]);
        assert_eq!(batch.terms.flow.as_deref().and_then(|flow| flow.signals_per_run), Some(5));
        let wire = signalbox_proto::v1::Command::from(batch.clone());
        assert_eq!(Command::try_from(wire).unwrap(), batch);
    }

    #[test]
    fn what_is_not_alike_does_not_fit_together() {
        let paid = signal("a", "paid", &[json!(1)]);
        assert!(fit_together(&paid, &signal("b", "paid", &[json!(2)])));
        assert!(!fit_together(&paid, &signal("b", "refused", &[json!(2)])), "another signal");
        assert!(!fit_together(&paid, &signal("b", "paid", &[])), "fewer arguments");
        let other = Command {
            action: Action::Workflow(
                "order-8".parse().unwrap(),
                WorkflowAction::Signal(Signal {
                    name: "paid".into(),
                    args: vec![JsonText::from_value(&json!(2))],
                }),
            ),
            ..signal("b", "paid", &[])
        };
        assert!(!fit_together(&paid, &other), "another workflow");
    }
}
