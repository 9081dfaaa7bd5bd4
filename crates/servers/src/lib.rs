//! Finds or installs nats-server and temporal, and runs them as owned processes.
