//! Schedules.

mod args;
mod shown;

use clap::Subcommand;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

pub use args::{Backfill, Change, Create, Delete, Describe, List, Pause, Resume, Trigger};

use super::{CallArgs, LookArgs, Run};
use crate::api::{Answer, Api, ApiError};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::watch::{Sight, WatchArgs};

/// The family of endpoints.
const PATH: &str = "schedule-workflow";

/// Start workflows again and again
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
}

impl Run for Schedule {
    fn output(&self) -> Output {
        match self {
            Self::List(List { look, .. }) | Self::Describe(Describe { look, .. }) => look.output,
            Self::Create(Create { call, .. })
            | Self::Change(Change { call, .. })
            | Self::Pause(Pause { call, .. })
            | Self::Resume(Resume { call, .. })
            | Self::Trigger(Trigger { call, .. })
            | Self::Backfill(Backfill { call, .. })
            | Self::Delete(Delete { call, .. }) => call.look.output,
        }
    }

    async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::List(List { watch, look }) => see(watch, &look, &[PATH], shown::list).await,
            Self::Describe(Describe { schedule_id, watch, look }) => {
                see(watch, &look, &[PATH, schedule_id.as_str()], shown::one).await
            }
            Self::Create(args) => {
                let when = [("cron", args.cron), ("name", args.name), ("time_zone", args.time_zone)];
                call(&args.call, Method::POST, &[args.schedule_id.as_str()], &when).await
            }
            Self::Change(args) => {
                let when = [("cron", args.cron), ("name", args.name), ("time_zone", args.time_zone)];
                let given: Vec<_> =
                    when.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                call(&args.call, Method::PUT, &[args.schedule_id.as_str()], &given).await
            }
            Self::Pause(args) => {
                let note = [("note", args.note)];
                call(&args.call, Method::POST, &[args.schedule_id.as_str(), "pause"], &note).await
            }
            Self::Resume(args) => {
                call(&args.call, Method::POST, &[args.schedule_id.as_str(), "resume"], &[]).await
            }
            Self::Trigger(args) => {
                call(&args.call, Method::POST, &[args.schedule_id.as_str(), "trigger"], &[]).await
            }
            Self::Backfill(args) => {
                let span = [("from", args.from.to_rfc3339()), ("to", args.to.to_rfc3339())];
                call(&args.call, Method::POST, &[args.schedule_id.as_str(), "backfill"], &span).await
            }
            Self::Delete(args) => call(&args.call, Method::DELETE, &[args.schedule_id.as_str()], &[]).await,
        }
    }
}

async fn see(
    watch: WatchArgs,
    look: &LookArgs,
    path: &[&str],
    text: fn(&Value) -> String,
) -> Result<Exit, Failure> {
    let api = Api::new(&look.api);
    let sight = async || {
        let Answer { body, .. } = api.get(path).await?;
        Ok(Sight { text: text(&body), value: body, last: false })
    };
    watch.run(look.output, sight).await
}

async fn call(
    args: &CallArgs,
    method: Method,
    path: &[&str],
    query: &[(&str, String)],
) -> Result<Exit, Failure> {
    let api = Api::new(&args.look.api);
    let answer = args.send(&api, request(&api, method, path)?.query(query)).await?;
    args.look.output.show(&answer.body, || shown::one(&answer.body))?;
    Ok(Exit::Done)
}

fn request(api: &Api, method: Method, path: &[&str]) -> Result<RequestBuilder, ApiError> {
    api.call(method, &[&[PATH], path].concat())
}
