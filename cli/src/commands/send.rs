//! A delivery as a provider of webhooks sends it, for trying out routes.

mod target;

use std::path::PathBuf;
use std::time::Duration;

use chrono::Utc;
use clap::{Args, ValueHint};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};
use signalbox_webhooks::{Outgoing, Provider, samples, write};
use uuid::Uuid;

use super::{LookArgs, Run, publish, traced};
use crate::api::{Answer, Api, address};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::route_files;
use crate::text::{Cell, Details, Table};
use target::Target;

/// Send a webhook as its provider does, to try out routes
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox send --list
  signalbox send github.push
  signalbox send github.pull_request --json
  signalbox send github.push --data @push.json
  GITHUB_SECRET=hush signalbox send github.push --sign --secret-env GITHUB_SECRET

SOURCE is a source that the route files declare, `payments.invoice.paid`, or the name of a provider: of its only source,
or, for github, of POST /webhook/github. --sign takes the first secret of the source that can be read here, if
--secret-env names none. Without --sign the delivery is not signed, and a source refuses it with 401.")]
pub struct Send {
    /// What to send: a source or a provider, a dot, and what has happened
    #[arg(value_name = "SOURCE.EVENT", value_hint = ValueHint::Other, required_unless_present = "list")]
    what: Option<String>,

    /// List the samples that there are
    #[arg(long)]
    list: bool,

    /// The body to send instead of the sample: JSON, @FILE or - for standard input
    #[arg(long, value_name = "DATA", value_hint = ValueHint::FilePath)]
    data: Option<String>,

    /// Id of the delivery; the same again has no second effect. A fresh one, if it is not given
    #[arg(long, value_name = "ID", value_hint = ValueHint::Other)]
    id: Option<String>,

    /// Sign it
    #[arg(long)]
    sign: bool,

    /// The variable that has the secret to sign with
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Other, requires = "sign")]
    secret_env: Option<String>,

    /// Send it there, instead of to the source's own path
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, value_parser = address)]
    to: Option<Url>,

    /// Folder or file with the routes that declare the source
    #[arg(long, default_value = route_files::FOLDER, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    routes: PathBuf,

    /// Wait so long for what comes of it; whole seconds
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = humantime::parse_duration)]
    wait: Duration,

    #[command(flatten)]
    look: LookArgs,
}

impl Run for Send {
    fn output(&self) -> Output {
        self.look.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let Some(what) = self.what.as_deref().filter(|_| !self.list) else { return self.list() };
        let (target, event) = Target::find(what, &self.routes, self.to.is_some())?;
        let outgoing = self.outgoing(&target, event)?;
        let answer = self.send(&target, outgoing).await?;
        self.look.output.show(&traced(&answer), || text(what, &answer))?;
        Ok(if answer.is_pending() { Exit::Pending } else { Exit::Done })
    }
}

impl Send {
    fn list(&self) -> Result<Exit, Failure> {
        let samples = || Provider::NAMES.iter().flat_map(|provider| samples(provider));
        let values: Vec<Value> =
            samples().map(|sample| json!({ "provider": sample.provider, "event": sample.name() })).collect();
        self.look.output.show(&values, || {
            let mut table = Table::new(["provider", "event"]);
            samples().for_each(|sample| table.row([Cell::from(sample.provider), Cell::from(sample.name())]));
            table.to_string()
        })?;
        Ok(Exit::Done)
    }

    fn outgoing(&self, target: &Target, event: &str) -> Result<Outgoing, Failure> {
        let provider = &target.provider;
        let secret = if self.sign { Some(target.secret(self.secret_env.as_deref())?) } else { None };
        let data = self.data.as_deref().map(publish::read).transpose()?;
        let id = self.id.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
        let outgoing = write(provider, event, data, &id, secret.as_deref(), Utc::now());
        let outgoing = outgoing.map_err(|why| {
            Failure::other(Exit::Usage, format!("this secret cannot sign for `{}`: {why}", provider.name()))
        })?;
        outgoing.ok_or_else(|| {
            let names: Vec<_> = samples(provider.name()).map(|sample| sample.name()).collect();
            let detail = format!("there is no sample of `{event}` of `{}`", provider.name());
            Failure::other(Exit::Usage, detail)
                .with_tip(format!("there are {}; --data has any other", names.join(", ")))
        })
    }

    async fn send(&self, target: &Target, outgoing: Outgoing) -> Result<Answer, Failure> {
        let (api, path) = match &self.to {
            Some(url) => (Api::new(&self.look.api.elsewhere(url))?, Vec::new()),
            None => (Api::new(&self.look.api)?, target.path()),
        };
        let call = api.call(Method::POST, &path)?;
        let call = match self.wait.as_secs() {
            0 => call,
            seconds => call.header("Prefer", format!("wait={seconds}")),
        };
        let headers = |call: RequestBuilder, (name, value): (String, String)| call.header(name, value);
        Ok(api.send(outgoing.headers.into_iter().fold(call, headers).body(outgoing.body)).await?)
    }
}

fn text(what: &str, answer: &Answer) -> String {
    let status = answer.text("status");
    let event_id = answer.text("event_id");
    let details = Details::of(if status.is_empty() { "answered" } else { status }, what)
        .with("event", event_id)
        .with("why", answer.text("detail"));
    let details = match event_id {
        "" => details.with("answer", answer.body.to_string()),
        id => details.with("look", format!("signalbox events show {id}")),
    };
    let effects = answer.body["workflows"].as_array().map(Vec::as_slice).unwrap_or_default();
    if effects.is_empty() {
        let nobody = status == "processed";
        return if nobody { details.with("matched", "no route").to_string() } else { details.to_string() };
    }
    let mut table = Table::new(["result", "route", "workflow", "detail"]);
    for effect in effects {
        let field = |name: &str| effect[name].as_str().unwrap_or_default();
        let about = if field("workflow_id").is_empty() { field("target") } else { field("workflow_id") };
        table.row([
            Cell::status(field("result")),
            Cell::from(field("route")),
            Cell::from(about),
            Cell::from(field("detail")),
        ]);
    }
    format!("{details}\n\n{table}")
}
