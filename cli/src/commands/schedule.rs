//! Schedules.

mod args;
mod entry;
mod preview;
mod shown;

use clap::Subcommand;
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};

pub use args::{Backfill, Change, Create, Delete, Describe, List, Pause, Plan, Resume, Trigger};
use entry::Begins;
pub use preview::Preview;

use super::{CallArgs, LookArgs, Run};
use crate::api::{Answer, Api, ApiError};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::watch::{Sight, WatchArgs};

/// The family of endpoints.
const PATH: &str = "schedules";

/// Start workflows and emit events again and again
#[derive(Debug, Subcommand)]
pub enum Schedule {
    Create(Create),
    List(List),
    Describe(Describe),
    Change(Change),
    Pause(Pause),
    Resume(Resume),
    Trigger(Trigger),
    Backfill(Backfill),
    Delete(Delete),
    Preview(Preview),
    Plan(Plan),
}

impl Run for Schedule {
    fn output(&self) -> Output {
        match self {
            Self::List(List { look, .. })
            | Self::Describe(Describe { look, .. })
            | Self::Plan(Plan { look }) => look.output,
            Self::Create(Create { call, .. })
            | Self::Change(Change { call, .. })
            | Self::Pause(Pause { call, .. })
            | Self::Resume(Resume { call, .. })
            | Self::Trigger(Trigger { call, .. })
            | Self::Backfill(Backfill { call, .. })
            | Self::Delete(Delete { call, .. }) => call.look.output,
            Self::Preview(preview) => preview.output(),
        }
    }

    async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::List(List { watch, look }) => see(watch, &look, &[PATH], shown::list).await,
            Self::Describe(Describe { schedule_id, watch, look }) => {
                see(watch, &look, &[PATH, schedule_id.as_str()], shown::one).await
            }
            Self::Create(args) => create(args).await,
            Self::Change(args) => change(args).await,
            Self::Pause(args) => {
                act(&args.call, &[args.schedule_id.as_str(), "pause"], json!({ "note": args.note })).await
            }
            Self::Resume(args) => act(&args.call, &[args.schedule_id.as_str(), "resume"], json!({})).await,
            Self::Trigger(args) => {
                let body = if args.args.is_empty() { json!({}) } else { json!({ "args": args.args }) };
                act(&args.call, &[args.schedule_id.as_str(), "trigger"], body).await
            }
            Self::Backfill(args) => {
                let span = json!({ "from": args.from.to_rfc3339(), "to": args.to.to_rfc3339() });
                act(&args.call, &[args.schedule_id.as_str(), "backfill"], span).await
            }
            Self::Delete(args) => call(&args.call, Method::DELETE, &[args.schedule_id.as_str()], None).await,
            Self::Preview(preview) => preview.run().await,
            Self::Plan(Plan { look }) => {
                let answer = Api::new(&look.api)?.get(&["schedule-plan"]).await?;
                look.output.show(&answer.body, || shown::plan(&answer.body))?;
                Ok(Exit::Done)
            }
        }
    }
}

async fn create(args: Create) -> Result<Exit, Failure> {
    let mut entry = Map::from_iter([("id".to_owned(), args.schedule_id.as_str().into())]);
    args.times.add_to(&mut entry);
    if !args.times.is_given() {
        entry.insert("cron".to_owned(), "* * * * *".into());
    }
    args.begins.add_to(&mut entry);
    Begins::add_lab_to(&mut entry);
    call(&args.call, Method::POST, &[], Some(entry.into())).await
}

/// What is not given is as it was made.
async fn change(args: Change) -> Result<Exit, Failure> {
    let id = args.schedule_id.as_str();
    let Answer { body, .. } = Api::new(&args.call.look.api)?.get(&[PATH, id]).await?;
    let Some(Value::Object(mut entry)) = body.get("schedule").cloned() else {
        return change_of_lab(&args).await;
    };
    args.times.add_to(&mut entry);
    args.begins.add_to(&mut entry);
    call(&args.call, Method::PUT, &[id], Some(entry.into())).await
}

/// One that the lab's own call made, which keeps no more than this of it.
async fn change_of_lab(args: &Change) -> Result<Exit, Failure> {
    let cron = args.times.cron.first().cloned();
    let given =
        [("cron", cron), ("name", args.begins.name.clone()), ("time_zone", args.times.time_zone.clone())];
    let given: Vec<_> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let api = Api::new(&args.call.look.api)?;
    let request = api.call(Method::PUT, &["schedule-workflow", args.schedule_id.as_str()])?.query(&given);
    tell(&args.call, &api, request).await
}

async fn act(args: &CallArgs, path: &[&str], body: Value) -> Result<Exit, Failure> {
    call(args, Method::POST, path, Some(body)).await
}

async fn see(
    watch: WatchArgs,
    look: &LookArgs,
    path: &[&str],
    text: fn(&Value) -> String,
) -> Result<Exit, Failure> {
    let api = Api::new(&look.api)?;
    let sight = async || {
        let Answer { body, .. } = api.get(path).await?;
        Ok(Sight { text: text(&body), value: body, last: false })
    };
    watch.run(look.output, sight).await
}

async fn call(args: &CallArgs, method: Method, path: &[&str], body: Option<Value>) -> Result<Exit, Failure> {
    let api = Api::new(&args.look.api)?;
    let request = request(&api, method, path)?;
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    tell(args, &api, request).await
}

async fn tell(args: &CallArgs, api: &Api, request: RequestBuilder) -> Result<Exit, Failure> {
    let answer = args.send(api, request).await?;
    args.look.output.show(&answer.body, || shown::one(&answer.body))?;
    Ok(Exit::Done)
}

fn request(api: &Api, method: Method, path: &[&str]) -> Result<RequestBuilder, ApiError> {
    api.call(method, &[&[PATH], path].concat())
}
