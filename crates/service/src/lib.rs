//! The frame of a process: configuration, tasks, readiness, ordered shutdown, health and metrics.
