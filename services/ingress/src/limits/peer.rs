//! Where a call comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The address that a rate is counted for: of IPv6 the network, since a household has as many addresses as it likes.
pub fn address(peer: Peer, headers: &HeaderMap, proxies: usize) -> IpAddr {
    let told = proxies.checked_sub(1).and_then(|skipped| forwarded(headers, skipped));
    match told.unwrap_or(peer.0.ip()).to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        four => four,
    }
}

/// What a proxy has put at the end of the list, or so far before it. What stands before that anybody may have written.
fn forwarded(headers: &HeaderMap, skipped: usize) -> Option<IpAddr> {
    let values = headers.get_all("x-forwarded-for").iter();
    let addresses: Vec<_> =
        values.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',')).collect();
    addresses.iter().rev().nth(skipped)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, lists: &[&str], proxies: usize) -> String {
        let peer = Peer(SocketAddr::new(peer.parse().unwrap(), 1));
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append("x-forwarded-for", list.parse().unwrap());
        }
        address(peer, &headers, proxies).to_string()
    }

    #[test]
    fn only_what_a_proxy_of_ours_wrote_is_believed() {
        assert_eq!(seen("10.0.0.1", &["1.1.1.1"], 0), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, 1.1.1.1"], 1), "1.1.1.1");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6", "1.1.1.1,10.0.0.2"], 2), "1.1.1.1");
        assert_eq!(seen("10.0.0.1", &[], 1), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["nonsense"], 1), "10.0.0.1");
    }

    #[test]
    fn a_network_counts_as_one() {
        assert_eq!(seen("2001:db8:1:2:3:4:5:6", &[], 0), "2001:db8:1:2::");
        assert_eq!(seen("::ffff:10.0.0.1", &[], 0), "10.0.0.1");
    }
}
