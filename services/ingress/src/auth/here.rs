//! Whether a call comes from this machine, and is meant for it.
//!
//! That a server listens on loopback does not say so: a proxy may pass calls on, and a page in a browser may send them, or
//! have a name of its own that leads to 127.0.0.1.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, Uri, header};

/// What proxies leave behind.
const FORWARDED: [HeaderName; 3] =
    [header::FORWARDED, HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("x-real-ip")];

/// Whether nothing in the headers says that somebody elsewhere is behind the call.
pub fn is_from_here(headers: &HeaderMap) -> bool {
    let forwarded = FORWARDED.iter().any(|name| headers.contains_key(name));
    let all =
        |name, is: fn(&str) -> bool| headers.get_all(name).iter().all(|value| value.to_str().is_ok_and(is));
    !forwarded && all(header::HOST, names_loopback) && all(header::ORIGIN, is_origin_of_loopback)
}

fn is_origin_of_loopback(origin: &str) -> bool {
    origin.split_once("://").is_some_and(|(_, authority)| names_loopback(authority))
}

fn names_loopback(authority: &str) -> bool {
    if let Ok(address) = authority.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let Ok(uri) = authority.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_local_name =
        host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    is_local_name || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_here(lines: &[(&'static str, &str)]) -> bool {
        let headers = lines.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        is_from_here(&headers.collect())
    }

    #[test]
    fn callers_on_this_machine_are_from_here() {
        for host in [
            "localhost",
            "localhost:8000",
            "LOCALHOST:1",
            "127.0.0.1:8000",
            "127.9.9.9",
            "[::1]:8000",
            "api.localhost:1",
        ] {
            assert!(from_here(&[("host", host)]), "{host}");
        }
        assert!(from_here(&[]));
        assert!(from_here(&[("host", "localhost:8000"), ("origin", "http://localhost:3000")]));
    }

    #[test]
    fn what_a_page_or_a_proxy_sends_is_not() {
        for host in [
            "example.com",
            "127.0.0.1.example.com",
            "localhost.example.com",
            "10.0.0.1:8000",
            "0.0.0.0",
            "",
            "[::2]:1",
        ] {
            assert!(!from_here(&[("host", host)]), "{host}");
        }
        for origin in ["https://example.com", "null", "http://localhost.example.com", "localhost", "file://"]
        {
            assert!(!from_here(&[("host", "localhost"), ("origin", origin)]), "{origin}");
        }
        for name in ["forwarded", "x-forwarded-for", "x-real-ip"] {
            assert!(!from_here(&[("host", "localhost"), (name, "127.0.0.1")]), "{name}");
        }
    }
}
