//! `asyncapi.yaml` says what `names.rs` and the `.proto` files say, and is of AsyncAPI's shape.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{collections::BTreeSet, path::Path};

use serde_json::{Map, Value, json};
use signalbox_proto::names::{PARTITIONS, header, subject};

fn document() -> Value {
    serde_saphyr::from_str(include_str!("../asyncapi.yaml")).unwrap()
}

fn entries<'a>(value: &'a Value, pointer: &str) -> &'a Map<String, Value> {
    value.pointer(pointer).and_then(Value::as_object).unwrap_or_else(|| panic!("no object at {pointer}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no text `{key}` in {value}"))
}

/// The constants of a module of `names.rs`, as they are written there, so that a new one is not forgotten here.
fn names(module: &str) -> BTreeSet<&'static str> {
    let names = include_str!("../src/names.rs");
    let start = names.find(&format!("pub mod {module} {{")).expect(module);
    let (body, _) = names[start..].split_once("\n}").unwrap();
    let constants = body.lines().filter(|line| line.trim_start().starts_with("pub const "));
    let values: BTreeSet<_> = constants.map(|line| line.split('"').nth(1).expect(line)).collect();
    assert!(!values.is_empty(), "{module}");
    values
}

/// The values of a key of every channel.
fn of_channels<'a>(document: &'a Value, key: &str) -> BTreeSet<&'a str> {
    entries(document, "/channels").values().filter_map(|channel| channel[key].as_str()).collect()
}

#[test]
fn streams_and_services_are_those_of_the_house() {
    let document = document();
    assert_eq!(of_channels(&document, "x-jetstream-stream"), names("stream"));
    assert_eq!(of_channels(&document, "x-nats-service"), names("service"));
}

#[test]
fn subjects_are_those_of_the_house() {
    let document = document();
    // These two are parts of subjects.
    let whole: BTreeSet<_> = names("subject")
        .into_iter()
        .filter(|name| ![subject::EVENTS_PREFIX, subject::MATCH_LEAF].contains(name))
        .collect();
    assert_eq!(of_channels(&document, "x-nats-subject"), whole);
    let of = |channel: &str, key: &str| document["channels"][channel][key].as_str().unwrap().to_owned();
    assert!(of("events", "address").starts_with(subject::EVENTS_PREFIX));
    assert_eq!(document["channels"]["outcomes"]["parameters"]["leaf"]["default"], subject::MATCH_LEAF);
    let partitions: Vec<_> = (0..PARTITIONS).map(|n| n.to_string()).collect();
    assert_eq!(document["channels"]["commands"]["parameters"]["partition"]["enum"], json!(partitions));
}

#[test]
fn addresses_are_within_their_subjects() {
    for (name, channel) in entries(&document(), "/channels") {
        let Some(address) = channel["address"].as_str() else {
            assert!(channel["address"].is_null() && channel.get("x-nats-subject").is_none(), "{name}");
            continue;
        };
        let filter = text(channel, "x-nats-subject");
        assert_eq!(address.split('{').next(), filter.split(['*', '>']).next(), "{name}");
        let used: BTreeSet<_> =
            address.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        let declared = channel["parameters"].as_object().into_iter().flatten();
        assert_eq!(used, declared.map(|(parameter, _)| parameter.as_str()).collect(), "{name}");
    }
}

#[test]
fn headers_are_those_of_the_house() {
    let document = document();
    let mut found = BTreeSet::new();
    for message in entries(&document, "/components/messages").values() {
        headers(&document, &message["headers"], &mut found);
    }
    let (attributes, others): (BTreeSet<_>, _) =
        found.into_iter().partition(|name| name.starts_with(header::CLOUDEVENT_PREFIX));
    assert!(attributes.contains("ce-specversion") && attributes.contains("ce-"), "{attributes:?}");
    let mut expected = names("header");
    expected.remove(header::CLOUDEVENT_PREFIX);
    assert_eq!(others.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
}

/// The names of the properties of a schema of headers; a pattern counts as what it starts with.
fn headers(document: &Value, schema: &Value, found: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return headers(document, resolve(document, reference), found);
    }
    schema["allOf"].as_array().into_iter().flatten().for_each(|part| headers(document, part, found));
    for key in ["properties", "patternProperties"] {
        let names = schema[key].as_object().into_iter().flatten().map(|(name, _)| name);
        found.extend(names.map(|name| name.trim_start_matches('^').to_owned()));
    }
}

#[test]
fn messages_are_in_the_proto_files() {
    let document = document();
    let files: BTreeSet<_> = entries(&document, "/components/messages")
        .values()
        .filter_map(|message| message["payload"]["x-protobuf"].as_str())
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let compiled = protox::compile(files, [root]).unwrap();
    let defined: BTreeSet<_> = compiled
        .file
        .iter()
        .flat_map(|file| {
            file.message_type.iter().map(move |m| (file.name(), format!("{}.{}", file.package(), m.name())))
        })
        .collect();
    for (key, message) in entries(&document, "/components/messages") {
        let Some(file) = message["payload"]["x-protobuf"].as_str() else {
            assert!(message.get("name").is_none(), "{key} names a message without its file");
            continue;
        };
        let name = text(message, "name");
        assert_eq!(name, format!("signalbox.v1.{key}"));
        assert!(defined.contains(&(file, name.to_owned())), "no {name} in {file}");
    }
}

#[test]
fn it_is_of_the_shape_of_asyncapi() {
    let document = document();
    assert!(text(&document, "asyncapi").starts_with("3."));
    assert!(!text(&document["info"], "title").is_empty() && !text(&document["info"], "version").is_empty());
    for server in entries(&document, "/servers").values() {
        assert!(!text(server, "host").is_empty() && text(server, "protocol") == "nats");
    }
    for (name, operation) in entries(&document, "/operations") {
        assert!(["send", "receive"].contains(&text(operation, "action")), "{name}");
        messages_are_of_the_channel(operation, name);
        if let Some(reply) = operation.get("reply") {
            messages_are_of_the_channel(reply, name);
        }
    }
}

/// An operation, or a reply, may only name messages by way of its channel.
fn messages_are_of_the_channel(operation: &Value, name: &str) {
    let channel = text(&operation["channel"], "$ref");
    assert!(channel.starts_with("#/channels/"), "{name}: {channel}");
    for message in operation["messages"].as_array().into_iter().flatten() {
        assert!(text(message, "$ref").starts_with(&format!("{channel}/messages/")), "{name}: {message}");
    }
}

#[test]
fn all_that_is_referred_to_is_there_and_used() {
    let document = document();
    let mut referred = BTreeSet::new();
    references(&document, &mut referred);
    for reference in &referred {
        resolve(&document, reference);
    }
    for kind in ["messages", "schemas"] {
        for name in entries(&document, &format!("/components/{kind}")).keys() {
            assert!(referred.contains(&*format!("#/components/{kind}/{name}")), "nobody uses {name}");
        }
    }
    for name in entries(&document, "/channels").keys() {
        assert!(referred.contains(&*format!("#/channels/{name}")), "no operation on {name}");
    }
}

fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str));
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(array) => array.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

fn resolve<'a>(document: &'a Value, reference: &str) -> &'a Value {
    let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} is not in the document"));
    document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
}
