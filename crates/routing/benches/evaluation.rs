//! What an event costs, and what checking a set of routes costs.

#![allow(clippy::panic, missing_docs, reason = "a bench says so by failing")]

use std::hint::black_box;

use chrono::DateTime;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use signalbox_domain::{Event, RawMessage, read_event};
use signalbox_routing::RouteSet;

/// Expressions by what they do. Each is the argument of a signal.
const EXPRESSIONS: [(&str, &str); 7] = [
    ("field", "event.data.order_id"),
    ("compare", "event.data.status == 'paid'"),
    ("arithmetic", "event.data.amount * 2 + event.data.order_id - 1"),
    ("guard", "event.data.amount > 10 && event.data.status in ['paid', 'settled'] && !event.data.test"),
    ("text", "'order-' + string(event.data.order_id) + '/' + event.data.customer.name"),
    ("optional", "event.data.?note.orValue('none')"),
    ("list", "event.data.items.filter(item, item.count > 2).map(item, item.price * item.count)"),
];

fn event(items: usize) -> Event {
    let items: Vec<Value> = (0..items)
        .map(|n| json!({"sku": format!("sku-{n}"), "count": n % 7, "price": 5, "tags": ["a", "b"]}))
        .collect();
    let data = json!({
        "order_id": 7, "status": "paid", "amount": 1250, "test": false,
        "customer": {"name": "Ada", "city": "London", "vip": true}, "items": items,
    });
    read_event(&RawMessage {
        subject: "events.shop.payment.card",
        headers: vec![],
        body: data.to_string().into(),
        stream_sequence: 7,
        stored_at: DateTime::UNIX_EPOCH,
    })
    .unwrap_or_else(|why| panic!("{why}"))
}

fn set(text: String) -> RouteSet {
    RouteSet::load([("bench.yaml".to_owned(), text)]).unwrap_or_else(|faults| panic!("{faults}"))
}

fn one_route(expression: &str) -> String {
    format!(
        "version: 1\nroutes:\n  - name: a\n    on: events.>\n    signal:\n      workflow_id: w\n      singleton: true\n      name: s\n      args:\n        - ${{ {expression} }}\n"
    )
}

fn hundred_routes() -> String {
    let route = |n: usize| {
        format!(
            "  - name: r{n}\n    on: events.shop.e{n}.*\n    when: ${{ {} }}\n    signal:\n      workflow_id: order-${{ event.data.order_id }}\n      name: s\n      args: [ \"${{ {} }}\", \"${{ {} }}\" ]\n",
            "event.data.amount > 10 && event.data.status == 'paid'", EXPRESSIONS[4].1, EXPRESSIONS[6].1,
        )
    };
    format!("version: 1\nroutes:\n{}", (0..100).map(route).collect::<String>())
}

fn plans(criterion: &mut Criterion) {
    let (small, large) = (event(3), event(300));
    for (name, expression) in EXPRESSIONS {
        let set = set(one_route(expression));
        for (size, event) in [("small", &small), ("large", &large)] {
            criterion.bench_function(&format!("plan/{name}/{size}"), |bencher| {
                bencher.iter(|| set.plan(black_box(event), DateTime::UNIX_EPOCH));
            });
        }
    }
}

fn load(criterion: &mut Criterion) {
    let text = hundred_routes();
    criterion.bench_function("load/100 routes", |bencher| bencher.iter(|| set(text.clone())));
}

criterion_group!(benches, plans, load);
criterion_main!(benches);
