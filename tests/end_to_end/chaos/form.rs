//! How large a run of the suite is: short, long, or as the environment says.

use std::{str::FromStr, time::Duration};

use super::{faults::Extent, load::Amount};

#[derive(Clone, Copy, Debug)]
pub struct Form {
    pub seed: u64,
    pub routers: usize,
    pub amount: Amount,
    pub extent: Extent,
    /// How long it may take until all is done, once nothing goes wrong any more.
    pub settles: Duration,
}

impl Form {
    pub fn of_environment() -> Self {
        let form = if long() { Self::long() } else { Self::short() };
        let Self { amount, extent, .. } = form;
        Self {
            seed: given("SEED").unwrap_or(form.seed),
            routers: given("ROUTERS").unwrap_or(form.routers),
            amount: Amount {
                events: given("EVENTS").unwrap_or(amount.events),
                keys: given("KEYS").unwrap_or(amount.keys),
                per_second: given("RATE").unwrap_or(amount.per_second),
                ..amount
            },
            extent: Extent { kills: given("KILLS").unwrap_or(extent.kills), ..extent },
            ..form
        }
    }

    fn short() -> Self {
        Self {
            seed: fastrand::u64(..1_000_000),
            routers: ROUTERS,
            amount: Amount { events: 500, keys: 40, per_second: 20.0, within: seconds(300) },
            extent: Extent { kills: 10, between: seconds(1), away: seconds(2), frozen: seconds(6) },
            settles: seconds(180),
        }
    }

    fn long() -> Self {
        Self {
            amount: Amount { events: 10_000, keys: 500, per_second: 30.0, within: seconds(3600) },
            extent: Extent { kills: 50, between: seconds(1), away: seconds(6), frozen: seconds(40) },
            settles: seconds(1800),
            ..Self::short()
        }
    }
}

/// How long Temporal is away, and the load meanwhile.
pub fn outage() -> (Duration, Form) {
    let (away, events, per_second) = if long() { (120, 3000, 20.0) } else { (8, 240, 16.0) };
    let form = Form::of_environment();
    let amount = Amount { events, per_second, keys: form.amount.keys.min(100), ..form.amount };
    (seconds(away), Form { amount, ..form })
}

const ROUTERS: usize = 3;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn long() -> bool {
    std::env::var_os("SIGNALBOX_TEST_LONG").is_some()
}

fn given<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(format!("SIGNALBOX_CHAOS_{name}")).ok()?;
    Some(text.parse().ok().unwrap_or_else(|| panic!("SIGNALBOX_CHAOS_{name}: {text}")))
}
