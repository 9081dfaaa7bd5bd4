//! `query`.

use signalbox_domain::{self as domain, WorkflowAction};

use super::{
    super::{
        fields::{Field, Section, Shape, required},
        reader::Reader,
    },
    if_missing::{IF_MISSING, IfMissing},
    options::Defaults,
    signal::{ARGS, Message},
    target::{SINGLETON, Target, WORKFLOW_ID},
};
use crate::{cel::scope::Scope, yaml::Node};

const NAME: Field = required("name", Shape::Text, "Name of the query.");

pub(crate) static QUERY: Section = Section {
    what: "`query`",
    doc: "Asks the latest workflow of an id. Whoever waits for the event gets the answer.",
    fields: &[WORKFLOW_ID, NAME, ARGS, IF_MISSING, SINGLETON],
};

#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) target: Target,
    pub(crate) message: Message,
    pub(crate) if_missing: IfMissing,
}

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Query> {
    let entries = reader.section(node, &QUERY)?;
    let target = Target::read(reader, &entries);
    let message = Message::read(reader, &entries);
    let if_missing = IfMissing::read(reader, &entries, &Defaults(None));
    Some(Query { target: target?, message: message?, if_missing: if_missing? })
}

impl Query {
    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<domain::Action, String> {
        let id = self.target.render(scope)?;
        let (name, args) = self.message.render(scope)?;
        Ok(domain::Action::Workflow(id, WorkflowAction::Query(domain::Query { name, args })))
    }
}
