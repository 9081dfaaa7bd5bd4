use std::net::{Ipv4Addr, TcpListener};

use crate::Error;

/// A port of 127.0.0.1 on which nobody listened a moment ago.
///
/// # Errors
/// [`Error::NoFreePort`] when the system has none left.
pub fn free_port() -> Result<u16, Error> {
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
