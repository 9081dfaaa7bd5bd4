use chrono::{DateTime, Utc};

use crate::{Timing, Warning};

pub(crate) fn of(_timing: &Timing, _now: DateTime<Utc>) -> Vec<Warning> {
    Vec::new()
}
