use std::time::Instant;

use proptest::prelude::*;
use serde_json::{Value, json};
use signalbox_domain::{Event, RawMessage, read_event};

use super::*;

fn event(data: &Value) -> Event {
    read_event(&RawMessage {
        subject: "events.shop.payment.card",
        headers: vec![],
        body: data.to_string().into(),
        stream_sequence: 7,
        stored_at: chrono::DateTime::UNIX_EPOCH,
    })
    .unwrap()
}

fn evaluate(text: &str, data: &Value) -> Result<Value, String> {
    let event = event(data);
    let expression = Expression::compile(text).map_err(|bad| format!("{}: {}", bad.offset, bad.message))?;
    let scope = Scope::new(&event, event.time);
    expression.evaluate(&scope).map(Cow::into_owned)
}

fn is(text: &str, data: Value, expected: Value) {
    assert_eq!(evaluate(text, &data), Ok(expected), "{text}");
}

#[test]
fn an_event_is_there_with_all_its_fields() {
    is("event.id", json!(1), json!("EVENTS-7"));
    is("event.source", json!(1), json!("nats:events.shop.payment.card"));
    is("event.type", json!(1), json!("shop.payment.card"));
    is("event.subject", json!(1), json!("events.shop.payment.card"));
    is("event.tokens[2] + event.tokens[size(event.tokens) - 1]", json!(1), json!("paymentcard"));
    is("event.time + duration('90s')", json!(1), json!("1970-01-01T00:01:30Z"));
    is("event.extensions", json!(1), json!({}));
    is("event.data", json!({"a": [1, null]}), json!({"a": [1, null]}));
}

#[test]
fn json_numbers_behave() {
    is("event.data.amount + 1", json!({"amount": 41}), json!(42));
    is("event.data + 0", json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_993_i64));
    is("event.data", json!(u64::MAX), json!(u64::MAX));
    is("event.data > 10", json!(10.5), json!(true));
    is("event.data == 1", json!(1.0), json!(true));
    is("1.0 / 4.0", json!(0), json!(0.25));
    is("event.data + 1", json!(i64::MAX), json!(9_223_372_036_854_775_808_u64));
    is("event.data + 1", json!(u64::MAX), json!(18_446_744_073_709_551_616.0));
    is("event.data + 1", json!(1.5), json!(2.5));
    is("event.data * 2u - 0.5", json!(4), json!(7.5));
    is("event.data * event.data", json!(1e200), json!(f64::MAX));
    is("-event.data", json!(u64::MAX), json!(-18_446_744_073_709_551_615.0));
    is("event.data / 2", json!(7), json!(3));
    is("event.data % 4", json!(7.5), json!(3.5));
    is("event.data <= 7u && event.data < 7.5 && !(event.data > 7)", json!(7), json!(true));
    assert_eq!(evaluate("1.0 / 0.0", &json!(0)), Err("6: division by zero".into()));
    assert_eq!(evaluate("1.0 / event.data", &json!(0)), Err("division by zero".into()));
}

#[test]
fn a_part_of_the_data_is_handed_on_as_it_is() {
    let data: Value =
        serde_json::from_str(r#"{"z": {"b": 1.0, "a": [18446744073709551615]}, "y": 1}"#).unwrap();
    let text = |text: &str| evaluate(text, &data).unwrap().to_string();
    assert_eq!(text("event.data"), data.to_string());
    assert_eq!(text(" event.data.z "), r#"{"b":1.0,"a":[18446744073709551615]}"#);
    assert_eq!(text("event . data . z . b"), "1.0");
    assert_eq!(
        evaluate("event.data.y.x", &data).unwrap_err(),
        "found no matching overload for '_._' applied to '(int, string)'"
    );
    assert_eq!(text("has(event.data.z)"), "true");
}

#[test]
fn optional_data_have_defaults() {
    let text = "event.data.?name.orValue('Event Triggered')";
    is(text, json!({"name": "x"}), json!("x"));
    is(text, json!({}), json!("Event Triggered"));
    is("has(event.data.name)", json!({}), json!(false));
}

#[test]
fn errors_name_what_failed_and_show_no_data() {
    let why =
        |text: &str| evaluate(text, &json!({"card": "4111", "map": {"a": 1, "b": 2, "c": 3}})).unwrap_err();
    assert_eq!(why("event.data.crad"), "no such key: `crad`");
    assert_eq!(why("event.data.card > 5"), "`>` does not take string and int");
    assert_eq!(why("event.data.map + event.data.card"), "`+` does not take map and string");
    assert_eq!(why("event.tokens[9]"), "index 9 is out of bounds");
    assert_eq!(why("1 / (event.tokens.size() - 4)"), "division by zero");
    assert_eq!(why("nothing(1)"), "0: unknown function `nothing`");
}

#[test]
fn texts_that_are_no_expressions_are_refused_with_their_place() {
    let why = |text: &str| evaluate(text, &json!(1)).unwrap_err();
    insta::assert_snapshot!(why(" "), @"0: the expression is empty");
    insta::assert_snapshot!(why("event.data +"), @"12: not a CEL expression: it ends too early");
    insta::assert_snapshot!(why("a b"), @"2: not a CEL expression: extraneous input 'b'");
    insta::assert_snapshot!(why("1 + evnt.data"), @"4: unknown name `evnt`; did you mean `event`?");
    insta::assert_snapshot!(why("event.dta.x"), @"0: an event has no `dta`; did you mean `data`?");
    insta::assert_snapshot!(why("event.payload"), @"0: an event has no `payload`; it has data, extensions, id, source, subject, time, tokens, type");
    insta::assert_snapshot!(why("'abc'.matches(event.data)"), @"14: the pattern of `matches` is a text written out, not computed");
    insta::assert_snapshot!(why("Foo{a: 1}"), @"3: message types are not known here; use a map");
    insta::assert_snapshot!(why("[1].map(event, event.x, event.y)"), @"15: `event` is 1, which has no fields");
}

#[test]
fn a_macro_may_call_its_variable_event() {
    is("[{'x': 1}].map(event, event.x)", json!(0), json!([1]));
}

#[test]
fn large_and_deep_expressions_are_refused() {
    let why = |text: String| Expression::compile(&text).unwrap_err().message;
    let n = 4000;
    assert_eq!(why("1".repeat(5000)), "the expression has 5000 bytes; at most 4096 are allowed");
    assert_eq!(why("(".repeat(n)), "brackets nest deeper than 16");
    assert_eq!(why("[".repeat(n)), "brackets nest deeper than 16");
    assert_eq!(why("-".repeat(n)), "the expression has more than 384 operators");
    assert_eq!(why(vec!["1"; 2000].join("+")), "the expression has more than 384 operators");
    assert_eq!(why(vec!["1"; 200].join("+")), "the expression is nested deeper than 24");
    assert_eq!(why(format!("[1]{}", "[0]".repeat(100))), "the expression is nested deeper than 24");
    assert_eq!(why(format!("[1]{}", ".a".repeat(300))), "the expression is nested deeper than 24");
    assert!(Expression::compile(&format!("event.data{}", ".a".repeat(380))).is_ok());
    assert!(Expression::compile(&vec!["event.data.a"; 20].join(" + ")).is_ok());
}

#[test]
fn the_deepest_expression_fits_a_small_stack() {
    let text = vec!["event.data"; 24].join(" + ");
    let run = move || evaluate(&text, &json!(1));
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap();
    assert_eq!(thread.join().unwrap(), Ok(json!(24)));
}

#[test]
fn work_is_bounded() {
    let numbers = json!({"a": (0..3000).collect::<Vec<_>>(), "text": "x".repeat(200_000)});
    for text in [
        "event.data.a.all(x, event.data.a.all(y, event.data.a.all(z, true)))",
        "event.data.a.map(x, event.data)",
        "event.data.a.map(x, [event.data.a])",
        "event.data.a.all(x, event.data.a.exists(y, y == -1) || true)",
        "event.data.a.all(x, x in event.data.a || event.data.a == event.data.a)",
        "event.data.a.map(x, event.data.text + event.data.text)",
        "event.data.a.all(x, event.data.text.contains('y') || true)",
        "event.data.a.map(x, event.data.text).map(x, x + x + x + x).map(x, x + x + x + x)",
    ] {
        let start = Instant::now();
        let result = evaluate(text, &numbers);
        assert_eq!(result, Err("the expression does too much work for this event".into()), "{text}");
        assert!(start.elapsed().as_secs() < 30, "{text} took {:?}", start.elapsed());
    }
}

#[test]
fn ordinary_work_on_a_large_event_is_done() {
    let items: Vec<_> =
        (0..20_000).map(|n| json!({"id": n, "name": "a name of some length", "ok": true})).collect();
    let data = json!({"items": items});
    is("event.data.items.all(item, item.ok && item.id >= 0)", data.clone(), json!(true));
    is(
        "event.data.items.filter(item, item.id > 19997).map(item, item.id)",
        data.clone(),
        json!([19998, 19999]),
    );
    is("size(event.data.items)", data, json!(20_000));
}

#[test]
fn maps_are_gone_through_in_order() {
    let data: Value =
        (0..50).map(|n| (format!("k{n:02}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
    let expected: Vec<_> = (0..50).map(|n| format!("k{n:02}")).collect();
    for _ in 0..5 {
        is("event.data.map(k, k)", data.clone(), json!(expected));
        is("{'b': 1, 'a': 2, 'c': 3}.map(k, k)", json!(0), json!(["a", "b", "c"]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_compiles_or_is_refused(text in ".{0,60}") {
        let _ = evaluate(&text, &json!({"a": 1}));
    }

    #[test]
    fn any_pieces_of_cel_compile_or_are_refused(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "event", ".data", ".a", "[0]", "(", ")", "[", "]", "{", "}", "'x'", "\"", "1", "1u", "1.5", "+", "-", "*", "/",
            "%", "==", "<", "&&", "||", "!", "?", ":", ",", ".map(x,", ".all(y,", "x", "has(", "in", "true", "null",
            ".?b", "[?0]", "b'z'", "//", "\n", "`q`", "size(", "r'\\'", "optional.of(", "Foo{", "type(",
        ]), 0..25),
    ) {
        let _ = evaluate(&pieces.concat(), &json!({"a": [1, {"b": "c"}]}));
        let _ = evaluate(&pieces.join(" "), &json!({"a": [1, {"b": "c"}]}));
    }
}

/// A seeded fuzzer: what comes of it is refused or has a value, and where it is accepted for a declared event it has one.
#[test]
fn generated_bytes_crash_nothing() {
    const PIECES: &[&str] = &[
        "event",
        ".data",
        ".a",
        ".b",
        "[0]",
        "[?0]",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'x'",
        "\"",
        "1",
        "1u",
        "-1",
        "1e308",
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "<",
        ">=",
        "&&",
        "||",
        "!",
        "?",
        ":",
        ",",
        ".map(x,",
        ".all(y,",
        ".filter(x,",
        "x",
        "y",
        "has(",
        " in ",
        "true",
        "null",
        ".?b",
        "b'z'",
        "//",
        "\n",
        "`q`",
        "size(",
        "r'\\'",
        "optional.of(",
        "type(",
        ".matches('",
        "')",
        "id(",
        "token(",
        "default(",
        ".orValue(",
        ".sort()",
        ".split(",
        "json.parse(",
        "timestamp(",
        "duration('1h')",
        "ß",
        "\u{0}",
    ];
    let dice = &mut crate::cel::promise_tests::Dice::new(7);
    let schema = json!({
        "type": "object", "required": ["a"],
        "properties": {"a": {"type": "array", "items": {"type": "integer"}}, "b": {"type": ["string", "null"]}}
    });
    let declared = crate::cel::types::Type::of_schema(&schema).unwrap();
    let known = Known::of(declared, &crate::cel::known::Subjects::of("events.shop.*.card"), true);
    let event = event(&json!({"a": [1, 2, 3], "b": null}));
    let mut bytes = 0;
    while bytes < 60_000 {
        let count = dice.below(14);
        let text: String = (0..count).map(|_| dice.pick(PIECES)).collect();
        bytes += text.len();
        if let Ok(expression) = Expression::compile(&text) {
            let _ = expression.evaluate(&Scope::new(&event, event.time));
        }
        if let Ok(expression) = Expression::compile_with(&text, &known) {
            assert!(expression.evaluate(&Scope::new(&event, event.time)).is_ok(), "{text}");
        }
    }
}

#[test]
fn now_is_when_the_stream_stored_the_event() {
    let event = event(&Value::Null);
    let stored_at = chrono::DateTime::from_timestamp(1_767_225_600, 0).unwrap();
    let expression = Expression::compile("string(now())").unwrap();
    assert!(expression.reads_event());
    let now = expression.evaluate(&Scope::new(&event, stored_at)).map(Cow::into_owned);
    assert_eq!(now, Ok(json!("2026-01-01T00:00:00Z")));
}
