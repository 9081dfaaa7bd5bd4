use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::*;
use crate::{NatsArgs, ServiceArgs, TemporalArgs};

#[derive(Debug, Parser)]
#[command(name = "signalbox", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Serve {
        #[command(subcommand)]
        service: Service,
    },
}

#[derive(Debug, Subcommand)]
enum Service {
    Ingress(Ingress),
    Worker(Worker),
}

#[derive(Debug, Args)]
struct Ingress {
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    nats: NatsArgs,
    /// A variable that is surely set when cargo runs the tests.
    #[arg(long, env = "CARGO_PKG_NAME")]
    package: Option<String>,
    #[arg(long)]
    origin: Vec<String>,
    #[arg(long)]
    required: String,
}

#[derive(Debug, Args)]
struct Worker {
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    temporal: TemporalArgs,
}

fn arguments(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn with(file: &str, line: &str) -> Result<Command, ConfigError> {
    let (path, _) = chosen(&Cli::command(), &arguments(line));
    with_file(Cli::command(), &path, file)
}

fn parsed(file: &str, line: &str) -> Service {
    let matches = with(file, line).unwrap().try_get_matches_from(arguments(line)).unwrap();
    let Verb::Serve { service } = Cli::from_arg_matches(&matches).unwrap().verb;
    service
}

fn ingress(file: &str, flags: &str) -> Ingress {
    match parsed(file, &format!("signalbox serve ingress --required x {flags}")) {
        Service::Ingress(ingress) => ingress,
        Service::Worker(_) => panic!("not the ingress"),
    }
}

fn worker(file: &str) -> Worker {
    match parsed(file, "signalbox serve worker") {
        Service::Worker(worker) => worker,
        Service::Ingress(_) => panic!("not the worker"),
    }
}

fn message(file: &str) -> String {
    with(file, "signalbox serve ingress").unwrap_err().to_string()
}

#[test]
fn the_file_gives_what_nobody_else_does() {
    let file = r#"
        nats-url = "nats://file:4222"
        nats-password = "hunter2"
        grace = "3s"
        temporal-tls = true
        [ingress]
        origin = ["a", "b"]
        listen = "127.0.0.1:9"
    "#;
    let ingress = ingress(file, "");
    assert_eq!(ingress.nats.nats_url, "nats://file:4222");
    assert_eq!(ingress.nats.nats_password.unwrap().expose(), "hunter2");
    assert_eq!(ingress.service.grace, std::time::Duration::from_secs(3));
    assert_eq!(ingress.service.listen.unwrap().port(), 9);
    assert_eq!(ingress.origin, ["a", "b"]);
    let worker = worker(file);
    assert!(worker.temporal.temporal_tls);
    assert_eq!(worker.service.listen, None);
    assert_eq!(worker.temporal.temporal_namespace, "default");
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let file = "package = 'file'\ngrace = '3s'";
    assert_eq!(ingress(file, "").package.unwrap(), "signalbox-service");
    assert_eq!(ingress(file, "--package flag").package.unwrap(), "flag");
    assert_eq!(ingress(file, "--grace 4s").service.grace.as_secs(), 4);
}

#[test]
fn a_table_goes_before_the_top() {
    let file = "grace = '3s'\n[ingress]\ngrace = '5s'\n[worker]\ntemporal-namespace = 'lab'";
    assert_eq!(ingress(file, "").service.grace.as_secs(), 5);
    let worker = worker(file);
    assert_eq!(worker.service.grace.as_secs(), 3);
    assert_eq!(worker.temporal.temporal_namespace, "lab");
}

#[test]
fn a_required_flag_may_come_from_the_file() {
    let Service::Ingress(ingress) = parsed("required = 'file'", "signalbox serve ingress") else { panic!() };
    assert_eq!(ingress.required, "file");
}

#[test]
fn a_command_without_subcommands_reads_a_table_of_its_name() {
    let command = Worker::augment_args(Command::new("worker"));
    let command = with_file(command, &[], "grace = '3s'\n[worker]\nlisten = '[::1]:5'").unwrap();
    let matches = command.try_get_matches_from(["worker"]).unwrap();
    assert_eq!(matches.get_one::<std::net::SocketAddr>("listen").unwrap().port(), 5);
}

#[test]
fn all_faults_of_a_file_are_told_at_once() {
    insta::assert_snapshot!(message(
        r#"
        nats_url = "nats://x"
        log-format = "xml"
        grace = 10
        temporal-tls = "yes"
        origin = [["a"]]
        config = "other.toml"
        zzz = 1
        nats-password = ""
        [ingres]
        listen = "x"
        [ingress]
        listen = "here"
        temporal-tls = true
        [worker]
        listne = "x"
        "#), @r"
    unknown key `config`
    unknown table `[ingres]`, did you mean `ingress`?
    unknown key `ingress.temporal-tls`
    unknown key `nats_url`, did you mean `nats-url`?
    unknown key `worker.listne`, did you mean `listen`?
    unknown key `zzz`
    bad value for `grace`: invalid value '10' for '--grace <TIME>': time unit needed, for example 10sec or 10ms
    bad value for `log-format`: invalid value 'xml' for '--log-format <FORMAT>' [possible values: auto, text, json]
    bad value for `nats-password`: invalid value '' for '--nats-password <SECRET>': a secret must not be empty
    bad value for `origin`: must be one value
    bad value for `ingress.listen`: invalid value 'here' for '--listen <ADDRESS:PORT>': invalid socket address syntax
    ");
}

#[test]
fn broken_toml_is_told_by_its_line_without_its_text() {
    let message = message("grace = '3s'\nnats-password = 'hunter2\n");
    assert!(message.starts_with("line 2 is not valid TOML: "), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn help_shows_the_files_values_but_no_secret() {
    let command = with("nats-password = 'hunter2'\ngrace = '7s'", "signalbox serve ingress").unwrap();
    let help =
        command.try_get_matches_from(arguments("signalbox serve ingress --help")).unwrap_err().to_string();
    assert!(help.contains("7s") && !help.contains("hunter2"), "{help}");
}

#[test]
fn nothing_prints_a_secret() {
    let ingress = ingress("nats-password = 'hunter2'\nnats-url = 'nats://me:hunter2@nats'", "");
    assert!(!format!("{ingress:?}").contains("hunter2"), "{ingress:?}");
}

#[test]
fn unknown_variables_are_refused() {
    let environment = |names: &[&str]| -> Vec<(OsString, OsString)> {
        names.iter().map(|name| (OsString::from(name), OsString::from("secret"))).collect()
    };
    let known = environment(&["SIGNALBOX_LISTEN", "SIGNALBOX_LOG", "PATH", "NATS_URLL"]);
    check_environment(&Cli::command(), known).unwrap();
    let unknown = environment(&["SIGNALBOX_LISTN", "SIGNALBOX_GRACE", "SIGNALBOX_XYZ"]);
    let message = check_environment(&Cli::command(), unknown).unwrap_err().to_string();
    assert_eq!(
        message,
        "unknown environment variable `SIGNALBOX_LISTN`, did you mean `SIGNALBOX_LISTEN`?\n\
         unknown environment variable `SIGNALBOX_XYZ`"
    );
}

#[test]
fn prepare_reads_the_chosen_file_and_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signalbox.toml");
    let line = arguments(&format!("signalbox serve worker --config {}", file.display()));
    let missing = prepare(Cli::command(), &line, []).unwrap_err().to_string();
    assert!(missing.starts_with(&format!("{}: cannot be read: ", file.display())), "{missing}");
    std::fs::write(&file, "gracee = '1s'").unwrap();
    let unknown = prepare(Cli::command(), &line, []).unwrap_err().to_string();
    assert_eq!(unknown, format!("{}: unknown key `gracee`, did you mean `grace`?", file.display()));
    std::fs::write(&file, "grace = '1m'").unwrap();
    let command = prepare(Cli::command(), &line, []).unwrap();
    let matches = command.try_get_matches_from(&line).unwrap();
    let (_, worker) = matches.subcommand().unwrap().1.subcommand().unwrap();
    assert_eq!(worker.get_one::<std::time::Duration>("grace").unwrap().as_secs(), 60);
}

#[test]
fn wrong_arguments_are_left_to_the_real_parse() {
    for line in ["signalbox", "signalbox serve ingress --lisen x", "signalbox --help", "signalbox nonsense"] {
        prepare(Cli::command(), &arguments(line), []).unwrap();
    }
}

#[test]
fn a_bad_variable_is_not_blamed_on_the_file() {
    let number = clap::Arg::new("number").long("number").value_parser(clap::value_parser!(u16));
    let command = ServiceArgs::augment_args(Command::new("worker")).arg(number.env("CARGO_PKG_NAME"));
    let command = with_file(command, &[], "grace = '3s'\nnumber = 7").unwrap();
    let error = command.try_get_matches_from(["worker"]).unwrap_err().to_string();
    assert!(error.contains("'signalbox-service' for '--number"), "{error}");
}
