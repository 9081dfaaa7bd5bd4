//! Calls on declared schedules.
