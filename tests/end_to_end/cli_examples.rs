//! Every example of every command's help, as it stands there.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Stdio,
};

use signalbox_testkit::{Stack, descendants, root};
use tokio::{io::AsyncReadExt, time::timeout};

use crate::{
    SIGNALBOX, SOON,
    cli::{Cli, told},
    shared,
};

/// Commands whose examples are not typed here, and why.
const EXCEPT: [(&str, &str); 4] = [
    ("dead", "tests/end_to_end/dead_letters/cli.rs types them where letters are its own"),
    ("keys", "tests/end_to_end/auth.rs types them with a key of its own"),
    ("up", "tests/end_to_end/up.rs starts stacks of its own"),
    ("serve", "the stack of every test is started with it"),
];

/// The help of a command.
async fn help(cli: &Cli, command: &[String]) -> String {
    let told = told(cli.program(SIGNALBOX).args(command).arg("--help")).await;
    assert_eq!(told.code, 0, "{command:?}: {told:?}");
    told.stdout
}

/// The names below `Commands:`.
fn subcommands(help: &str) -> Vec<String> {
    let lines =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A description that is long goes on further to the right.
    let names =
        lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The lines below `Examples:`, without what is said of them.
fn examples(help: &str) -> Vec<String> {
    let lines =
        help.lines().skip_while(|line| *line != "Examples:").skip(1).take_while(|line| !line.is_empty());
    lines.map(|line| line.trim().split("   ").next().unwrap_or_default().to_owned()).collect()
}

/// All commands that have no commands of their own, and the root, in the order of the help.
async fn commands(cli: &Cli) -> Vec<(Vec<String>, Vec<String>)> {
    let mut found = Vec::new();
    let mut left = vec![Vec::new()];
    while let Some(command) = left.pop() {
        let help = help(cli, &command).await;
        let below = subcommands(&help);
        let examples = examples(&help);
        if below.is_empty() || !examples.is_empty() {
            found.push((command.clone(), examples));
        }
        let below = below
            .into_iter()
            .filter(|name| !(command.is_empty() && EXCEPT.iter().any(|(except, _)| except == name)));
        left.extend(below.rev_names(&command));
    }
    found
}

trait RevNames {
    fn rev_names(self, command: &[String]) -> Vec<Vec<String>>;
}

impl<I: Iterator<Item = String>> RevNames for I {
    /// The last first: what is pushed last is taken first.
    fn rev_names(self, command: &[String]) -> Vec<Vec<String>> {
        let mut names: Vec<_> = self.map(|name| [command, &[name]].concat()).collect();
        names.reverse();
        names
    }
}

/// Makes what an example takes for granted.
async fn prepare(cli: &Cli, folder: &Path, line: &str) {
    let words: Vec<_> = line.split_whitespace().collect();
    match words[..] {
        ["signalbox", "trigger", id, ..] => {
            cli.run(&["stop", id]).await;
            cli.run(&["result", id]).await;
        }
        ["signalbox", "signal" | "stop" | "query" | "describe" | "result", id, ..] => {
            cli.run(&["trigger", id]).await;
            if words[1] == "result" {
                cli.run(&["stop", id]).await;
            }
        }
        ["signalbox", "replay", "--event", id, ..] => {
            cli.run(&["trigger", "ada"]).await;
            cli.run(&["publish", "events.lab.message.ada", r#"{"message": "hi"}"#, "--id", id, "--wait"])
                .await;
        }
        ["signalbox", "learn", "--on", ..] => {
            cli.run(&["publish", "events.lab.trigger.ada", r#"{"name": "Ada"}"#]).await;
        }
        // The stack is shared: what other examples have written into the folder is not to run.
        ["signalbox", "plan" | "apply", ..] => {
            fs::remove_dir_all(folder.join("routes")).unwrap();
            copy(&root().join("routes"), &folder.join("routes"));
        }
        // So that there is something to go back from: the routes that run, and one more.
        ["signalbox", "rollback", ..] => {
            cli.run(&["apply", one_route_more(folder).to_str().unwrap()]).await;
        }
        _ if line.contains("events.lab.message.ada") || line.contains("events.lab.stop.ada") => {
            cli.run(&["trigger", "ada"]).await;
        }
        _ => {}
    }
}

fn one_route_more(folder: &Path) -> PathBuf {
    let more = folder.join("more");
    copy(&root().join("routes"), &more);
    let route = "version: 1\nroutes:\n  - name: more\n    on: events.more\n    \
                 cancel: { workflow_id: \"${ event.id }\" }\n";
    fs::write(more.join("more.yaml"), route).unwrap();
    more
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// A terminal in a home of its own, in which `signalbox` is a command and the routes of the stack are in `routes`.
fn terminal(stack: &Stack, home: &Path) -> Cli {
    symlink(SIGNALBOX, home.join("signalbox")).unwrap();
    copy(&root().join("routes"), &home.join("routes"));
    fs::write(home.join("samples.json"), r#"{"order_id": 7, "status": "paid"}"#).unwrap();
    fs::write(home.join("push.json"), r#"{"repository": {"name": "signalbox"}}"#).unwrap();
    fs::create_dir_all(home.join(".zfunc")).unwrap();
    fs::create_dir_all(home.join(".config/fish/completions")).unwrap();
    let path = format!("{}:{}", home.display(), std::env::var("PATH").unwrap());
    Cli::to(stack).with("PATH", path).with("HOME", home.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn readmes_commands_work_as_they_stand() {
    let (stack, _) = shared().await;
    let folder = tempfile::tempdir().unwrap();
    let cli = terminal(&stack, folder.path());
    let readme = include_str!("../../README.md");
    let lines: Vec<_> = readme.lines().filter(|line| line.starts_with("signalbox ")).collect();
    assert!(lines.len() >= 10, "{lines:?}");
    for line in lines {
        run(&cli, folder.path(), line).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_page_about_webhooks_work_as_they_stand() {
    let (stack, _) = shared().await;
    let folder = tempfile::tempdir().unwrap();
    let cli = terminal(&stack, folder.path());
    let page = include_str!("../../docs/reference/webhooks.md");
    let lines: Vec<_> = page.lines().filter(|line| line.starts_with("signalbox ")).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in lines {
        run(&cli, folder.path(), line).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_page_about_replays_work_as_they_stand() {
    let (stack, _) = shared().await;
    let folder = tempfile::tempdir().unwrap();
    let cli = terminal(&stack, folder.path());
    let page = include_str!("../../docs/operations/replay.md");
    let lines: Vec<_> = page.lines().filter(|line| line.starts_with("signalbox ")).collect();
    assert!(lines.len() >= 6, "{lines:?}");
    // Two events, so that a replay of one of them has something to go on with.
    for id in ["before-1", "before-2"] {
        cli.run(&["publish", "events.lab.note", "{}", "--id", id, "--wait"]).await;
    }
    for line in lines {
        run(&cli, folder.path(), line).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_works_as_it_stands() {
    let (stack, _) = shared().await;
    let folder = tempfile::tempdir().unwrap();
    let cli = terminal(&stack, folder.path());

    let mut typed = BTreeMap::new();
    for (command, examples) in commands(&cli).await {
        let name = command.join(" ");
        assert!(!examples.is_empty(), "`signalbox {name}` has no example");
        for line in examples {
            if EXCEPT.iter().any(|(except, _)| line.starts_with(&format!("signalbox {except}"))) {
                continue;
            }
            prepare(&cli, folder.path(), &line).await;
            run(&cli, folder.path(), &line).await;
            *typed.entry(name.clone()).or_insert(0) += 1;
        }
    }
    assert!(typed.len() >= 20, "{typed:?}");
}

/// Types a line into a shell; what goes on until Ctrl-C is ended when it has said something.
async fn run(cli: &Cli, folder: &Path, line: &str) {
    let mut shell = cli.program("bash");
    shell.args(["-o", "pipefail", "-c", line]).current_dir(folder);
    if !line.contains("--watch") {
        let told = told(&mut shell).await;
        assert_eq!(told.code, 0, "{line}: {told:?}");
        return;
    }
    let mut child = shell.stdout(Stdio::piped()).spawn().unwrap();
    let mut first = [0];
    let said = timeout(SOON, child.stdout.as_mut().unwrap().read_exact(&mut first)).await;
    said.unwrap_or_else(|_| panic!("{line}: says nothing")).unwrap();
    // A shell that is killed leaves its children.
    descendants(child.id().unwrap()).iter().for_each(|relative| relative.kill().unwrap());
}
