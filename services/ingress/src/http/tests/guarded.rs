//! Who may call what.

use axum::http::Method;
use chrono::Utc;
use signalbox_bus::Change;

use super::*;
use crate::auth::{
    Action, ApiKey, Grant, Need, need_of,
    token_tests::{Signer, claims, serve, set},
};

/// A service that asks everybody, and keys that it knows.
struct Guarded {
    app: Arc<App>,
    router: Router,
}

impl Guarded {
    async fn start() -> Self {
        let app = app(&["--auth", "on", "--github-secrets", "hush"]).await;
        Self { router: router(Arc::clone(&app)), app }
    }

    /// A key for this.
    fn key(&self, grant: Grant) -> String {
        let (key, text) = ApiKey::generate("k".into(), grant, Utc::now(), None).unwrap();
        self.app.gate.keys.change(Change::Set(key.id.clone(), (&key).into()));
        format!("Bearer {}", text.expose())
    }

    fn key_for(&self, actions: &[Action]) -> String {
        self.key(Grant { actions: actions.iter().copied().collect(), ..Grant::default() })
    }

    async fn call(&self, call: &str, authorization: &str) -> Answer {
        let headers = [("authorization", authorization.as_bytes())];
        let headers = if authorization.is_empty() { &[][..] } else { &headers };
        send(&self.router, request(call, headers, "")).await
    }

    /// `METHOD /template` of every operation that is documented.
    async fn operations(&self) -> Vec<(Method, String)> {
        let api = self.call("GET /openapi.json", &self.key_for(&[])).await.json();
        let paths = api["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(|method| (method.to_uppercase().parse().unwrap(), path.clone())).collect::<Vec<_>>()
        });
        operations.collect()
    }
}

/// A path of this template.
fn of_template(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "1" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// What is served but not documented.
const PAGES: [&str; 4] = ["/openapi.json", "/docs", "/docs/", "/docs/swagger-ui.css"];

#[tokio::test]
async fn every_operation_is_in_the_table() {
    for (method, path) in Guarded::start().await.operations().await {
        assert!(need_of(&method, &path).is_some(), "{method} {path}: say in auth/needs.rs what it needs");
    }
}

#[tokio::test]
async fn without_credentials_nothing_answers_but_health_and_what_is_signed() {
    let service = Guarded::start().await;
    let operations = service.operations().await;
    let pages = PAGES.iter().map(|page| (Method::GET, (*page).to_owned()));
    for (method, path) in operations.into_iter().chain(pages) {
        let answer = service.call(&format!("{method} {}", of_template(&path)), "").await;
        if matches!(need_of(&method, &path), Some(Need::Nothing | Need::Signature)) {
            assert!(!answer.headers.contains_key("www-authenticate"), "{method} {path}");
            continue;
        }
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (401, &json!("unauthenticated")),
            "{method} {path}"
        );
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"signalbox\"", "{method} {path}");
    }
    for nothing in ["GET /nothing", "BREW /", "GET /trigger-workflow/a", "OPTIONS /events/1"] {
        assert_eq!(service.call(nothing, "").await.status, 401, "{nothing}");
    }
}

#[tokio::test]
async fn each_action_opens_just_what_it_names() {
    let service = Guarded::start().await;
    let operations = service.operations().await;
    for action in Action::ALL {
        let key = service.key_for(&[action]);
        for (method, path) in &operations {
            let answer = service.call(&format!("{method} {}", of_template(path)), &key).await;
            let opens = match need_of(method, path).unwrap() {
                Need::To(needed, _) => action == Action::Admin || needed.iter().all(|one| *one == action),
                Need::Anybody | Need::Nothing | Need::Signature => true,
            };
            let forbidden = answer.status == 403 && answer.json()["code"] == "forbidden";
            assert_eq!(!forbidden, opens, "{action}: {method} {path}: {}", answer.status);
            let signed = need_of(method, path) == Some(Need::Signature);
            assert!(answer.status != 401 || signed, "{action}: {method} {path}");
        }
    }
}

#[tokio::test]
async fn a_key_without_actions_reads_the_documentation() {
    let service = Guarded::start().await;
    let key = service.key_for(&[]);
    for page in PAGES {
        assert_eq!(service.call(&format!("GET {page}"), &key).await.status, 200, "{page}");
    }
    let answer = service.call("POST /trigger-workflow/a", &key).await;
    let challenge = "Bearer realm=\"signalbox\", error=\"insufficient_scope\", scope=\"start\"";
    assert_eq!((answer.status, &answer.headers["www-authenticate"]), (403, &challenge.parse().unwrap()));
    assert_eq!(service.call("GET /nothing", &key).await.status, 404);
    assert_eq!(service.call("GET /trigger-workflow/a", &key).await.status, 405);
}

#[tokio::test]
async fn a_key_that_is_revoked_is_refused_at_once() {
    let service = Guarded::start().await;
    let key = service.key_for(&[Action::Admin]);
    assert_eq!(service.call("GET /docs", &key).await.status, 200);
    let id = key.split('_').nth(1).unwrap().to_owned();
    service.app.gate.keys.change(Change::Removed(id));
    let answer = service.call("GET /docs", &key).await;
    assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("bad-key")));
    assert!(!answer.text().contains(&key[7..]), "{}", answer.text());
}

#[tokio::test]
async fn before_keys_are_read_a_caller_is_asked_to_come_again() {
    let service = Guarded::start().await;
    let (_, text) = ApiKey::generate("k".into(), Grant::default(), Utc::now(), None).unwrap();
    let answer = service.call("GET /docs", &format!("Bearer {}", text.expose())).await;
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("keys-away")));
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn types_limit_what_a_path_names() {
    let service = Guarded::start().await;
    let key = |types: &[&str]| {
        let actions = [Action::Start, Action::Schedules, Action::DeadLetters].into();
        let workflow_types = types.iter().map(|text| text.parse().unwrap()).collect();
        service.key(Grant { actions, workflow_types, ..Grant::default() })
    };
    let (lab, other) = (key(&["Cron*"]), key(&["Order"]));
    for call in ["POST /trigger-workflow/a", "POST /schedule-workflow/a"] {
        assert_eq!(service.call(call, &lab).await.status, 503, "{call}: past the gate, NATS is away");
        let answer = service.call(call, &other).await;
        assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("forbidden")), "{call}");
    }
    assert_eq!(service.call("GET /dead-letters", &lab).await.status, 403, "letters are of any type");
}

#[tokio::test]
async fn who_listens_on_loopback_serves_this_machine_alone() {
    let service = service().await;
    for (headers, status) in [
        (&[("host", b"localhost:8000".as_slice())][..], 200),
        (&[("host", b"signalbox.example")], 401),
        (&[("host", b"localhost:8000"), ("origin", b"https://example.com")], 401),
        (&[("host", b"localhost:8000"), ("x-forwarded-for", b"10.0.0.1")], 401),
    ] {
        assert_eq!(send(&service, request("GET /docs", headers, "")).await.status, status, "{headers:?}");
    }
    let off = router(app(&["--auth", "off"]).await);
    assert_eq!(send(&off, request("GET /docs", &[("host", b"signalbox.example")], "")).await.status, 200);
}

#[tokio::test]
async fn the_document_says_what_each_operation_needs() {
    let service = Guarded::start().await;
    let api = service.call("GET /openapi.json", &service.key_for(&[])).await.json();
    assert_eq!(api["components"]["securitySchemes"]["credentials"]["scheme"], "bearer");
    for (method, path) in service.operations().await {
        let operation = &api["paths"][&path][method.as_str().to_lowercase()];
        let expected = match need_of(&method, &path).unwrap() {
            Need::Nothing | Need::Signature => json!([]),
            Need::Anybody => json!([{"credentials": []}]),
            Need::To(actions, _) => {
                let names: Vec<_> = actions.iter().map(|action| action.name()).collect();
                json!([{ "credentials": names }])
            }
        };
        assert_eq!(operation["security"], expected, "{method} {path}");
        let told = |status: &str| operation["responses"][status].is_object();
        assert!(told("429") && (told("401") || expected == json!([])), "{method} {path}");
    }
}

#[tokio::test]
async fn a_token_of_the_configured_issuer_opens_what_its_scopes_say() {
    let signer = Signer::new("k1");
    let issuer = serve(set([signer.jwk()])).await;
    let flags = ["--oidc-issuer", &issuer.url, "--oidc-audience", "signalbox", "--oidc-claim", "roles"];
    let app = app(&[&flags[..], &["--oidc-scopes", "pressers=start"]].concat()).await;
    let service = Guarded { router: router(Arc::clone(&app)), app };
    let token = |roles: &[&str]| {
        format!("Bearer {}", signer.sign(&claims(&json!({"iss": issuer.url, "roles": roles}))))
    };
    assert_eq!(service.call("GET /docs", "").await.status, 401, "with an issuer, loopback is asked, too");
    let presser = token(&["pressers"]);
    assert_eq!(service.call("POST /trigger-workflow/a", &presser).await.status, 503, "past the gate");
    assert_eq!(service.call("POST /stop-workflow/a", &presser).await.status, 403);
    assert_eq!(service.call("POST /trigger-workflow/a", &token(&["readers"])).await.status, 403);
    let tampered = presser.replace('.', ".e");
    let answer = service.call("GET /docs", &tampered).await;
    assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("bad-token")));
    let challenge = "Bearer realm=\"signalbox\", error=\"invalid_token\"";
    assert_eq!(answer.headers["www-authenticate"], challenge);
    let key = service.key_for(&[Action::Start]);
    assert_eq!(service.call("POST /trigger-workflow/a", &key).await.status, 503, "keys are good beside it");
}

#[tokio::test]
async fn a_webhook_that_nobody_can_have_signed_needs_credentials() {
    let app = app(&["--auth", "on"]).await;
    let service = Guarded { router: router(Arc::clone(&app)), app };
    let call = "POST /webhook/github";
    assert_eq!(service.call(call, "").await.json()["code"], "unauthenticated");
    assert_eq!(service.call(call, &service.key_for(&[Action::Read])).await.status, 403);
    assert_eq!(service.call(call, &service.key_for(&[Action::Publish])).await.status, 422, "past the gate");
}

#[tokio::test]
async fn a_body_reaches_no_further_than_the_key_that_comes_with_it() {
    let service = Guarded::start().await;
    let limited = service.key(Grant {
        actions: [Action::Publish, Action::Start, Action::Schedules].into(),
        workflow_types: vec!["Order*".parse().unwrap()],
        subjects: vec!["events.shop.>".parse().unwrap()],
        ..Grant::default()
    });
    let event =
        |kind: &str| json!({"specversion": "1.0", "id": "1", "source": "/a", "type": kind, "data": {}});
    let start = |kind: &str| json!({"workflow_id": "a", "type": kind, "task_queue": "q"});
    let schedule = |begins: Value| {
        let mut entry = json!({"id": "s", "cron": "@daily"});
        entry.as_object_mut().unwrap().extend(begins.as_object().unwrap().clone());
        entry
    };
    let (one, many) = ("application/cloudevents+json", "application/cloudevents-batch+json");
    for (call, media_type, body, status) in [
        ("POST /events/shop.paid", "application/json", json!({}), 503),
        ("POST /events/hr.paid", "application/json", json!({}), 403),
        ("POST /events", one, event("shop.paid"), 503),
        ("POST /events", one, event("hr.paid"), 403),
        ("POST /events", many, json!([event("shop.paid"), event("hr.paid")]), 403),
        ("POST /workflows", "application/json", start("OrderPaid"), 503),
        ("POST /workflows", "application/json", start("Refund"), 403),
        ("POST /schedules", "application/json", schedule(json!({"start": {"workflow": "OrderPaid"}})), 503),
        ("POST /schedules", "application/json", schedule(json!({"start": {"workflow": "Refund"}})), 403),
        ("POST /schedules", "application/json", schedule(json!({"emit": "events.shop.closing"})), 503),
        ("POST /schedules", "application/json", schedule(json!({"emit": "events.hr.closing"})), 403),
        ("PUT /schedules/s", "application/json", schedule(json!({"emit": "events.shop.closing"})), 403),
        ("POST /schedules/s/trigger", "application/json", json!({}), 403),
    ] {
        let headers = [("authorization", limited.as_bytes()), ("content-type", media_type.as_bytes())];
        let answer = send(&service.router, request(call, &headers, body.to_string())).await;
        assert_eq!(answer.status, status, "{call} {body}: {}", answer.text());
    }
    assert_eq!(service.call("GET /events/1", &limited).await.status, 403, "nor does it read");
}
