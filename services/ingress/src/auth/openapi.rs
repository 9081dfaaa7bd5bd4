//! What the OpenAPI document says of who may call: the table, once more.

use axum::http::Method;
use utoipa::openapi::{
    Content, OpenApi, Ref, Response, ResponseBuilder,
    path::{Operation, PathItem},
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

use super::{Need, needs};

/// How the document calls it.
const SCHEME: &str = "credentials";

/// Says of each operation what it needs, and how it refuses.
pub fn document(api: &mut OpenApi) {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "An API key (`signalbox keys create`), or a token of the issuer that is configured",
    ));
    let components = api.components.get_or_insert_default();
    components.add_security_scheme(SCHEME, SecurityScheme::Http(scheme.build()));
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in operations(item) {
            if let Some(need) = needs::of(&method, path) {
                describe(operation, need);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [
        (Method::GET, get),
        (Method::PUT, put),
        (Method::POST, post),
        (Method::DELETE, delete),
        (Method::PATCH, patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn describe(operation: &mut Operation, need: Need) {
    let scopes: Vec<String> = match need {
        Need::Nothing | Need::Signature | Need::Anybody => Vec::new(),
        Need::To(actions, _) => actions.iter().map(ToString::to_string).collect(),
    };
    if matches!(need, Need::Nothing | Need::Signature) {
        operation.security = Some(Vec::new());
    } else {
        operation.security = Some(vec![SecurityRequirement::new(SCHEME, scopes.clone())]);
        add(operation, "401", "Credentials are asked for; there are none, or they are not good");
        add(operation, "503", "Nothing was stored; send it again");
    }
    if !scopes.is_empty() {
        add(
            operation,
            "403",
            &format!("The credentials do not give `{}`, or not for this", scopes.join("` and `")),
        );
    }
    add(operation, "429", "The address, key or token calls too often; `Retry-After` says when to come again");
}

/// Unless the operation speaks of that status itself.
fn add(operation: &mut Operation, status: &str, description: &str) {
    let response = || problem(description).into();
    operation.responses.responses.entry(status.to_owned()).or_insert_with(response);
}

fn problem(description: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("ProblemBody")));
    ResponseBuilder::new().description(description).content("application/json", content).build()
}
