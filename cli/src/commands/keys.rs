//! API keys: who may call the HTTP API, and for what.

mod args;
mod shown;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;
use serde_json::json;
use signalbox_bus::Table;
use signalbox_ingress::ApiKey;
use signalbox_proto::v1;
use signalbox_service::NatsArgs;
use signalbox_telemetry::Chain;

pub use args::{Create, List, Revoke, Show};

use super::Run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::nats;
use crate::output::Output;

/// Make API keys, look at them, and revoke them
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  signalbox keys create 'the shop' --action events:publish --subject 'events.shop.>'
  signalbox keys list
  signalbox keys revoke 0123456789ab

Keys are in NATS: whoever may write there may make one. A key is told once, and kept as a hash.")]
pub enum Keys {
    Create(Create),
    List(List),
    Show(Show),
    Revoke(Revoke),
}

impl Run for Keys {
    fn output(&self) -> Output {
        match self {
            Self::Create(Create { output, .. })
            | Self::List(List { output, .. })
            | Self::Show(Show { output, .. })
            | Self::Revoke(Revoke { output, .. }) => *output,
        }
    }

    async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Create(create) => create.run().await,
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Revoke(revoke) => revoke.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> Result<Exit, Failure> {
        let now = Utc::now();
        let end = self.expires.map(|after| end(now, after)).transpose()?;
        let table = open(&self.nats).await?;
        let (key, text) = ApiKey::generate(self.name, self.grant.into(), now, end)
            .map_err(|error| Failure::other(Exit::Failed, format!("no random numbers: {error}")))?;
        // Ids are random; one that is taken is somebody else's.
        if !table.create(&key.id, &(&key).into()).await? {
            return Err(Failure::other(Exit::Failed, "the new id is taken; try again"));
        }
        let mut value = shown::value(&key, now);
        value["key"] = text.expose().into();
        self.output.show(&value, || shown::created(&key, text.expose(), now))?;
        Ok(Exit::Done)
    }
}

impl List {
    async fn run(self) -> Result<Exit, Failure> {
        let now = Utc::now();
        let mut keys = Vec::new();
        for wire in open(&self.nats).await?.all().await? {
            keys.push(readable(wire)?);
        }
        keys.sort_by_key(|key| key.created_at);
        let values: Vec<_> = keys.iter().map(|key| shown::value(key, now)).collect();
        self.output.show(&json!({ "keys": values }), || shown::list(&keys, now))?;
        Ok(Exit::Done)
    }
}

impl Show {
    async fn run(self) -> Result<Exit, Failure> {
        let now = Utc::now();
        let wire = open(&self.nats).await?.get(&self.id).await?.ok_or_else(|| not_found(&self.id))?;
        let key = readable(wire)?;
        self.output.show(&shown::value(&key, now), || shown::one(&key, now))?;
        Ok(Exit::Done)
    }
}

impl Revoke {
    async fn run(self) -> Result<Exit, Failure> {
        let table = open(&self.nats).await?;
        table.get(&self.id).await?.ok_or_else(|| not_found(&self.id))?;
        table.remove(&self.id).await?;
        self.output.show(&json!({ "id": self.id, "status": "revoked" }), || shown::revoked(&self.id))?;
        Ok(Exit::Done)
    }
}

async fn open(args: &NatsArgs) -> Result<Table<v1::ApiKey>, Failure> {
    let bus = nats::connect(args).await?;
    Ok(bus.api_keys().await?)
}

fn readable(wire: v1::ApiKey) -> Result<ApiKey, Failure> {
    ApiKey::try_from(wire).map_err(|error| Failure::other(Exit::Failed, Chain(&error).to_string()))
}

fn end(now: DateTime<Utc>, after: std::time::Duration) -> Result<DateTime<Utc>, Failure> {
    let end = TimeDelta::from_std(after).ok().and_then(|after| now.checked_add_signed(after));
    end.ok_or_else(|| Failure::other(Exit::Usage, "--expires is further ahead than time goes"))
}

fn not_found(id: &str) -> Failure {
    Failure::other(Exit::NotFound, format!("there is no key {id}, or no more"))
        .with_tip("`signalbox keys list` lists them")
}
