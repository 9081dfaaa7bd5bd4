use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use signalbox_ingress::ApiKey;

use crate::text::{Cell, Details, Table, time};

fn status(key: &ApiKey, now: DateTime<Utc>) -> &'static str {
    if key.is_expired(now) { "expired" } else { "active" }
}

/// For scripts; the secret is not among it.
pub fn value(key: &ApiKey, now: DateTime<Utc>) -> Value {
    json!({
        "id": key.id, "name": key.name, "status": status(key, now),
        "actions": texts(&key.grant.actions),
        "workflow_types": texts(&key.grant.workflow_types),
        "sources": texts(&key.grant.sources),
        "subjects": texts(&key.grant.subjects),
        "created_at": key.created_at.to_rfc3339(),
        "expires_at": key.expires_at.map(|at| at.to_rfc3339()),
    })
}

fn texts<T: ToString>(all: impl IntoIterator<Item = T>) -> Vec<String> {
    all.into_iter().map(|one| one.to_string()).collect()
}

pub fn created(key: &ApiKey, text: &str, now: DateTime<Utc>) -> String {
    let details = details(key, now).with("key", text);
    format!("{details}\n\nIt is not shown again. Callers send it as `Authorization: Bearer {text}`.")
}

pub fn one(key: &ApiKey, now: DateTime<Utc>) -> String {
    details(key, now).with("created", time::local(key.created_at, now)).to_string()
}

fn details(key: &ApiKey, now: DateTime<Utc>) -> Details {
    Details::of(status(key, now), &key.id)
        .with("name", &key.name)
        .with("actions", texts(&key.grant.actions).join(", "))
        .with("workflow types", texts(&key.grant.workflow_types).join(", "))
        .with("sources", texts(&key.grant.sources).join(", "))
        .with("subjects", texts(&key.grant.subjects).join(", "))
        .with("expires", expires(key, now))
}

fn expires(key: &ApiKey, now: DateTime<Utc>) -> String {
    let end = |at| format!("{} ({})", time::local(at, now), time::relative(at, now));
    key.expires_at.map_or_else(|| "never".to_owned(), end)
}

pub fn list(keys: &[ApiKey], now: DateTime<Utc>) -> String {
    if keys.is_empty() {
        return "There are none; `signalbox keys create` makes one.".to_owned();
    }
    let mut table = Table::new(["KEY", "STATUS", "NAME", "ACTIONS", "LIMITED TO", "EXPIRES"]);
    for key in keys {
        let grant = &key.grant;
        let limits = [texts(&grant.workflow_types), texts(&grant.sources), texts(&grant.subjects)];
        table.row([
            (&key.id).into(),
            Cell::status(status(key, now)),
            (&key.name).into(),
            texts(&grant.actions).join(", ").into(),
            limits.concat().join(", ").into(),
            expires(key, now).into(),
        ]);
    }
    table.to_string()
}

pub fn revoked(id: &str) -> String {
    Details::of("revoked", id).to_string()
}

#[cfg(test)]
mod tests {
    use signalbox_ingress::{Action, Grant};

    use super::*;

    #[test]
    fn a_key_is_listed_without_its_secret() {
        let now = Utc::now();
        let grant = Grant {
            actions: [Action::Publish, Action::Start].into(),
            workflow_types: vec!["Order*".parse().unwrap()],
            subjects: vec!["events.shop.>".parse().unwrap()],
            ..Grant::default()
        };
        let (mut key, text) = ApiKey::generate("shop".into(), grant, now, None).unwrap();
        let secret = text.expose().rsplit_once('_').unwrap().1;
        assert!(created(&key, text.expose(), now).contains(text.expose()));
        for shown in [list(&[key.clone()], now), one(&key, now), value(&key, now).to_string()] {
            assert!(!shown.contains(secret), "{shown}");
        }
        key.id = "0123456789ab".into();
        let plain = anstream::adapter::strip_str(&list(&[key], now)).to_string();
        insta::assert_snapshot!(plain, @r"
        KEY           STATUS  NAME  ACTIONS                LIMITED TO             EXPIRES
        0123456789ab  active  shop  start, events:publish  Order*, events.shop.>  never
        ");
    }
}
