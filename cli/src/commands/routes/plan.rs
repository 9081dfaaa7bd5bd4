use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use clap::{Args, ValueHint};
use serde_json::json;
use signalbox_service::NatsArgs;

use super::diff::Difference;
use super::{checked, open, running};
use crate::commands::Run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::route_files::FOLDER;
use crate::text::{BOLD, Cell, DIM};

/// Tell what the routes of a folder would change, and change nothing
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox plan
  signalbox plan routes
  signalbox plan --json

`signalbox apply` makes it so.")]
pub struct Plan {
    /// Folder with route files (*.yaml)
    #[arg(env = "SIGNALBOX_ROUTES", default_value = FOLDER, value_hint = ValueHint::DirPath)]
    folder: PathBuf,

    #[command(flatten)]
    nats: NatsArgs,

    #[command(flatten)]
    output: Output,
}

impl Run for Plan {
    fn output(&self) -> Output {
        self.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let (set, files) = checked(&self.folder)?;
        let sets = open(&self.nats).await?;
        let (running, ran) = running(&sets).await?;
        let difference = Difference::between(&ran.unwrap_or_default(), &files);
        let same = running.as_deref() == Some(set.version());
        let value = json!({
            "running": running, "version": set.version(), "changes": !same,
            "added": difference.added, "removed": difference.removed, "changed": difference.changed,
            "diff": difference.text,
        });
        self.output.show(&value, || text(&difference, running.as_deref(), set.version()))?;
        Ok(Exit::Done)
    }
}

fn text(difference: &Difference, running: Option<&str>, version: &str) -> String {
    let mut said = match running {
        Some(running) if running == version => return format!("{version} runs; nothing would change."),
        Some(running) => format!("{running} runs; {version} would."),
        None => format!("Nothing runs yet; {version} would."),
    };
    let (green, red) = (AnsiColor::Green.on_default(), AnsiColor::Red.on_default());
    let kinds = [
        ("+", green, &difference.added),
        ("~", AnsiColor::Yellow.on_default(), &difference.changed),
        ("-", red, &difference.removed),
    ];
    said.push('\n');
    for (sign, style, names) in kinds {
        for name in names {
            said += &format!("\n{} {}", Cell::new(style, sign), Cell::from(name));
        }
    }
    if difference.is_of_text_only() {
        said += "\nNo route changes; what stands around them does.";
    }
    said.push('\n');
    for line in difference.text.lines() {
        let style = match line.as_bytes() {
            [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => BOLD,
            [b'+', ..] => green,
            [b'-', ..] => red,
            [b'@', ..] => DIM,
            _ => Style::new(),
        };
        said += &format!("\n{}", Cell::new(style, line));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_changes_first() {
        let difference = Difference {
            added: vec!["paid".into()],
            removed: vec!["old".into()],
            changed: vec!["lab".into()],
            text: "--- a.yaml\n+++ a.yaml\n@@ -1 +1 @@\n-a\n+b\n".into(),
        };
        let told = anstream::adapter::strip_str(&text(&difference, Some("v1"), "v2")).to_string();
        insta::assert_snapshot!(told, @r"
        v1 runs; v2 would.

        + paid
        ~ lab
        - old

        --- a.yaml
        +++ a.yaml
        @@ -1 +1 @@
        -a
        +b
        ");
        assert_eq!(text(&difference, Some("v2"), "v2"), "v2 runs; nothing would change.");
    }
}
