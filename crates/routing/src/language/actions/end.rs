//! `cancel` and `terminate`.

use signalbox_domain::{self as domain, WorkflowAction};

use super::{
    super::{
        fields::{Field, Section, Shape, optional},
        reader::Reader,
        template::Text,
    },
    if_missing::{IF_MISSING, IfMissing},
    options::Defaults,
    target::{SINGLETON, Target, WORKFLOW_ID},
};
use crate::{cel::scope::Scope, yaml::Node};

const REASON: Field = optional("reason", Shape::Text, "Why, for people; otherwise the name of the route.");

pub(crate) static CANCEL: Section = Section {
    what: "`cancel`",
    doc: "Asks the running workflow of an id to end; it may clean up first.",
    fields: &[WORKFLOW_ID, REASON, IF_MISSING, SINGLETON],
};

pub(crate) static TERMINATE: Section = Section {
    what: "`terminate`",
    doc: "Ends the running workflow of an id where it stands.",
    fields: &[WORKFLOW_ID, REASON, IF_MISSING, SINGLETON],
};

#[derive(Debug)]
pub(crate) struct End {
    pub(crate) target: Target,
    pub(crate) reason: Option<Text>,
    pub(crate) if_missing: IfMissing,
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Cancel,
    Terminate,
}

pub(super) fn read_cancel(reader: &mut Reader<'_>, node: &Node) -> Option<End> {
    End::read(reader, node, &CANCEL, How::Cancel)
}

pub(super) fn read_terminate(reader: &mut Reader<'_>, node: &Node) -> Option<End> {
    End::read(reader, node, &TERMINATE, How::Terminate)
}

impl End {
    fn read(reader: &mut Reader<'_>, node: &Node, section: &'static Section, how: How) -> Option<Self> {
        let entries = reader.section(node, section)?;
        let target = Target::read(reader, &entries);
        let reason = reader.optional(&entries, "reason", Reader::text_template);
        let if_missing = IfMissing::read(reader, &entries, &Defaults(None));
        Some(Self { target: target?, reason: reason?, if_missing: if_missing?, how })
    }

    pub(crate) fn render(&self, route: &str, scope: &Scope<'_>) -> Result<domain::Action, String> {
        let id = self.target.render(scope)?;
        let reason = Text::render_field("reason", &self.reason, scope)?;
        let reason = reason.unwrap_or_else(|| format!("route {route}"));
        let action = match self.how {
            How::Cancel => WorkflowAction::Cancel { reason },
            How::Terminate => WorkflowAction::Terminate { reason },
        };
        Ok(domain::Action::Workflow(id, action))
    }
}
