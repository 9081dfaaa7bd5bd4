use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1 as otlp,
};
use serde_json::Value;

pub use otlp::span::SpanKind;

/// A span as a collector got it.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub id: String,
    /// Its parent's id; empty if it has none.
    pub parent: String,
    /// `service.name` of its resource.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: SpanKind,
    /// Its attributes.
    pub attributes: BTreeMap<String, Value>,
    /// The spans it links to, each as trace id and span id.
    pub links: Vec<(String, String)>,
    /// Why it failed, if it says so; empty where it only says that it did.
    pub error: Option<String>,
    /// When it began, in nanoseconds since 1970.
    pub began: u64,
    /// When it ended, in nanoseconds since 1970.
    pub ended: u64,
}

impl Span {
    /// An attribute as a text, empty if there is none.
    pub fn text(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).and_then(Value::as_str).unwrap_or_default()
    }

    /// An attribute, null if there is none.
    pub fn attribute(&self, name: &str) -> &Value {
        self.attributes.get(name).unwrap_or(&Value::Null)
    }
}

/// `[service] name (kind)`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {} ({:?})", self.service, self.name, self.kind)
    }
}

/// Spans, usually those of one trace, in the order of their beginning.
#[derive(Clone, Default, PartialEq)]
pub struct Trace(Vec<Span>);

impl Trace {
    pub(super) fn new(mut spans: Vec<Span>) -> Self {
        spans.sort_by_key(|span| span.began);
        Self(spans)
    }

    /// All of them.
    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    /// Those of which this is true.
    pub fn filter<'a>(&'a self, which: impl Fn(&Span) -> bool + 'a) -> impl Iterator<Item = &'a Span> + 'a {
        self.0.iter().filter(move |span| which(span))
    }

    /// The first one of a service with this name.
    pub fn find(&self, service: &str, name: &str) -> Option<&Span> {
        self.0.iter().find(|span| span.service == service && span.name == name)
    }

    /// The span with this id.
    pub fn by_id(&self, id: &str) -> Option<&Span> {
        self.0.iter().find(|span| span.id == id)
    }

    /// The spans right below one.
    pub fn children<'a>(&'a self, of: &'a Span) -> impl Iterator<Item = &'a Span> + 'a {
        self.filter(|span| span.parent == of.id)
    }

    /// From a span up to the one that nobody is the parent of, or whose parent is not here.
    pub fn ancestors<'a>(&'a self, of: &'a Span) -> impl Iterator<Item = &'a Span> + 'a {
        // A loop of parents would be a fault, but must end too.
        std::iter::successors(self.by_id(&of.parent), |span| self.by_id(&span.parent)).take(self.0.len())
    }

    /// The names of the services.
    pub fn services(&self) -> BTreeSet<&str> {
        self.0.iter().map(|span| &*span.service).collect()
    }

    /// The ids of the traces.
    pub fn ids(&self) -> BTreeSet<&str> {
        self.0.iter().map(|span| &*span.trace_id).collect()
    }

    /// Those without a parent.
    pub fn roots(&self) -> impl Iterator<Item = &Span> {
        self.filter(|span| span.parent.is_empty())
    }

    /// Those whose parent is not here.
    pub fn orphans(&self) -> impl Iterator<Item = &Span> {
        self.filter(|span| !span.parent.is_empty() && self.by_id(&span.parent).is_none())
    }

    /// A line for each, indented below its parent.
    fn tree(&self, below: &Span, depth: usize, text: &mut String) {
        let indent = "  ".repeat(depth);
        let lasted = below.ended.saturating_sub(below.began) / 1000;
        let _ = write!(text, "\n{indent}{below} {} {lasted} µs", below.id);
        if let Some(error) = &below.error {
            let _ = write!(text, " failed: {error}");
        }
        if depth < self.0.len() {
            self.children(below).for_each(|span| self.tree(span, depth + 1, text));
        }
    }
}

/// A tree, for whoever has to find out why a test fails.
impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{} spans of the traces {:?}", self.0.len(), self.ids());
        self.roots().for_each(|root| self.tree(root, 1, &mut text));
        for orphan in self.orphans() {
            let _ = write!(text, "\n  below {}, which is missing:", orphan.parent);
            self.tree(orphan, 2, &mut text);
        }
        f.write_str(&text)
    }
}

/// The spans of a request.
pub(super) fn read(request: ExportTraceServiceRequest) -> Vec<Span> {
    let of_resource = |resource: otlp::ResourceSpans| {
        let attributes = attributes(resource.resource.unwrap_or_default().attributes);
        let service = attributes.get("service.name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.map(|span| read_span(&service, span)).collect::<Vec<_>>()
    };
    request.resource_spans.into_iter().flat_map(of_resource).collect()
}

fn read_span(service: &str, span: otlp::Span) -> Span {
    let status = span.status.clone().unwrap_or_default();
    let failed = status.code() == otlp::status::StatusCode::Error;
    Span {
        trace_id: hex::encode(&span.trace_id),
        id: hex::encode(&span.span_id),
        parent: hex::encode(&span.parent_span_id),
        service: service.to_owned(),
        kind: span.kind(),
        links: span
            .links
            .iter()
            .map(|link| (hex::encode(&link.trace_id), hex::encode(&link.span_id)))
            .collect(),
        error: failed.then_some(status.message),
        began: span.start_time_unix_nano,
        ended: span.end_time_unix_nano,
        name: span.name,
        attributes: attributes(span.attributes),
    }
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, Value> {
    pairs.into_iter().map(|pair| (pair.key, value(pair.value.and_then(|value| value.value)))).collect()
}

fn value(value: Option<any_value::Value>) -> Value {
    use any_value::Value as Any;
    match value {
        Some(Any::StringValue(text)) => text.into(),
        Some(Any::BoolValue(yes)) => yes.into(),
        Some(Any::IntValue(number)) => number.into(),
        Some(Any::DoubleValue(number)) => number.into(),
        Some(Any::ArrayValue(array)) => {
            array.values.into_iter().map(|each| self::value(each.value)).collect()
        }
        Some(Any::BytesValue(bytes)) => hex::encode(bytes).into(),
        Some(Any::KvlistValue(list)) => attributes(list.values).into_iter().collect(),
        _ => Value::Null,
    }
}
