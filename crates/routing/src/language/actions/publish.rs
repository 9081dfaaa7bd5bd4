//! `publish`.

use std::collections::BTreeMap;

use serde_json::Value;
use signalbox_domain::{self as domain, Data, Event, EventSubject, HOPS};

use super::super::{
    fields::{Section, Shape, optional, required},
    reader::Reader,
    template::{Part, Template, Text},
    wanted::Wanted,
};
use crate::{cel::scope::Scope, fault::Span, yaml::Node};

/// An event that was published by a route for an event that was published by a route, and so on, is not followed
/// further than this.
pub(crate) const MOST_HOPS: u32 = 16;

pub(crate) static PUBLISH: Section = Section {
    what: "`publish`",
    doc: "Publishes an event, which goes its own way by the routes.",
    fields: &[
        required("subject", Shape::Text, "NATS subject under `events.`."),
        optional("type", Shape::Text, "CloudEvents type; the subject without `events.` if nobody says."),
        optional(
            "source",
            Shape::Text,
            "CloudEvents source; `/signalbox/routes/<name of the route>` if nobody says.",
        ),
        optional("data", Shape::Value, "What the event carries; what the cause carries if nobody says."),
        optional("extensions", Shape::ValueMap, "CloudEvents extension attributes."),
    ],
};

#[derive(Debug)]
pub(crate) struct Publish {
    subject: Text,
    kind: Option<Text>,
    source: Option<Text>,
    data: Option<Template>,
    extensions: Vec<(String, Template)>,
    span: Span,
}

/// What is known, before any event, of the subject of an event that a route publishes.
pub(crate) struct Publishing {
    /// With `>` or `*` for what is not known.
    pub(crate) filter: String,
    pub(crate) span: Span,
}

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Publish> {
    let entries = reader.section(node, &PUBLISH)?;
    let subject = reader
        .required(&entries, "subject", |reader, node, name| reader.fitting(node, name, Wanted::Subject));
    let span = entries.get("subject").map(|node| reader.span(node));
    let kind = reader.optional(&entries, "type", Reader::text_template);
    let source =
        reader.optional(&entries, "source", |reader, node, name| reader.fitting(node, name, Wanted::Source));
    let data = reader.optional(&entries, "data", |reader, node, _| reader.template(node));
    let extensions = reader.optional(&entries, "extensions", Reader::scalar_map);
    Some(Publish {
        subject: subject?,
        kind: kind?,
        source: source?,
        data: data?,
        extensions: extensions?.unwrap_or_default(),
        span: span?,
    })
}

impl Publish {
    /// Where its events may go: a token that is computed in part may be any, and what is computed may hold dots.
    pub(crate) fn publishing(&self) -> Publishing {
        let mut filter = String::new();
        for part in &self.subject.0 {
            match part {
                Part::Plain(plain) => filter.push_str(plain),
                Part::Expression(_) => {
                    let known = filter.rfind('.').map_or(0, |dot| dot + 1);
                    filter.truncate(known);
                    filter.push('>');
                    break;
                }
            }
        }
        Publishing { filter, span: self.span }
    }

    pub(crate) fn render(&self, route: &str, scope: &Scope<'_>) -> Result<domain::Action, String> {
        let subject = self.subject.render(scope).map_err(|why| format!("subject: {why}"))?;
        let nats_subject: EventSubject = subject.parse().map_err(|bad| format!("subject: {bad}"))?;
        let source = Text::render_field("source", &self.source, scope)?
            .unwrap_or_else(|| format!("/signalbox/routes/{route}"));
        let kind = Text::render_field("type", &self.kind, scope)?
            .unwrap_or_else(|| nats_subject.without_prefix().to_owned());
        let data = match &self.data {
            Some(data) => Data::Json(data.render(scope).map_err(|why| format!("data: {why}"))?.into_owned()),
            None => scope.event.data.clone(),
        };
        let source = source.parse().map_err(|bad| format!("source: {bad}"))?;
        // Until the effect key, which will be its id, is known.
        let id = scope.event.id.clone();
        Ok(domain::Action::Publish(Box::new(Event {
            data_content_type: self.data.is_none().then(|| scope.event.data_content_type.clone()).flatten(),
            extensions: self.extensions(scope)?,
            data,
            trace: scope.event.trace.clone(),
            ..Event::new(id, source, kind, nats_subject, scope.at)
        })))
    }

    fn extensions(&self, scope: &Scope<'_>) -> Result<BTreeMap<String, String>, String> {
        let hops = scope.event.hops() + 1;
        if hops > MOST_HOPS {
            return Err(format!(
                "this event is the last of {MOST_HOPS} that routes have published for each other"
            ));
        }
        let mut extensions = BTreeMap::from([(HOPS.to_owned(), hops.to_string())]);
        for (name, value) in &self.extensions {
            let value = value.render(scope).map_err(|why| format!("extensions: {name}: {why}"))?;
            let text = match &*value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => return Err(format!("extensions: {name}: it is no text, number or boolean")),
            };
            extensions.insert(name.clone(), text);
        }
        Ok(extensions)
    }
}
