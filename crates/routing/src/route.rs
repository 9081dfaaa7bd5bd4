//! A checked route, and what it makes of one event.

use signalbox_domain::{self as domain, ConflictPolicy, JsonText, StartOptions, WorkflowAction, WorkflowId};

use crate::{
    expression::Expression,
    scope::Scope,
    subject::SubjectFilter,
    template::{Template, Text, evaluate},
};

/// A checked route.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) filter: SubjectFilter,
    pub(crate) guard: Option<Expression>,
    pub(crate) action: Action,
}

/// What a route does, with expressions still to be evaluated. The first field is the workflow id.
#[derive(Debug)]
pub(crate) enum Action {
    Start(Text, Start),
    Signal(Text, Signal),
    SignalWithStart(Text, Start, Signal),
}

#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) workflow: String,
    pub(crate) task_queue: String,
    pub(crate) args: Vec<Template>,
    pub(crate) conflict_policy: ConflictPolicy,
}

#[derive(Debug)]
pub(crate) struct Signal {
    pub(crate) name: String,
    pub(crate) args: Vec<Template>,
}

impl Route {
    /// Whether the guard lets the event through.
    ///
    /// # Errors
    /// The guard failed, or is not a boolean. Neither is a `false`.
    pub(crate) fn admits(&self, scope: &Scope<'_>) -> Result<bool, String> {
        let Some(guard) = &self.guard else { return Ok(true) };
        let value = evaluate(guard, scope).map_err(|why| format!("when: {why}"))?;
        value.as_bool().ok_or_else(|| format!("when: `{guard}` is {}, not a boolean", kind(&value)))
    }

    /// The action for the event.
    ///
    /// # Errors
    /// Says which field has no value, or one that cannot be used.
    pub(crate) fn action(&self, scope: &Scope<'_>) -> Result<domain::Action, String> {
        let (Action::Start(id, _) | Action::Signal(id, _) | Action::SignalWithStart(id, ..)) = &self.action;
        let id = id.render(scope).map_err(|why| format!("workflow_id: {why}"))?;
        let id: WorkflowId = id.parse().map_err(|bad| format!("workflow_id: {bad}"))?;
        let action = match &self.action {
            Action::Start(_, start) => WorkflowAction::Start(start.render(scope)?),
            Action::Signal(_, signal) => WorkflowAction::Signal(signal.render(scope)?),
            Action::SignalWithStart(_, start, signal) => {
                WorkflowAction::SignalWithStart(start.render(scope)?, signal.render(scope)?)
            }
        };
        Ok(domain::Action::Workflow(id, action))
    }
}

impl Start {
    fn render(&self, scope: &Scope<'_>) -> Result<domain::Start, String> {
        Ok(domain::Start {
            workflow_type: self.workflow.clone(),
            task_queue: self.task_queue.clone(),
            args: render_args("args", &self.args, scope)?,
            conflict_policy: self.conflict_policy,
            options: StartOptions::default(),
        })
    }
}

impl Signal {
    fn render(&self, scope: &Scope<'_>) -> Result<domain::Signal, String> {
        Ok(domain::Signal { name: self.name.clone(), args: render_args("signal args", &self.args, scope)? })
    }
}

fn render_args(field: &str, args: &[Template], scope: &Scope<'_>) -> Result<Vec<JsonText>, String> {
    let render = |arg: &Template| arg.render(scope).map(|value| JsonText::from_value(&value));
    args.iter().map(render).collect::<Result<_, _>>().map_err(|why| format!("{field}: {why}"))
}

fn kind(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a text",
        serde_json::Value::Array(_) => "a list",
        serde_json::Value::Object(_) => "a map",
    }
}
