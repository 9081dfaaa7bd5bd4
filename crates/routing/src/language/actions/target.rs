//! The workflow that an action is for.

use signalbox_domain::WorkflowId;

use super::super::{
    fields::{Entries, Field, Shape, optional, required},
    reader::Reader,
    template::Text,
    wanted::Wanted,
};
use crate::{cel::scope::Scope, fault::Span};

pub(crate) const WORKFLOW_ID: Field =
    required("workflow_id", Shape::Text, "Id of the workflow; what happens to one id happens in order.");

pub(crate) const SINGLETON: Field = optional(
    "singleton",
    Shape::Boolean,
    "Says that one workflow for all events is meant, so that `workflow_id` need not depend on the event.",
);

/// A workflow id, still to be rendered.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) workflow_id: Text,
    pub(crate) singleton: bool,
    pub(crate) span: Span,
}

impl Target {
    pub(crate) fn read(reader: &mut Reader<'_>, entries: &Entries<'_>) -> Option<Self> {
        let singleton = reader.optional(entries, "singleton", Reader::boolean);
        let workflow_id = reader.required(entries, "workflow_id", |reader, node, name| {
            reader.fitting(node, name, Wanted::WorkflowId)
        });
        let span = entries.get("workflow_id").map(|node| reader.span(node))?;
        Some(Self { workflow_id: workflow_id?, singleton: singleton?.unwrap_or(false), span })
    }

    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<WorkflowId, String> {
        let id = self.workflow_id.render(scope).map_err(|why| format!("workflow_id: {why}"))?;
        id.parse().map_err(|bad| format!("workflow_id: {bad}"))
    }
}
