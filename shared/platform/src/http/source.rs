//! Where a request comes from: the network of its IP address, and the hash under which it is
//! remembered.

use std::net::{IpAddr, Ipv6Addr};

use thali_domain::accounts::sources::Source;

use super::request::Request;
use crate::app::App;
use crate::auth::hmac_hex;

impl Request {
    /// The network that one person controls: an IPv4 address, or the /64 network of an IPv6
    /// address (RFC 6177).
    #[must_use]
    pub fn network(&self) -> String {
        network_of(&self.source_ip)
    }

    /// The network as a hash, for items and keys that must not contain an address. Only for
    /// endpoints that need [`Part::RefreshKey`](crate::config::Part::RefreshKey). The prefix keeps
    /// this use of the key apart from others.
    #[must_use]
    pub fn source(&self, app: &App) -> Source {
        let message = format!("source|{}", self.network());
        Source::of_hash(&hmac_hex(app.refresh_key(), message.as_bytes()))
    }
}

fn network_of(address: &str) -> String {
    let Ok(parsed) = address.parse::<IpAddr>() else { return address.to_owned() };
    match parsed.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            format!("{}/64", Ipv6Addr::from_bits(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_ipv4_address_or_an_ipv6_64() {
        for (address, network) in [
            ("198.51.100.7", "198.51.100.7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("", ""),
            ("unix", "unix"),
        ] {
            assert_eq!(network_of(address), network, "{address}");
        }
    }
}
