//! Desired schedules, reconciled into Temporal.
