//! The binary `signalbox`: the whole stack on one machine, or any one service of it.

mod cli;
mod serve;
mod up;

use std::env;
use std::fmt::Display;
use std::process::ExitCode;

use clap::CommandFactory;
use cli::{Cli, Command};
use signalbox_servers::exec_tied;
use tokio::runtime;

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
        Command::Serve(service) => on(runtime::Builder::new_multi_thread(), serve::run(service)),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "signalbox", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
        Command::TiedToLauncher { launcher, command } => failed(&exec_tied(launcher, &command)),
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
    cli::print_error(why);
    ExitCode::FAILURE
}
