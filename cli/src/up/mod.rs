//! `signalbox up`: the whole stack on one machine, each part a process of its own.

mod args;
mod board;
mod children;
mod data;
mod keeper;
mod output;
mod part;
mod ports;
mod readyz;
mod servers;
mod signals;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::env;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
pub use args::UpArgs;
use board::Board;
use children::Plan;
use data::Data;
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt};
use keeper::{GaveUp, keep};
use output::Output;
use part::Part;
use signalbox_servers::Binary;
use signals::Signals;
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;

/// Runs the stack until SIGINT, SIGTERM or SIGHUP, on the thread of the caller.
pub async fn run(mut args: UpArgs) -> anyhow::Result<()> {
    let jaeger = servers::jaeger(&args)?;
    if jaeger.is_none() {
        args.without.push(Part::Jaeger);
    }
    ports::check(&ports::claims(&args), signalbox_servers::is_free)?;
    let mut signals = Signals::listen().context("cannot handle signals")?;
    let plan = plan(args, jaeger.unwrap_or_default())?;
    let board = Board::new(plan.args.parts());
    let stops: BTreeMap<Part, CancellationToken> =
        plan.args.parts().map(|part| (part, CancellationToken::new())).collect();
    let mut keepers: FuturesUnordered<_> =
        stops.iter().map(|(part, stop)| async { (*part, keep(&plan, *part, &board, stop).await) }).collect();

    let outcome = tokio::select! {
        biased;
        () = signals.next() => Ok(()),
        gave_up = first_failure(&mut keepers) => Err(gave_up),
        never = announce(&plan, &board) => match never {},
    };
    let gave_up = outcome.as_ref().err().map(|gave_up| gave_up.part);
    plan.output.release();
    plan.output.say("stopping; Ctrl-C again kills at once");
    tokio::select! {
        biased;
        () = signals.next() => plan.output.say("killed"),
        () = stop_in_order(&mut keepers, &stops, gave_up) => plan.output.say("stopped"),
    }
    Ok(outcome?)
}

fn plan(args: UpArgs, jaeger: PathBuf) -> anyhow::Result<Plan> {
    let output = Output::holding();
    let data = if args.ephemeral { Data::ephemeral()? } else { Data::kept(&args.data_dir)? };
    let signalbox = env::current_exe().context("cannot find the binary signalbox")?;
    let locate = |part, binary, given: &Option<PathBuf>| {
        args.has(part).then(|| servers::locate(binary, given.as_ref(), &output)).transpose()
    };
    let nats_server = locate(Part::Nats, Binary::NatsServer, &args.nats_server)?.unwrap_or_default();
    let temporal = locate(Part::Temporal, Binary::Temporal, &args.temporal)?.unwrap_or_default();
    Ok(Plan { args, data, output, signalbox, nats_server, temporal, jaeger })
}

/// Prints the table when all is ready, and until then what is missing. Never ends.
async fn announce(plan: &Plan, board: &Board) -> Infallible {
    const PATIENCE: Duration = Duration::from_secs(10);
    plan.output.say(format_args!("starting {}", names(plan.args.parts())));
    let mut reminder = interval_at(Instant::now() + PATIENCE, PATIENCE);
    let mut ready = pin!(board.all_ready());
    loop {
        tokio::select! {
            () = &mut ready => break,
            _ = reminder.tick() => {
                plan.output.say(format_args!("still waiting for {}", board.missing()));
                plan.output.release();
            }
        }
    }
    plan.output.print(table::table(&plan.args));
    plan.output.release();
    std::future::pending().await
}

fn names(parts: impl Iterator<Item = Part>) -> String {
    parts.map(Part::name).collect::<Vec<_>>().join(", ")
}

type Kept = (Part, Result<(), GaveUp>);

/// Lets the keepers run until one gives up.
async fn first_failure(keepers: &mut (impl Stream<Item = Kept> + Unpin)) -> GaveUp {
    while let Some((_, kept)) = keepers.next().await {
        if let Err(gave_up) = kept {
            return gave_up;
        }
    }
    std::future::pending().await
}

/// Stops the parts one after the other, the last started first, so that each can still reach what it needs.
async fn stop_in_order(
    keepers: &mut (impl Stream<Item = Kept> + Unpin),
    stops: &BTreeMap<Part, CancellationToken>,
    gave_up: Option<Part>,
) {
    let mut gone = BTreeSet::from_iter(gave_up);
    for (part, stop) in stops.iter().rev() {
        stop.cancel();
        while !gone.contains(part) {
            let Some((ended, _)) = keepers.next().await else { return };
            gone.insert(ended);
        }
    }
}
