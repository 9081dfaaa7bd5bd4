//! Processors of this machine, and the threads that parts of the stack have for them.

use std::env;
use std::thread::available_parallelism;

use tokio::runtime;

/// Threads of a service, as Tokio reads it.
const SERVICE_THREADS: &str = "TOKIO_WORKER_THREADS";

/// Threads of nats-server, as Go reads it.
const NATS_THREADS: &str = "GOMAXPROCS";

/// What a service on a machine that it shares is told in its environment, unless it says something already.
pub fn for_service() -> Option<(&'static str, String)> {
    share_unless(SERVICE_THREADS).map(|threads| (SERVICE_THREADS, threads.to_string()))
}

/// How many processors a nats-server there uses at most; `None` if its environment says it.
pub fn for_nats() -> Option<usize> {
    share_unless(NATS_THREADS)
}

/// The runtime of a service. With one thread, all is done on that, and nothing waits for another to wake up.
pub fn runtime() -> runtime::Builder {
    let threads = env::var(SERVICE_THREADS).ok().and_then(|threads| threads.parse().ok());
    match threads.unwrap_or_else(all) {
        1 => runtime::Builder::new_current_thread(),
        // Tokio reads the variable itself, and says what is wrong with it.
        _ => runtime::Builder::new_multi_thread(),
    }
}

/// Processors for one part, unless this variable is set: the parts share this machine with each other and with Temporal,
/// which needs most of it.
fn share_unless(variable: &str) -> Option<usize> {
    env::var_os(variable).is_none().then(|| (all() / 4).max(1))
}

fn all() -> usize {
    available_parallelism().map_or(1, usize::from)
}
