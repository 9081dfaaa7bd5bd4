use std::collections::HashMap;
use std::fmt;

use super::args::UpArgs;
use super::part::Part;

/// A port that the stack is going to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    port: u16,
    what: &'static str,
    flag: &'static str,
}

/// Ports that cannot be had, each with the flag that changes it.
#[derive(Debug, PartialEq, Eq)]
pub struct PortsTaken(Vec<(Claim, Reason)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    InUse,
    AlsoFor(&'static str),
}

/// The ports of the parts that are to be run.
pub fn claims(args: &UpArgs) -> Vec<Claim> {
    let all = [
        (Part::Ingress, args.api_port, "the API", "--api-port"),
        (Part::Nats, args.nats_port, "NATS", "--nats-port"),
        (Part::Temporal, args.temporal_port, "Temporal", "--temporal-port"),
        (Part::Temporal, args.temporal_ui_port, "Temporal's web UI", "--temporal-ui-port"),
        (Part::Jaeger, args.jaeger_ui_port, "Jaeger's web UI", "--jaeger-ui-port"),
        (Part::Jaeger, args.otlp_port, "Jaeger", "--otlp-port"),
        (Part::SignalRouter, args.router_port, "the signal-router", "--router-port"),
        (Part::SchedulerManager, args.scheduler_port, "the scheduler-manager", "--scheduler-port"),
        (Part::Worker, args.worker_port, "the worker", "--worker-port"),
    ];
    let wanted = all.into_iter().filter(|(part, ..)| args.has(*part));
    wanted.map(|(_, port, what, flag)| Claim { port, what, flag }).collect()
}

/// Names every port that is in use or claimed twice.
pub fn check(claims: &[Claim], is_free: impl Fn(u16) -> bool) -> Result<(), PortsTaken> {
    let mut first = HashMap::new();
    let mut taken = Vec::new();
    for claim in claims {
        let owner: &Claim = first.entry(claim.port).or_insert(claim);
        if owner != claim {
            taken.push((*claim, Reason::AlsoFor(owner.what)));
        } else if !is_free(claim.port) {
            taken.push((*claim, Reason::InUse));
        }
    }
    if taken.is_empty() { Ok(()) } else { Err(PortsTaken(taken)) }
}

impl std::error::Error for PortsTaken {}

impl fmt::Display for PortsTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.len() == 1 { "a port is taken" } else { "some ports are taken" })?;
        let width = self.0.iter().map(|(claim, _)| claim.what.len()).max().unwrap_or(0);
        for (Claim { port, what, flag }, reason) in &self.0 {
            write!(f, "\n  {port:<5}  for {what:<width$}  ")?;
            match reason {
                Reason::InUse => f.write_str("is in use")?,
                Reason::AlsoFor(other) => write!(f, "is for {other} already")?,
            }
            write!(f, "; choose another with {flag} PORT")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        up: UpArgs,
    }

    fn claims_of(flags: &str) -> Vec<Claim> {
        claims(&Flags::parse_from(flags.split_whitespace()).up)
    }

    #[test]
    fn all_taken_ports_are_told_at_once_with_their_flags() {
        let claims = claims_of("up");
        assert_eq!(check(&claims, |_| true), Ok(()));
        let error = check(&claims, |port| port != 8000 && port != 8233).unwrap_err().to_string();
        insta::assert_snapshot!(error, @r"
        some ports are taken
          8000   for the API            is in use; choose another with --api-port PORT
          8233   for Temporal's web UI  is in use; choose another with --temporal-ui-port PORT
        ");
    }

    #[test]
    fn a_port_claimed_twice_is_told() {
        let error = check(&claims_of("up --worker-port 8000"), |_| true).unwrap_err().to_string();
        insta::assert_snapshot!(error, @r"
        a port is taken
          8000   for the worker  is for the API already; choose another with --worker-port PORT
        ");
    }

    #[test]
    fn what_is_not_run_needs_no_port() {
        let claims = claims_of("up --without temporal --without ingress");
        let taken = [8000, 7233, 8233];
        assert_eq!(check(&claims, |port| !taken.contains(&port)), Ok(()));
        assert!(check(&claims, |_| false).unwrap_err().to_string().contains("--nats-port"));
    }
}
