use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;
use signalbox_proto::v1::RouteFiles;
use similar::TextDiff;

/// What one set has and another has not.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Routes that the second has.
    pub added: Vec<String>,
    /// Routes that the first has.
    pub removed: Vec<String>,
    /// Routes that both have, and that differ, or what their file says of all its routes does.
    pub changed: Vec<String>,
    /// File by file, as `diff -u` has it.
    pub text: String,
}

impl Difference {
    /// From one set to another.
    pub fn between(one: &RouteFiles, other: &RouteFiles) -> Self {
        let (before, after) = (routes(one), routes(other));
        let only_in = |these: &Routes, those: &Routes| {
            these.keys().filter(|name| !those.contains_key(*name)).cloned().collect()
        };
        let changed = |(name, route): (&String, _)| after.get(name).is_some_and(|other| other != route);
        Self {
            added: only_in(&after, &before),
            removed: only_in(&before, &after),
            changed: before.iter().filter(|route| changed(*route)).map(|(name, _)| name.clone()).collect(),
            text: texts(one, other),
        }
    }

    /// Whether the routes are the same, and only comments, tests or the files differ.
    pub fn is_of_text_only(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty() && !self.text.is_empty()
    }
}

/// By name: the route, and what its file says besides of all its routes; the schedule, and what its file says of all its
/// starts; or the source. Schedules and sources are named so, which routes cannot be.
type Routes = BTreeMap<String, (Value, Value)>;

/// Both sets are checked, so what is not found here is not there.
fn routes(files: &RouteFiles) -> Routes {
    let mut routes = Routes::new();
    for file in &files.files {
        let Ok(mut document) = serde_saphyr::from_str::<Value>(&file.text) else { continue };
        let Some(fields) = document.as_object_mut() else { continue };
        fields.remove("tests");
        if let Some(Value::Array(sources)) = fields.remove("sources") {
            let named =
                |source: Value| (format!("source {}", source["name"].as_str().unwrap_or_default()), source);
            routes.extend(sources.into_iter().map(named).map(|(name, source)| (name, (source, Value::Null))));
        }
        let schedules = fields.remove("schedules");
        let routes_of_file = fields.remove("routes");
        for schedule in schedules.as_ref().and_then(Value::as_array).into_iter().flatten() {
            let name = format!("schedule {}", schedule["id"].as_str().unwrap_or_default());
            routes.insert(name, (schedule.clone(), document["defaults"].clone()));
        }
        let Some(Value::Array(list)) = routes_of_file else { continue };
        for route in list {
            let name = route["name"].as_str().unwrap_or_default().to_owned();
            routes.insert(name, (route, document.clone()));
        }
    }
    routes
}

fn by_name(files: &RouteFiles) -> BTreeMap<&str, &str> {
    files.files.iter().map(|file| (file.name.as_str(), file.text.as_str())).collect()
}

fn texts(one: &RouteFiles, other: &RouteFiles) -> String {
    let (before, after) = (by_name(one), by_name(other));
    let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let mut text = String::new();
    for name in names {
        let (old, new) = (before.get(name).copied(), after.get(name).copied());
        if old != new {
            let side = |file: Option<&str>| if file.is_some() { name } else { "/dev/null" };
            let diff = TextDiff::from_lines(old.unwrap_or_default(), new.unwrap_or_default());
            let _ = write!(text, "{}", diff.unified_diff().header(side(old), side(new)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use signalbox_proto::v1::RouteFile;

    use super::*;

    fn set(files: &[(&str, &str)]) -> RouteFiles {
        let file = |(name, text): &(&str, &str)| RouteFile { name: (*name).into(), text: (*text).into() };
        RouteFiles { files: files.iter().map(file).collect() }
    }

    const BEFORE: &str = "\
version: 1
routes:
  - {name: kept, on: events.a}
  - {name: gone, on: events.b}
  - {name: other, on: events.c}
";

    const AFTER: &str = "\
version: 1
routes:
  # a comment
  - {name: kept, on: events.a}
  - {name: other, on: events.d}
  - {name: new, on: events.b}
";

    #[test]
    fn routes_are_compared_by_name_and_texts_by_line() {
        let difference = Difference::between(&set(&[("a.yaml", BEFORE)]), &set(&[("a.yaml", AFTER)]));
        assert_eq!((difference.added, difference.removed), (vec!["new".into()], vec!["gone".into()]));
        assert_eq!(difference.changed, ["other"]);
        insta::assert_snapshot!(difference.text, @r"
        --- a.yaml
        +++ a.yaml
        @@ -1,5 +1,6 @@
         version: 1
         routes:
        +  # a comment
           - {name: kept, on: events.a}
        -  - {name: gone, on: events.b}
        -  - {name: other, on: events.c}
        +  - {name: other, on: events.d}
        +  - {name: new, on: events.b}
        ");
    }

    #[test]
    fn sources_are_compared_by_name_and_change_no_route() {
        let with = |secret: &str| format!("{BEFORE}sources: [{{name: kept, secrets: [{{env: {secret}}}]}}]");
        let difference =
            Difference::between(&set(&[("a.yaml", &with("A"))]), &set(&[("a.yaml", &with("B"))]));
        assert_eq!(difference.changed, ["source kept"]);
        let difference = Difference::between(&set(&[("a.yaml", BEFORE)]), &set(&[("a.yaml", &with("B"))]));
        assert_eq!((difference.added, difference.changed), (vec!["source kept".into()], Vec::new()));
    }

    #[test]
    fn schedules_are_compared_by_id_and_change_no_route() {
        let with = |cron: &str| format!("{BEFORE}schedules: [{{id: kept, cron: '{cron}', emit: events.a}}]");
        let (daily, weekly) = (set(&[("a.yaml", &with("@daily"))]), set(&[("a.yaml", &with("@weekly"))]));
        assert_eq!(Difference::between(&daily, &weekly).changed, ["schedule kept"]);
        assert_eq!(Difference::between(&daily, &set(&[("a.yaml", BEFORE)])).removed, ["schedule kept"]);
        let after = set(&[("a.yaml", &format!("defaults: {{task_queue: q}}\n{}", with("@daily")))]);
        assert!(Difference::between(&daily, &after).changed.contains(&"schedule kept".to_owned()));
    }

    #[test]
    fn a_file_that_moves_changes_no_route() {
        let difference = Difference::between(&set(&[("a.yaml", BEFORE)]), &set(&[("b.yaml", BEFORE)]));
        assert!(difference.is_of_text_only(), "{difference:?}");
        assert!(difference.text.contains("--- a.yaml\n+++ /dev/null\n"), "{}", difference.text);
    }

    #[test]
    fn what_a_file_says_of_all_its_routes_changes_them_all() {
        let after = format!("defaults: {{task_queue: q}}\n{BEFORE}");
        let difference = Difference::between(&set(&[("a.yaml", BEFORE)]), &set(&[("a.yaml", &after)]));
        assert_eq!(difference.changed, ["gone", "kept", "other"]);
        assert_eq!(
            Difference::between(&set(&[("a", BEFORE)]), &set(&[("a", BEFORE)])),
            Difference::default()
        );
    }
}
