use serde_json::json;

use super::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn post(headers: &[(&str, &str)], body: &str, id: Option<&str>) -> Result<Posted, BadPost> {
    let id = id.map(|id| id.parse().unwrap());
    read_http_events(&HttpMessage {
        headers: headers.to_vec(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        received_at: DateTime::UNIX_EPOCH,
        id: id.as_ref(),
    })
}

fn one(headers: &[(&str, &str)], body: &str) -> Event {
    match post(headers, body, None).unwrap() {
        Posted::One(event) => *event,
        batch => panic!("{batch:?}"),
    }
}

fn event() -> Value {
    json!({"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "shop.paid", "tenant": "a",
           "time": "2026-01-01T00:00:00Z", "data": {"order": 7}})
}

#[test]
fn three_modes_say_the_same() {
    let headers = [
        ("CE-SpecVersion", "1.0"),
        ("ce-id", "e-1"),
        ("ce-source", "/shop"),
        ("ce-type", "shop.paid"),
        ("ce-tenant", "a"),
        ("ce-time", "2026-01-01T00:00:00Z"),
        ("content-type", "application/json"),
    ];
    let binary = one(&headers, r#"{"order":7}"#);
    let structured =
        one(&[("content-type", "Application/CloudEvents+JSON; charset=utf-8")], &event().to_string());
    let batch = post(&[("content-type", BATCH)], &json!([event()]).to_string(), None).unwrap();
    assert_eq!(
        (binary.nats_subject.as_str(), &binary.data),
        ("events.shop.paid", &Data::Json(json!({"order": 7})))
    );
    assert_eq!(binary, structured);
    assert_eq!(batch, Posted::Batch(vec![structured]));
}

#[test]
fn what_reads_as_one_event_travels_as_that_event() {
    let text = json!({"specversion": "1.0", "id": "t", "source": "/s", "type": "note", "datacontenttype": "text/plain",
                      "data": "hi", "traceparent": PARENT});
    let base64 =
        json!({"specversion": "1.0", "id": "t", "source": "/s", "type": "note", "data_base64": "/wA="});
    let coded = json!({"specversion": "1.0", "id": "t", "source": "/s", "type": "note", "data_base64": "WzFd",
                       "datacontenttype": "application/json"});
    assert_eq!(one(&[("content-type", STRUCTURED)], &coded.to_string()).data, Data::Json(json!([1])));
    for body in [text, base64, coded, event()] {
        let event = one(&[("content-type", STRUCTURED)], &body.to_string());
        let headers = event.headers();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, value.as_str())).collect();
        let raw = RawMessage {
            subject: event.nats_subject.as_str(),
            headers,
            body: event.body(),
            stream_sequence: 0,
            stored_at: DateTime::UNIX_EPOCH,
        };
        assert_eq!(read_event(&raw).unwrap(), event);
    }
}

#[test]
fn a_key_is_the_id_of_an_event_that_has_none() {
    let headers = [("ce-specversion", "1.0"), ("ce-source", "/s"), ("ce-type", "t")];
    let id = |posted| match posted {
        Ok(Posted::One(event)) => event.id.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(id(post(&headers, "{}", Some("k"))), "k");
    assert_eq!(post(&headers, "{}", None), Err(BadEvent::Missing("id").into()));
    let mut without = event();
    without.as_object_mut().unwrap().remove("id");
    assert_eq!(id(post(&[("content-type", STRUCTURED)], &without.to_string(), Some("k"))), "k");
    assert_eq!(
        id(post(&[("content-type", STRUCTURED)], &event().to_string(), Some("k"))),
        "e-1",
        "its own goes first"
    );
    let batch = post(&[("content-type", BATCH)], &json!([event(), without]).to_string(), Some("k"));
    assert_eq!(batch, Err(BadPost::InBatch { index: 1, why: BadEvent::Missing("id") }));
}

#[test]
fn publishers_by_http_get_no_hold_of_nats() {
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "e"),
        ("ce-source", "/s"),
        ("ce-type", "a.*.> b"),
        ("signalbox-reply-to", "_INBOX.stolen"),
        ("Nats-Msg-Id", "m"),
    ];
    let event = one(&headers, "{}");
    assert_eq!((event.nats_subject.as_str(), &event.reply_to), ("events.a._.__b", &None));
    assert!(event.extensions.is_empty(), "{:?}", event.extensions);
}

#[test]
fn a_body_of_a_known_type_is_filled_up() {
    let read = |content_type: Option<&str>, body: &str| {
        read_http_body(
            &HttpMessage {
                headers: content_type.into_iter().map(|value| ("content-type", value)).collect(),
                body: Bytes::copy_from_slice(body.as_bytes()),
                received_at: DateTime::UNIX_EPOCH,
                id: None,
            },
            "k".parse().unwrap(),
            "/http".parse().unwrap(),
            "shop.paid",
        )
    };
    let event = read(Some("application/json; charset=utf-8"), r#"{ "order": 7.00}"#).unwrap();
    assert_eq!((event.id.as_str(), event.source.as_str(), event.kind.as_str()), ("k", "/http", "shop.paid"));
    assert_eq!(
        (event.nats_subject.as_str(), event.data),
        ("events.shop.paid", Data::Bytes(r#"{ "order": 7.00}"#.into())),
        "as it came"
    );
    assert_eq!(event.data_content_type.as_deref(), Some("application/json"));
    assert_eq!(read(None, "").unwrap().data, Data::Empty);
    assert_eq!(read(Some("text/plain"), "hi").unwrap().data, Data::Bytes("hi".into()));
    for bad in ["{", "1e999", &"[".repeat(10_000)] {
        assert!(matches!(read(None, bad), Err(BadEvent::NotJson(_))), "{bad}");
    }
}

#[test]
fn odd_requests_are_refused_with_the_reason() {
    let why = |headers: &[(&str, &str)], body: &str| post(headers, body, None).unwrap_err();
    let (structured, batch) = ([("content-type", STRUCTURED)], [("content-type", BATCH)]);
    assert_eq!(why(&[("content-type", "application/json")], "{}"), BadPost::NoCloudEvent);
    assert_eq!(why(&structured, "[]"), BadEvent::NotAnObject.into());
    assert_eq!(why(&batch, "{}"), BadPost::NotAList);
    assert_eq!(why(&batch, "[1]"), BadPost::InBatch { index: 0, why: BadEvent::NotAnObject });
    let many = json!(vec![event(); MOST_IN_BATCH + 1]).to_string();
    assert_eq!(why(&batch, &many), BadPost::TooMany { count: 101, most: 100 });
    let mut named = event();
    named["Bad Name"] = json!("x");
    assert!(matches!(why(&structured, &named.to_string()), BadPost::Event(BadEvent::Attribute { .. })));
    let mut nowhere = event();
    nowhere["type"] = json!("...");
    assert!(matches!(why(&structured, &nowhere.to_string()), BadPost::Event(BadEvent::Id(_))));
}
