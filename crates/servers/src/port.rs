use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Error;

/// Below the ports that systems give to connections that go out: one of those would be taken before it is used.
const FIRST: u32 = 10_000;
const COUNT: u32 = 22_000;

/// A port of 127.0.0.1 on which nobody listened a moment ago; each time another one.
///
/// # Errors
/// [`Error::NoFreePort`] when the system has none left.
pub fn free_port() -> Result<u16, Error> {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    // Processes that ask at the same time begin far from each other.
    let begin = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let asked = ASKED.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + begin.wrapping_add(asked) % COUNT;
        if let Some(port) = u16::try_from(port).ok().filter(|port| is_free(*port)) {
            return Ok(port);
        }
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::NoFreePort)?;
    Ok(listener.local_addr().map_err(Error::NoFreePort)?.port())
}

/// Whether a server could listen on this port of 127.0.0.1 now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The port to use: `wanted` if it is free, or a free one when `wanted` is 0.
pub(crate) fn choose(server: &'static str, wanted: u16) -> Result<u16, Error> {
    match wanted {
        0 => free_port(),
        port if is_free(port) => Ok(port),
        port => Err(Error::PortTaken { server, port }),
    }
}
