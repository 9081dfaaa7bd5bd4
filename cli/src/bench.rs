//! `signalbox bench`: what Signalbox costs, next to doing without it.

mod circumstances;
mod intake;
mod numbers;
mod pipeline;
mod rig;
mod routes;
mod trigger;
mod usage;

use std::net::SocketAddr;

use clap::Subcommand;
use signalbox_temporal::serve_null;
use tokio::net::TcpListener;

use crate::commands::Run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use intake::IntakeBench;
use pipeline::PipelineBench;
use routes::RoutesBench;
use trigger::TriggerBench;

/// Measure what Signalbox costs
#[derive(Debug, Subcommand)]
pub enum Bench {
    Trigger(Box<TriggerBench>),
    Pipeline(PipelineBench),
    Intake(IntakeBench),
    Routes(RoutesBench),
}

/// Answers as a Temporal that does nothing.
pub async fn null(listen: SocketAddr) -> anyhow::Result<()> {
    Ok(serve_null(TcpListener::bind(listen).await?).await?)
}

impl Run for Bench {
    fn output(&self) -> Output {
        match self {
            Self::Trigger(bench) => bench.output(),
            Self::Pipeline(bench) => bench.output(),
            Self::Intake(bench) => bench.output(),
            Self::Routes(bench) => bench.output(),
        }
    }

    async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Trigger(bench) => bench.run().await,
            Self::Pipeline(bench) => bench.run().await,
            Self::Intake(bench) => bench.run().await,
            Self::Routes(bench) => bench.run().await,
        }
    }
}
