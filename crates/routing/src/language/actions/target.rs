//! The workflow or schedule that an action is for.

use std::{fmt::Display, str::FromStr};

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

/// The id of a workflow or schedule, still to be rendered.
#[derive(Debug)]
pub(crate) struct Target {
    /// Which field it is.
    pub(crate) field: &'static str,
    pub(crate) id: Text,
    pub(crate) singleton: bool,
    pub(crate) span: Span,
}

impl Target {
    /// The workflow in `workflow_id`.
    pub(super) fn read(reader: &mut Reader<'_>, entries: &Entries<'_>) -> Option<Self> {
        Self::named(reader, entries, "workflow_id", Wanted::WorkflowId)
    }

    pub(super) fn named(
        reader: &mut Reader<'_>,
        entries: &Entries<'_>,
        field: &'static str,
        wanted: Wanted,
    ) -> Option<Self> {
        let singleton = reader.optional(entries, "singleton", Reader::boolean);
        let id = reader.required(entries, field, |reader, node, name| reader.fitting(node, name, wanted));
        let span = entries.get(field).map(|node| reader.span(node))?;
        Some(Self { field, id: id?, singleton: singleton?.unwrap_or(false), span })
    }

    pub(super) fn render<T: FromStr<Err: Display>>(&self, scope: &Scope<'_>) -> Result<T, String> {
        let id = self.id.render(scope).map_err(|why| format!("{}: {why}", self.field))?;
        id.parse().map_err(|bad| format!("{}: {bad}", self.field))
    }
}
