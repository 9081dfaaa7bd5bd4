//! `signal_all`.

use signalbox_domain as domain;

use super::{
    super::{
        fields::{Field, Section, Shape, optional, required},
        reader::Reader,
        template::Text,
        wanted::Wanted,
    },
    signal::{ARGS, Message},
};
use crate::{cel::scope::Scope, rules, yaml::Node};

/// Workflows that are signalled at most, where a route does not say.
const LIMIT: u32 = 1000;

const NAME: Field = required("name", Shape::Text, "Name of the signal.");

pub(crate) static SIGNAL_ALL: Section = Section {
    what: "`signal_all`",
    doc: "Signals all running workflows that a visibility query of Temporal finds.",
    fields: &[
        required(
            "query",
            Shape::Text,
            "A visibility query, `Tenant = ${ event.data.tenant }`: texts from the event are quoted in it. That a workflow runs is asked besides.",
        ),
        NAME,
        ARGS,
        optional(
            "limit",
            Shape::Count(1, 100_000),
            "More workflows than this are refused, before any is signalled; 1000 if nobody says.",
        ),
    ],
};

#[derive(Debug)]
pub(crate) struct SignalAll {
    pub(crate) query: Text,
    pub(crate) message: Message,
    limit: u32,
}

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<SignalAll> {
    let entries = reader.section(node, &SIGNAL_ALL)?;
    let query = reader.required(&entries, "query", query);
    let message = Message::read(reader, &entries);
    let limit = reader.count(&entries, "limit");
    let limit = limit?.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(LIMIT);
    Some(SignalAll { query: query?, message: message?, limit })
}

fn query(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<Text> {
    let text = reader.fitting(node, name, Wanted::Query)?;
    if text.has_quoted_expression() {
        let message = "texts from the event are quoted by themselves in a query";
        let help = Some("leave out the quotes around `${ … }`".to_owned());
        reader.fault_with_help(reader.span(node), rules::VALUE, message, help);
        return None;
    }
    Some(text)
}

impl SignalAll {
    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<domain::Action, String> {
        let query = self.query.render_quoted(scope).map_err(|why| format!("query: {why}"))?;
        if let Some(why) = Wanted::Query.refuse(&query) {
            return Err(format!("query: {why}"));
        }
        let signal = self.message.signal(scope)?;
        Ok(domain::Action::SignalAll(domain::SignalAll { query, signal, limit: self.limit }))
    }
}
