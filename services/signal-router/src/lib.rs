//! Matches events to routes and applies commands to Temporal.
