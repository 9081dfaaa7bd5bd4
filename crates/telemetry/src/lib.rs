//! Logs and metrics: set-up and names of fields.
