use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// How a span keeps its fields until a line needs them.
pub(crate) type Fields = JsonFields;

/// One flat JSON object a line: the fields of the event and of its spans beside the five fixed ones.
pub(crate) struct JsonLines {
    pub(crate) service: &'static str,
}

impl<S> FormatEvent<S, Fields> for JsonLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, Fields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Line(Map::new());
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(fields) = span.extensions().get::<FormattedFields<Fields>>() {
                line.0.extend(serde_json::from_str::<Map<String, Value>>(fields).unwrap_or_default());
            }
        }
        event.record(&mut line);
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let target = line.take_target().unwrap_or_else(|| event.metadata().target().into());
        line.put("timestamp", timestamp);
        line.put("level", event.metadata().level().as_str());
        line.put("service", self.service);
        line.put("target", target);
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

struct Line(Map<String, Value>);

impl Line {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Lines of the `log` crate carry their origin in fields of their own.
    fn take_target(&mut self) -> Option<Value> {
        for name in ["log.module_path", "log.file", "log.line"] {
            self.0.remove(name);
        }
        self.0.remove("log.target")
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Buffer {
        type Writer = Self;
        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn lines(log: impl FnOnce()) -> Vec<Map<String, Value>> {
        let buffer = Buffer::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(buffer.clone())
            .fmt_fields(Fields::new())
            .event_format(JsonLines { service: "ingress" })
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_is_one_flat_object() {
        let lines = lines(|| {
            tracing::warn!(event.id = %"e-1", attempt = 2_u64, ok = false, "not accepted\n\"yet\"");
        });
        let [line] = lines.as_slice() else { panic!("one line, not {lines:?}") };
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["service"], "ingress");
        assert_eq!(line["target"], "signalbox_telemetry::json::tests");
        assert_eq!(line["message"], "not accepted\n\"yet\"");
        assert_eq!(line["event.id"], "e-1");
        assert_eq!(line["attempt"], 2);
        assert_eq!(line["ok"], false);
        let timestamp = line["timestamp"].as_str().unwrap();
        assert!(timestamp.contains('T') && timestamp.ends_with('Z'), "{timestamp}");
    }

    #[test]
    fn fields_of_spans_stand_beside_those_of_the_event() {
        let lines = lines(|| {
            let _outer = tracing::info_span!("outer", event.id = "e-1", route = "a").entered();
            let _inner = tracing::info_span!("inner", route = "b").entered();
            tracing::info!(service = "forged", "matched");
        });
        assert_eq!(lines[0]["event.id"], "e-1");
        assert_eq!(lines[0]["route"], "b");
        assert_eq!(lines[0]["service"], "ingress");
    }
}
