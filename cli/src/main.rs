//! The binary `signalbox`: the whole stack on one machine, any one service of it, and every command of a user.

mod api;
mod bench;
mod cli;
mod commands;
mod exit;
mod failure;
mod nats;
mod output;
mod processors;
mod progress;
mod route_files;
mod serve;
mod text;
mod up;
mod watch;

use std::env;
use std::fmt::Display;
use std::process::ExitCode;

use clap::CommandFactory;
use cli::{Cli, Command};
use commands::Run;
use mimalloc::MiMalloc;
use signalbox_servers::{Manners, exec_tied};
use tokio::runtime;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match cli::parse(env::args_os().collect(), env::vars_os()) {
        Ok(cli) => run(cli.command),
        Err(error) => error.tell(),
    }
}

fn run(command: Command) -> ExitCode {
    match command {
        // One thread: what ties a child to this process is tied to the thread that starts the child.
        Command::Up(args) => on(runtime::Builder::new_current_thread(), up::run(args)),
        Command::Serve(service) => on(processors::runtime(), serve::run(service)),
        Command::Demo(demo) => does(demo),
        Command::Trigger(trigger) => does(trigger),
        Command::Signal(signal) => does(signal),
        Command::Stop(stop) => does(stop),
        Command::Result(result) => does(result),
        Command::Query(query) => does(query),
        Command::Describe(describe) => does(describe),
        Command::Schedule(schedule) => does(schedule),
        Command::Publish(publish) => does(publish),
        Command::Send(send) => does(send),
        Command::Events(events) => does(events),
        Command::Dead(dead) => does(dead),
        Command::Replay(replay) => does(replay),
        Command::Learn(learn) => does(learn),
        Command::Lint(lint) => does(lint),
        Command::Routes(routes) => does(routes),
        Command::Plan(plan) => does(plan),
        Command::Apply(apply) => does(apply),
        Command::Rollback(rollback) => does(rollback),
        Command::Test(test) => does(test),
        Command::Explain(explain) => does(explain),
        Command::Diff(diff) => does(diff),
        Command::Doctor(doctor) => does(doctor),
        Command::Keys(keys) => does(keys),
        Command::Bench(bench) => does(bench),
        Command::Ready(ready) => does(ready),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "signalbox", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
        Command::NullTemporal { listen } => on(runtime::Builder::new_current_thread(), bench::null(listen)),
        Command::TiedToLauncher { launcher, yielding, timer_slack, command } => {
            failed(&exec_tied(launcher, Manners { yielding, timer_slack }, &command))
        }
    }
}

fn does(command: impl Run) -> ExitCode {
    let output = command.output();
    match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => match runtime.block_on(command.run()) {
            Ok(exit) => exit.into(),
            Err(failure) => output.fail(&failure),
        },
        Err(error) => failed(&error),
    }
}

fn on(mut runtime: runtime::Builder, work: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let done = match runtime.enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format_args!("{error:#}")),
    }
}

fn failed(why: &dyn Display) -> ExitCode {
    output::print_error(why);
    ExitCode::FAILURE
}
