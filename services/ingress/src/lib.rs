//! HTTP in, durable events and commands out.
