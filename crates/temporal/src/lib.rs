//! Temporal: execute commands, look-ups, schedules, fault classes.
