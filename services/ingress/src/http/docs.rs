//! Interactive documentation, made from the code; nothing is fetched from elsewhere.

use std::sync::Arc;

use axum::{
    Router,
    http::header,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, serve};

use crate::{extract::Path, problem::Problem};

/// `/openapi.json` and `/docs`.
pub fn router<S: Clone + Send + Sync + 'static>(api: &OpenApi) -> Router<S> {
    let api: Arc<str> = api.to_json().unwrap_or_default().into();
    let config =
        Arc::new(Config::from("/openapi.json").try_it_out_enabled(true).display_request_duration(true));
    let (files, slash) = (Arc::clone(&config), Arc::clone(&config));
    Router::new()
        .route(
            "/openapi.json",
            get(async move || ([(header::CONTENT_TYPE, "application/json")], api.to_string())),
        )
        .route("/docs", get(async move || page(config)))
        .route("/docs/", get(async move || page(slash)))
        .route("/docs/{*file}", get(async move |Path(name): Path<String>| file(&name, files)))
}

/// The page itself, answered without a redirect; its links are relative to `/docs/`.
fn page(config: Arc<Config<'static>>) -> Response {
    match serve("index.html", config) {
        Ok(Some(file)) => {
            let html = String::from_utf8_lossy(&file.bytes);
            Html(html.replacen("<head>", "<head>\n    <base href=\"/docs/\" />", 1)).into_response()
        }
        _ => Problem::no_such_path().into_response(),
    }
}

fn file(name: &str, config: Arc<Config<'static>>) -> Response {
    match serve(name, config) {
        Ok(Some(file)) if file.gzpipped => {
            let headers =
                [(header::CONTENT_TYPE, file.content_type), (header::CONTENT_ENCODING, "gzip".into())];
            (headers, file.bytes.into_owned()).into_response()
        }
        Ok(Some(file)) => {
            ([(header::CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response()
        }
        _ => Problem::no_such_path().into_response(),
    }
}
