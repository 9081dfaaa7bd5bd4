//! What goes wrong, as a seed says.

use std::{collections::BTreeMap, time::Duration};

use fastrand::Rng;
use signalbox_testkit::Passing;
use tokio::time::sleep;

use super::plant::{Plant, Server, Unit};

/// One thing that goes wrong, and is mended again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9`.
    Kill(Unit),
    KillServer(Server),
    /// All connections end.
    Cut(Unit, Server),
    /// Connections stand, and nothing comes through.
    Stall(Unit, Server),
    /// Connections end, and nobody takes new ones.
    Refuse(Unit, Server),
    /// It stands still, and wakes up as if nothing had been.
    Freeze(Unit),
    /// JetStream has no room for more.
    Full,
}

/// How many, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    pub kills: usize,
    /// Between two faults, on average.
    pub between: Duration,
    /// The longest that a process or a server is away.
    pub away: Duration,
    /// The longest that a process stands still.
    pub frozen: Duration,
}

/// What went wrong, and how often.
#[derive(Default)]
pub struct Went {
    pub kills: usize,
    pub by_kind: BTreeMap<String, usize>,
    /// Attempts that routers made again and were killed, as far as they could be asked before.
    pub retries: u64,
}

/// Deals the whole deck, shuffled, again and again until there were enough kills.
pub async fn go_wrong(
    plant: &mut Plant,
    extent: Extent,
    routers: usize,
    rng: &mut Rng,
) -> anyhow::Result<Went> {
    let mut went = Went::default();
    let mut deck = Vec::new();
    while went.kills < extent.kills || !deck.is_empty() {
        if deck.is_empty() {
            deck = shuffled(routers, rng);
        }
        sleep(extent.between.mul_f64(2.0 * rng.f64())).await;
        // A fault seldom comes alone.
        let together = deck.split_off(deck.len() - if rng.u8(..4) == 0 { deck.len().min(2) } else { 1 });
        for fault in &together {
            went.begins(plant, *fault).await?;
        }
        let lasts = together.iter().map(|fault| fault.lasts(extent, rng)).max().unwrap_or_default();
        sleep(lasts).await;
        for fault in &together {
            fault.ends(plant).await?;
        }
    }
    Ok(went)
}

fn shuffled(routers: usize, rng: &mut Rng) -> Vec<Fault> {
    use Fault::{Cut, Freeze, Full, Kill, KillServer, Refuse, Stall};
    let mut router = || Unit::Router(rng.usize(..routers));
    let mut deck = vec![
        Kill(router()),
        Kill(router()),
        Kill(router()),
        Kill(router()),
        Kill(Unit::Ingress),
        Kill(Unit::Ingress),
        Kill(Unit::Worker),
        Kill(Unit::Tally),
        Kill(Unit::Scheduler),
        KillServer(Server::Nats),
        KillServer(Server::Nats),
        KillServer(Server::Temporal),
        KillServer(Server::Temporal),
        Cut(router(), Server::Nats),
        Cut(router(), Server::Temporal),
        Cut(Unit::Ingress, Server::Nats),
        Stall(router(), Server::Nats),
        Stall(router(), Server::Temporal),
        Refuse(router(), Server::Nats),
        Refuse(router(), Server::Temporal),
        Freeze(router()),
        Full,
    ];
    rng.shuffle(&mut deck);
    deck
}

impl Went {
    pub async fn begins(&mut self, plant: &mut Plant, fault: Fault) -> anyhow::Result<()> {
        if let Fault::Kill(router @ Unit::Router(_)) = fault {
            self.retries += plant.retries(router).await;
        }
        if fault.begins(plant).await? {
            *self.by_kind.entry(fault.kind()).or_default() += 1;
            self.kills += usize::from(matches!(fault, Fault::Kill(_) | Fault::KillServer(_)));
        }
        Ok(())
    }
}

impl Fault {
    /// Tells whether there was something that could go wrong.
    async fn begins(self, plant: &mut Plant) -> anyhow::Result<bool> {
        match self {
            Self::Kill(unit) => return plant.kill_unit(unit),
            Self::KillServer(server) => plant.kill_server(server)?,
            Self::Cut(unit, server) => plant.link(unit, server)?.cut(),
            Self::Stall(unit, server) => plant.link(unit, server)?.pass(Passing::Stalled),
            Self::Refuse(unit, server) => plant.link(unit, server)?.pass(Passing::Refused),
            Self::Freeze(unit) => plant.freeze(unit, true)?,
            Self::Full => plant.restart_nats_with_room(false).await?,
        }
        Ok(true)
    }

    pub async fn ends(self, plant: &mut Plant) -> anyhow::Result<()> {
        match self {
            Self::Kill(unit) => plant.start_unit(unit),
            Self::KillServer(server) => plant.start_server(server).await,
            Self::Cut(..) => Ok(()),
            Self::Stall(unit, server) | Self::Refuse(unit, server) => {
                plant.link(unit, server)?.pass(Passing::Open);
                Ok(())
            }
            Self::Freeze(unit) => plant.freeze(unit, false),
            Self::Full => plant.restart_nats_with_room(true).await,
        }
    }

    /// A process that is frozen for a moment only is no zombie.
    fn lasts(self, extent: Extent, rng: &mut Rng) -> Duration {
        match self {
            Self::Freeze(_) => extent.frozen.mul_f64(0.5 + rng.f64() / 2.0),
            _ => extent.away.mul_f64(rng.f64()),
        }
    }

    fn kind(self) -> String {
        let unit = |unit: Unit| match unit {
            Unit::Router(_) => "router".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        match self {
            Self::Kill(killed) => format!("kill {}", unit(killed)),
            Self::KillServer(server) => format!("kill {server:?}").to_lowercase(),
            Self::Cut(from, to) => format!("cut {}-{to:?}", unit(from)).to_lowercase(),
            Self::Stall(from, to) => format!("stall {}-{to:?}", unit(from)).to_lowercase(),
            Self::Refuse(from, to) => format!("refuse {}-{to:?}", unit(from)).to_lowercase(),
            Self::Freeze(frozen) => format!("freeze {}", unit(frozen)),
            Self::Full => "full".to_owned(),
        }
    }
}
