//! Cron expressions: parse, describe, next times, map to Temporal. Pure.
