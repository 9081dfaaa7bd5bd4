//! The documentation of routes: its examples, and its lists.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

use std::{fs, path::PathBuf};

use serde_json::Value;
use signalbox_routing::{Faults, RULES, RouteSet, Suite, route_file_schema};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// The blocks of YAML in a page, each with the heading that it stands under.
fn blocks(page: &str) -> Vec<(String, String)> {
    let (mut heading, mut found, mut open) = (String::new(), Vec::new(), None);
    for line in page.lines() {
        match (&mut open, line) {
            (None, "```yaml") => open = Some(String::new()),
            (Some(_), "```") => found.extend(open.take().map(|block| (heading.clone(), block))),
            (Some(block), line) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, line) => {
                if let Some(title) = line.strip_prefix("## ") {
                    heading = title.to_owned();
                }
            }
        }
    }
    found
}

fn load(text: &str) -> Result<RouteSet, Faults> {
    RouteSet::load([("example.yaml".to_owned(), text.to_owned())])
}

#[test]
fn examples_are_accepted() {
    for page in [
        "README.md",
        "docs/cookbook.md",
        "docs/reference/flow.md",
        "docs/reference/routes.md",
        "docs/reference/testing-routes.md",
        "docs/reference/webhooks.md",
    ] {
        let Ok(text) = fs::read_to_string(path(page)) else { continue };
        let examples: Vec<_> =
            blocks(&text).into_iter().filter(|(_, block)| block.starts_with("version:")).collect();
        assert!(!examples.is_empty(), "{page}");
        for (heading, block) in examples {
            let set = load(&block).unwrap_or_else(|faults| panic!("{page}, {heading}: {faults}"));
            assert_eq!(set.warnings(), [], "{page}, {heading}");
        }
    }
}

/// Runs the tests in the examples of a page, and gives what failed.
fn failing(page: &str) -> Vec<String> {
    let page = read(page);
    let examples = blocks(&page).into_iter().filter(|(_, block)| block.starts_with("version:"));
    let failed = examples.flat_map(|(heading, block)| {
        let suite = Suite::load([("example.yaml".to_owned(), block)]).unwrap();
        let failed = suite.run(|_| true).into_iter().filter(|result| !result.passed());
        failed.map(move |result| format!("{heading}: {result:#?}")).collect::<Vec<_>>()
    });
    failed.collect()
}

#[test]
fn tests_in_examples_pass() {
    for page in ["docs/reference/flow.md", "docs/reference/routes.md", "docs/reference/testing-routes.md"] {
        assert_eq!(failing(page), Vec::<String>::new(), "{page}");
    }
}

#[test]
fn the_cookbook_is_tested() {
    let failing = failing("docs/cookbook.md");
    assert!(failing.is_empty(), "{}", failing.join("\n"));
}

#[test]
fn every_rule_is_told_with_an_example() {
    let page = read("docs/reference/lint.md");
    let blocks = blocks(&page);
    let headings: Vec<_> = blocks.iter().map(|(heading, _)| heading.as_str()).collect();
    assert_eq!(headings, RULES.iter().map(|rule| rule.name).collect::<Vec<_>>());
    for (rule, block) in &blocks {
        let faults = match load(block) {
            Ok(set) => set.warnings().to_vec(),
            Err(faults) => faults.0,
        };
        let rules: Vec<_> = faults.iter().map(|fault| fault.rule).collect();
        assert_eq!(rules, [rule.as_str()], "{faults:?}");
    }
}

#[test]
fn all_fields_are_listed() {
    const MARK: &str = "with SIGNALBOX_WRITE_DOCS=1 -->\n";
    let page = read("docs/reference/routes.md");
    let (written, _) = page.split_once(MARK).unwrap();
    let whole = format!("{written}{MARK}\n{}", fields());
    if std::env::var_os("SIGNALBOX_WRITE_DOCS").is_some() {
        fs::write(path("docs/reference/routes.md"), &whole).unwrap();
    }
    assert!(page == whole, "write it anew with SIGNALBOX_WRITE_DOCS=1");
}

/// A table for each section of the language.
fn fields() -> String {
    let schema = route_file_schema();
    let mut text = section("A route file", &schema);
    for (name, of) in schema["$defs"].as_object().unwrap() {
        text.push('\n');
        text.push_str(&section(&format!("`{name}`"), of));
    }
    text
}

fn section(title: &str, of: &Value) -> String {
    let mut text =
        format!("### {title}\n\n{}\n\n| field | | |\n|---|---|---|\n", of["description"].as_str().unwrap());
    let required: Vec<_> = of["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for (name, field) in of["properties"].as_object().unwrap() {
        let must = if required.contains(&name.as_str()) { ", required" } else { "" };
        let doc = field["description"].as_str().unwrap().replace('|', "\\|");
        text.push_str(&format!("| `{name}` | {}{must} | {doc} |\n", kind(field)));
    }
    text
}

fn kind(field: &Value) -> String {
    if let Some(words) = field["enum"].as_array() {
        let words: Vec<_> = words.iter().map(|word| format!("`{}`", word.as_str().unwrap())).collect();
        return words.join(", ");
    }
    if let Some([words, map]) = field["anyOf"].as_array().map(Vec::as_slice)
        && words["enum"].is_array()
    {
        return format!("{}, {}", kind(words), kind(map));
    }
    let of = |reference: &Value| {
        reference.as_str().map(|name| format!("`{}`", name.rsplit('/').next().unwrap_or_default()))
    };
    match (of(&field["$ref"]), of(&field["items"]["$ref"]), &field["type"]) {
        (Some(section), ..) => section,
        (_, Some(section), _) => format!("list of {section}"),
        (.., Value::String(kind)) => match kind.as_str() {
            "string" => "text".to_owned(),
            "object" => "map".to_owned(),
            "array" => "list".to_owned(),
            "integer" => format!("{} to {}", field["minimum"], field["maximum"]),
            other => other.to_owned(),
        },
        _ if field["anyOf"][1]["type"] == "array" => match kind(&field["anyOf"][0]).as_str() {
            "text" => "text or list of texts".to_owned(),
            one => format!("{one}, or list"),
        },
        _ if field["anyOf"].is_array() => match of(&field["anyOf"][1]["$ref"]) {
            Some(section) => format!("text or {section}"),
            None => "text or list of texts".to_owned(),
        },
        _ if field["type"] == serde_json::json!(["string", "integer"]) => "text or number".to_owned(),
        _ if field["type"].is_array() => "JSON Schema or path".to_owned(),
        _ => "any value".to_owned(),
    }
}
