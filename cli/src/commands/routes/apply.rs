use std::path::PathBuf;

use chrono::Utc;
use clap::{Args, ValueHint};
use signalbox_bus::{RouteSets, StoreError};
use signalbox_domain::wire_time;
use signalbox_proto::v1::WantedRoutes;
use signalbox_service::NatsArgs;

use super::wait::{Taken, WaitArgs, taken};
use super::{checked, open};
use crate::commands::Run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::route_files::FOLDER;
use crate::text::Details;

/// The longest that is kept of a name or a note, in bytes.
const LONGEST: usize = 500;

/// Run the routes of a folder from the next event on
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox apply
  signalbox apply routes --note 'refunds, too'
  signalbox apply --wait=30s --json

Events that were matched before keep the routes that they had.
`signalbox rollback` goes back.")]
pub struct Apply {
    /// Folder with route files (*.yaml)
    #[arg(env = "SIGNALBOX_ROUTES", default_value = FOLDER, value_hint = ValueHint::DirPath)]
    folder: PathBuf,

    #[command(flatten)]
    by: ByArgs,

    #[command(flatten)]
    wait: WaitArgs,

    #[command(flatten)]
    nats: NatsArgs,

    #[command(flatten)]
    output: Output,
}

/// Who changes the routes, and why.
#[derive(Clone, Debug, Args)]
pub struct ByArgs {
    /// Why, for those who look later
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true,
          value_hint = ValueHint::Other, value_parser = words)]
    pub note: String,

    /// Who applies it
    #[arg(long, env = "USER", hide_env_values = true, value_name = "NAME", default_value = "cli",
          value_hint = ValueHint::Username, value_parser = words)]
    by: String,
}

impl Run for Apply {
    fn output(&self) -> Output {
        self.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let (set, files) = checked(&self.folder)?;
        let sets = open(&self.nats).await?;
        sets.store(set.version(), &files).await.map_err(|error| match error {
            StoreError::TooLarge { .. } => Failure::other(Exit::Refused, error.to_string())
                .with_tip("`max_payload` in the configuration of nats-server sets the limit"),
            StoreError::Bus(error) => error.into(),
        })?;
        let (number, taken) = want(&sets, set.version(), &self.by, self.wait).await?;
        self.output.show(&taken.value(set.version(), number), || {
            let details = Details::of(taken.word(), set.version());
            details.with("routes", set.len().to_string()).with("what", taken.detail()).to_string()
        })?;
        Ok(taken.exit())
    }
}

/// Says that a set that is stored is wanted. Tells the number of the change, and what became of it.
pub async fn want(
    sets: &RouteSets,
    version: &str,
    by: &ByArgs,
    wait: WaitArgs,
) -> Result<(u64, Taken), Failure> {
    let wanted = |before: WantedRoutes| WantedRoutes {
        version: version.to_owned(),
        applied_at: Some(wire_time(Utc::now())),
        applied_by: by.by.clone(),
        note: by.note.clone(),
        folder_version: before.folder_version,
    };
    let number = sets.want(wanted).await?;
    Ok((number, taken(sets, number, wait.wait).await?))
}

fn words(text: &str) -> Result<String, String> {
    if text.len() > LONGEST {
        return Err(format!("at most {LONGEST} bytes are kept"));
    }
    match text.chars().any(char::is_control) {
        true => Err("it is one line, without control characters".to_owned()),
        false => Ok(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_one_line() {
        assert_eq!(words(" why \u{e9}").unwrap(), "why \u{e9}");
        assert!(words("a\nb").is_err() && words(&"x".repeat(LONGEST + 1)).is_err());
    }
}
