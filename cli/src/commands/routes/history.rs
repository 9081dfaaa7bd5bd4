//! What ran, and the files of it.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueHint};
use serde_json::{Value, json};
use signalbox_domain::{TimelineExt, time as of_wire};
use signalbox_proto::v1::{RouteFiles, RoutePeriod};
use signalbox_service::NatsArgs;

use super::standing::{Known, Standing};
use super::version::Version;
use super::{kept, open};
use crate::commands::Run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::text::{self, BOLD, Cell, Table, time};

/// Look at the routes that run and ran, and who applied them
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  signalbox routes
  signalbox routes list --json
  signalbox routes show"
)]
pub struct Routes {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List what ran, from which event on, and who applied it when
    List(List),
    /// Print the route files of a version
    Show(Show),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox routes list
  signalbox routes list --limit 3
  signalbox routes list --json")]
struct List {
    /// At most so many, the latest; no more than 200 are kept
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,

    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox routes show
  signalbox routes show --json")]
struct Show {
    /// The version, or how it begins; the one that runs, if it is not given
    #[arg(value_hint = ValueHint::Other)]
    version: Option<Version>,
    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    output: Output,
}

impl Run for Routes {
    fn output(&self) -> Output {
        match &self.what {
            Some(What::Show(show)) => show.output,
            Some(What::List(list)) => list.output,
            None => self.list.output,
        }
    }

    async fn run(self) -> Result<Exit, Failure> {
        match self.what {
            Some(What::Show(show)) => show.run().await,
            Some(What::List(list)) => list.run().await,
            None => self.list.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<Exit, Failure> {
        let sets = open(&self.nats).await?;
        let known = Known::read(&sets).await?;
        let limit = self.limit.into();
        self.output.show(&listed(&known, limit), || told(&known, limit, Utc::now()))?;
        Ok(Exit::Done)
    }
}

impl Show {
    async fn run(self) -> Result<Exit, Failure> {
        let sets = open(&self.nats).await?;
        let known = Known::read(&sets).await?;
        let version = match (&self.version, known.timeline.running()) {
            (Some(version), _) => version.resolve(&known.timeline, &known.wanted.value)?,
            (None, Some(period)) => period.version.clone(),
            (None, None) => return Err(Failure::other(Exit::NotFound, "no routes run yet")),
        };
        let files = kept(&sets, &version).await?;
        let each = files.files.iter().map(|file| json!({ "name": file.name, "text": file.text }));
        let value = json!({ "version": version, "files": each.collect::<Vec<_>>() });
        self.output.show(&value, || printed(&files))?;
        Ok(Exit::Done)
    }
}

fn printed(files: &RouteFiles) -> String {
    let file = |file: &signalbox_proto::v1::RouteFile| {
        let title = Cell::new(BOLD, format!("# {}", file.name));
        format!("{title}\n{}", text::lines(&file.text))
    };
    files.files.iter().map(file).collect::<Vec<_>>().join("\n\n")
}

fn applied_at(period: &RoutePeriod) -> Option<DateTime<Utc>> {
    period.applied_at.and_then(of_wire)
}

fn listed(known: &Known, limit: usize) -> Value {
    let period = |period: &RoutePeriod| {
        json!({
            "version": period.version, "from_sequence": period.from_sequence, "applied_by": period.applied_by,
            "applied_at": applied_at(period).map(|at| at.to_rfc3339()), "note": period.note,
            "change": period.change,
        })
    };
    let standing = known.standing();
    let wanted = (standing != Standing::Nothing).then(|| {
        json!({
            "version": known.wanted.value.version, "status": standing.word(), "detail": standing.detail(),
            "applied_by": known.wanted.value.applied_by, "change": known.wanted.revision,
        })
    });
    json!({
        "running": known.timeline.running().map(|period| period.version.as_str()), "wanted": wanted,
        "periods": known.timeline.periods.iter().rev().take(limit).map(period).collect::<Vec<_>>(),
    })
}

fn told(known: &Known, limit: usize, now: DateTime<Utc>) -> String {
    let mut table = Table::new(["VERSION", "STATUS", "FROM EVENT", "APPLIED", "BY", "NOTE"]);
    for (n, period) in known.timeline.periods.iter().rev().take(limit).enumerate() {
        let at = applied_at(period);
        let at = at.map(|at| format!("{} ({})", time::local(at, now), time::relative(at, now)));
        table.row([
            (&period.version).into(),
            Cell::status(if n == 0 { "running" } else { "" }),
            period.from_sequence.to_string().into(),
            at.unwrap_or_default().into(),
            (&period.applied_by).into(),
            (&period.note).into(),
        ]);
    }
    let table = match known.timeline.periods.is_empty() {
        true => "No routes run yet; `signalbox apply` applies those of a folder.".to_owned(),
        false => table.to_string(),
    };
    let (standing, version) = (known.standing(), &known.wanted.value.version);
    match standing {
        Standing::Runs | Standing::Nothing => table,
        Standing::Pending => format!("{table}\n\n{version} is wanted; no router has taken it up yet."),
        Standing::Refused(why) => {
            let status = Cell::status("refused");
            format!("{table}\n\n{version} is wanted, and {status}:\n{}", text::lines(&why))
        }
    }
}

#[cfg(test)]
mod tests {
    use signalbox_bus::Revised;
    use signalbox_proto::v1::{RouteTimeline, WantedRoutes};

    use super::*;

    fn known(wanted: &str) -> Known {
        let period = |version: &str, from_sequence, by: &str, note: &str| RoutePeriod {
            version: version.into(),
            from_sequence,
            applied_by: by.into(),
            note: note.into(),
            ..Default::default()
        };
        Known {
            timeline: RouteTimeline {
                periods: vec![period("00aa", 1, "folder", ""), period("00bb", 8, "ada", "refunds")],
                ..Default::default()
            },
            wanted: Revised {
                revision: 3,
                value: WantedRoutes { version: wanted.into(), ..Default::default() },
            },
            ..Default::default()
        }
    }

    #[test]
    fn the_latest_stands_first_and_what_is_wanted_last() {
        let plain = |known: &Known| anstream::adapter::strip_str(&told(known, 20, Utc::now())).to_string();
        insta::assert_snapshot!(plain(&known("00bb")), @r"
        VERSION  STATUS   FROM EVENT  APPLIED  BY      NOTE
        00bb     running  8                    ada     refunds
        00aa              1                    folder
        ");
        assert!(plain(&known("00cc")).ends_with("\n\n00cc is wanted; no router has taken it up yet."));
        assert!(plain(&Known::default()).contains("signalbox apply"));
        let value = listed(&known("00cc"), 1);
        assert_eq!((&value["running"], &value["wanted"]["status"]), (&json!("00bb"), &json!("pending")));
        assert_eq!(value["periods"].as_array().unwrap().len(), 1);
    }
}
