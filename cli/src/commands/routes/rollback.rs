use clap::{Args, ValueHint};
use signalbox_domain::TimelineExt;
use signalbox_service::NatsArgs;

use super::apply::{ByArgs, want};
use super::standing::Known;
use super::version::Version;
use super::wait::WaitArgs;
use super::{kept, open};
use crate::commands::Run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::text::Details;

/// Run routes again that ran before
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox rollback
  signalbox rollback --note 'refunds were wrong'
  signalbox rollback --wait=30s --json

Twice is back where it was. The folder that the router watches is silent about it until its contents change.")]
pub struct Rollback {
    /// The version, or how it begins; the one that ran before, if it is not given
    #[arg(value_hint = ValueHint::Other)]
    version: Option<Version>,

    #[command(flatten)]
    by: ByArgs,

    #[command(flatten)]
    wait: WaitArgs,

    #[command(flatten)]
    nats: NatsArgs,

    #[command(flatten)]
    output: Output,
}

impl Run for Rollback {
    fn output(&self) -> Output {
        self.output
    }

    async fn run(mut self) -> Result<Exit, Failure> {
        let sets = open(&self.nats).await?;
        let Known { timeline, wanted, .. } = Known::read(&sets).await?;
        let version = match &self.version {
            Some(version) => version.resolve(&timeline, &wanted.value)?,
            None => timeline.before().map(|period| period.version.clone()).ok_or_else(|| {
                Failure::other(Exit::NotFound, "no other routes ran before those that run")
                    .with_tip("`signalbox routes` lists what ran")
            })?,
        };
        let tip = "`signalbox apply` stores them again";
        kept(&sets, &version).await.map_err(|failure| failure.with_tip(tip))?;
        let from = timeline.running().map(|period| period.version.clone()).unwrap_or_default();
        if self.by.note.is_empty() {
            self.by.note = format!("back from {from}");
        }
        let (number, taken) = want(&sets, &version, &self.by, self.wait).await?;
        let mut value = taken.value(&version, number);
        value["before"] = from.as_str().into();
        self.output.show(&value, || {
            let details = Details::of(taken.word(), &version);
            details.with("before", from).with("what", taken.detail()).to_string()
        })?;
        Ok(taken.exit())
    }
}
