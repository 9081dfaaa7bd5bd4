//! Interactive documentation, made from the code; nothing is fetched from elsewhere.

mod declared;
mod references;
mod schedules;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::header,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde_json::{Map, Value};
use signalbox_proto::v1::RouteFiles;
use signalbox_routing::RouteSet;
use tokio::time::timeout;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, serve};

use crate::{
    app::{App, Running},
    extract::Path,
    problem::{self, Problem},
};

/// The page about codes, which the `type` of a problem links to.
const ERRORS: &str = include_str!("../../../../docs/errors.md");

/// How long the routes that run may take to be read; without them, the document is told without what they declare.
const ROUTES_WITHIN: Duration = Duration::from_secs(2);

/// `/openapi.json` and `/docs`.
pub fn router(api: &OpenApi) -> Router<Arc<App>> {
    let document = Arc::new(Document { general: document(api), last: Mutex::default() });
    let config =
        Arc::new(Config::from("/openapi.json").try_it_out_enabled(true).display_request_duration(true));
    let (files, slash) = (Arc::clone(&config), Arc::clone(&config));
    Router::new()
        .route(
            "/openapi.json",
            get(async move |State(app): State<Arc<App>>| {
                ([(header::CONTENT_TYPE, "application/json")], document.of(&app).await.to_string())
            }),
        )
        .route(
            "/docs/errors.md",
            get(async || ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], ERRORS)),
        )
        .route("/docs", get(async move || page(config)))
        .route("/docs/", get(async move || page(slash)))
        .route("/docs/{*file}", get(async move |Path(name): Path<String>| file(&name, files)))
}

/// The document, and that of the routes that ran when it was asked for last.
struct Document {
    general: Value,
    last: Mutex<Option<(String, Arc<str>)>>,
}

impl Document {
    /// The document for the routes that run now.
    async fn of(&self, app: &App) -> Arc<str> {
        let files = timeout(ROUTES_WITHIN, app.running_routes(self.version().as_deref())).await;
        match files {
            Ok(Ok(Running::Same)) => self.last().unwrap_or_else(|| self.general.to_string().into()),
            Ok(Ok(Running::Set(version, files))) => self.learn(version, files),
            Ok(Ok(Running::None)) | Ok(Err(_)) | Err(_) => self.general.to_string().into(),
        }
    }

    fn learn(&self, version: String, files: RouteFiles) -> Arc<str> {
        let mut document = self.general.clone();
        // The router has checked them: what cannot be read here is of a newer version.
        if let Ok(routes) = RouteSet::load(files.files.into_iter().map(|file| (file.name, file.text))) {
            declared::add(&routes, &mut document);
        }
        let text: Arc<str> = document.to_string().into();
        *self.lock() = Some((version, Arc::clone(&text)));
        text
    }

    fn version(&self) -> Option<String> {
        self.lock().as_ref().map(|(version, _)| version.clone())
    }

    fn last(&self) -> Option<Arc<str>> {
        self.lock().as_ref().map(|(_, text)| Arc::clone(text))
    }

    fn lock(&self) -> MutexGuard<'_, Option<(String, Arc<str>)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The document. Refusals get the media type that they are sent with.
fn document(api: &OpenApi) -> Value {
    let mut api = serde_json::to_value(api).unwrap_or_default();
    let paths = api.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        let operations = item.as_object_mut().into_iter().flatten().map(|(_, operation)| operation);
        let responses = operations.filter_map(|operation| operation.get_mut("responses")?.as_object_mut());
        let contents =
            responses.flatten().filter_map(|(_, response)| response.get_mut("content")?.as_object_mut());
        contents.for_each(|content| refusal_as_its_path_has_it(path, content));
    }
    schedules::add(&mut api);
    api
}

fn refusal_as_its_path_has_it(path: &str, content: &mut Map<String, Value>) {
    let refuses = |of: &Value| of["schema"]["$ref"] == "#/components/schemas/ProblemBody";
    if content.get("application/json").is_some_and(refuses)
        && let Some(of) = content.remove("application/json")
    {
        content.insert(problem::media_type(path).to_owned(), of);
    }
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
