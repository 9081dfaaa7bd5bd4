//! Who calls.

use std::{convert::Infallible, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use signalbox_domain::{EventSubject, WorkflowAction};

use super::{Action, Grant, Need, On, Refusal};

/// Whoever calls, and what it may do. Handlers ask it for what only a body tells.
#[derive(Clone, Debug)]
pub struct Principal {
    /// For logs: the id of a key or the subject of a token; none where nobody is asked who it is.
    pub name: Option<Arc<str>>,
    grants: Arc<[Grant]>,
}

/// Whether a call may go on.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allowed,
    /// It depends on the type of the workflow that it names.
    DependsOnType,
    /// The same, but a workflow that is not there is none to protect.
    DependsOnTypeIfAny,
}

impl Principal {
    /// Somebody with these grants; what one of them allows is allowed.
    pub fn new(name: impl Into<Arc<str>>, grants: impl Into<Arc<[Grant]>>) -> Self {
        Self { name: Some(name.into()), grants: grants.into() }
    }

    /// Where nobody is asked: may do all.
    pub fn unasked() -> Self {
        let all = Grant { actions: [Action::Admin].into(), ..Grant::default() };
        Self { name: None, grants: [all].into() }
    }

    /// Whether it may do what needs this.
    ///
    /// # Errors
    /// [`Refusal`], if not.
    pub fn may(&self, need: Need) -> Result<Verdict, Refusal> {
        let Need::To(actions, on) = need else { return Ok(Verdict::Allowed) };
        let lacking = actions.iter().find(|action| !self.grants.iter().any(|grant| grant.gives(**action)));
        if let Some(action) = lacking {
            return Err(Refusal::Lacks(*action));
        }
        match on {
            On::Any | On::Body => {}
            On::Type(workflow_type) => self.may_reach(actions, workflow_type)?,
            On::AllTypes => self.all(actions, |grant| grant.workflow_types.is_empty())?,
            On::AllEvents => {
                self.all(actions, |grant| grant.sources.is_empty() && grant.subjects.is_empty())?;
            }
            On::Workflow | On::WorkflowOrNew => {
                let limited = self.all(actions, |grant| grant.workflow_types.is_empty()).is_err();
                match on {
                    On::Workflow if limited => return Ok(Verdict::DependsOnType),
                    _ if limited => return Ok(Verdict::DependsOnTypeIfAny),
                    _ => {}
                }
            }
        }
        Ok(Verdict::Allowed)
    }

    /// Whether it may do that to a workflow of this type.
    ///
    /// # Errors
    /// [`Refusal`], if not.
    pub fn may_reach(&self, actions: &[Action], workflow_type: &str) -> Result<(), Refusal> {
        self.all(actions, |grant| grant.reaches_type(workflow_type))
    }

    /// Whether it may have this done, as far as only a body tells what it is.
    ///
    /// # Errors
    /// [`Refusal`], if not.
    pub fn may_command(&self, action: &WorkflowAction) -> Result<(), Refusal> {
        match action {
            WorkflowAction::Start(start) => self.may_reach(&[Action::Start], &start.workflow_type),
            WorkflowAction::SignalWithStart(start, _) => {
                self.may_reach(&[Action::Start, Action::Signal], &start.workflow_type)
            }
            WorkflowAction::UpdateWithStart(start, _) => {
                self.may_reach(&[Action::Start, Action::Update], &start.workflow_type)
            }
            _ => Ok(()),
        }
    }

    /// Whether it may publish an event of this source on this subject.
    ///
    /// # Errors
    /// [`Refusal`], if not.
    pub fn may_publish(&self, source: &str, subject: &EventSubject) -> Result<(), Refusal> {
        self.all(&[Action::Publish], |grant| grant.reaches_event(source, subject))
    }

    /// Whether some grant gives each of the actions with that reach.
    fn all(&self, actions: &[Action], reaches: impl Fn(&Grant) -> bool) -> Result<(), Refusal> {
        let allowed = |action| self.grants.iter().any(|grant| grant.gives(action) && reaches(grant));
        match actions.iter().find(|action| !allowed(**action)) {
            Some(action) => Err(Refusal::OutOfReach(*action)),
            None => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Infallible;

    /// Without the layer that says who it is, it is somebody who may do nothing.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or(Self { name: None, grants: [].into() }))
    }
}

#[cfg(test)]
mod tests {
    use signalbox_domain::{ConflictPolicy, Start, StartOptions};

    use super::*;

    fn grant(actions: &[Action], workflow_types: &[&str]) -> Grant {
        Grant {
            actions: actions.iter().copied().collect(),
            workflow_types: workflow_types.iter().map(|text| text.parse().unwrap()).collect(),
            ..Grant::default()
        }
    }

    fn principal(grants: impl Into<Arc<[Grant]>>) -> Principal {
        Principal::new("k", grants)
    }

    const EVERYWHERE: [On; 7] =
        [On::Any, On::Type("T"), On::Workflow, On::WorkflowOrNew, On::AllTypes, On::AllEvents, On::Body];

    /// Each action alone, as the table writes it.
    fn alone(action: Action) -> &'static [Action] {
        let at = Action::ALL.iter().position(|one| *one == action).unwrap();
        const ALL: [Action; 13] = Action::ALL;
        &ALL[at..=at]
    }

    #[test]
    fn each_action_opens_what_it_names_and_nothing_else() {
        for action in Action::ALL.into_iter().filter(|action| *action != Action::Admin) {
            let principal = principal([grant(&[action], &[])]);
            for needed in Action::ALL {
                for on in EVERYWHERE {
                    let opens = needed == action;
                    let expected = if opens { Ok(Verdict::Allowed) } else { Err(Refusal::Lacks(needed)) };
                    assert_eq!(
                        principal.may(Need::To(alone(needed), on)),
                        expected,
                        "{action} {needed} {on:?}"
                    );
                }
            }
            assert_eq!(principal.may(Need::Anybody), Ok(Verdict::Allowed));
        }
    }

    #[test]
    fn a_limit_of_types_holds_wherever_a_workflow_is_named() {
        let principal = principal([grant(&[Action::Signal, Action::Start], &["Order*"])]);
        let to = |action, on| principal.may(Need::To(alone(action), on));
        assert_eq!(to(Action::Start, On::Type("OrderPaid")), Ok(Verdict::Allowed));
        assert_eq!(to(Action::Start, On::Type("Refund")), Err(Refusal::OutOfReach(Action::Start)));
        assert_eq!(to(Action::Signal, On::Workflow), Ok(Verdict::DependsOnType));
        assert_eq!(to(Action::Signal, On::WorkflowOrNew), Ok(Verdict::DependsOnTypeIfAny));
        assert_eq!(to(Action::Signal, On::AllTypes), Err(Refusal::OutOfReach(Action::Signal)));
        assert_eq!(to(Action::Signal, On::Any), Ok(Verdict::Allowed));
    }

    #[test]
    fn a_limit_of_events_keeps_from_reading_those_of_others() {
        let mut limited = grant(&[Action::Publish, Action::ReadEvents], &[]);
        limited.subjects = vec!["events.shop.>".parse().unwrap()];
        let principal = principal([limited]);
        let refusal = principal.may(Need::To(&[Action::ReadEvents], On::AllEvents));
        assert_eq!(refusal, Err(Refusal::OutOfReach(Action::ReadEvents)));
        let publish = |subject: &str| principal.may_publish("/any", &subject.parse().unwrap());
        assert_eq!(publish("events.shop.paid"), Ok(()));
        assert_eq!(publish("events.hr.paid"), Err(Refusal::OutOfReach(Action::Publish)));
    }

    #[test]
    fn grants_add_up_but_their_limits_do_not_mix() {
        let principal = principal([grant(&[Action::Start], &["Order*"]), grant(&[Action::Read], &[])]);
        assert_eq!(principal.may(Need::To(&[Action::Read], On::Workflow)), Ok(Verdict::Allowed));
        let refusal = principal.may_reach(&[Action::Start], "Refund");
        assert_eq!(refusal, Err(Refusal::OutOfReach(Action::Start)));
        assert_eq!(principal.may_reach(&[Action::Start, Action::Read], "Order"), Ok(()));
        let both = Need::To(&[Action::Start, Action::Signal], On::WorkflowOrNew);
        assert_eq!(principal.may(both), Err(Refusal::Lacks(Action::Signal)));
    }

    #[test]
    fn the_body_of_a_call_cannot_start_another_type() {
        let principal = principal([grant(&[Action::Start], &["Order*"])]);
        let start = |workflow_type: &str| {
            let start = Start {
                workflow_type: workflow_type.into(),
                task_queue: "q".into(),
                args: Vec::new(),
                conflict_policy: ConflictPolicy::Fail,
                options: StartOptions::default(),
            };
            principal.may_command(&WorkflowAction::Start(start))
        };
        assert_eq!(start("OrderPaid"), Ok(()));
        assert_eq!(start("Refund"), Err(Refusal::OutOfReach(Action::Start)));
    }

    #[test]
    fn where_nobody_is_asked_all_is_allowed() {
        for (action, on) in Action::ALL.into_iter().flat_map(|action| EVERYWHERE.map(|on| (action, on))) {
            assert_eq!(Principal::unasked().may(Need::To(alone(action), on)), Ok(Verdict::Allowed));
        }
    }
}
