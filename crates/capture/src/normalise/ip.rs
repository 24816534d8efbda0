//! Addresses of the network: `203.0.113.77` is cut to `203.0.113.0`, as is usual for statistics.
//!
//! The first 24 bits of IPv4 and the first 48 of IPv6 name a provider's network and not a household.

use std::net::{IpAddr, Ipv6Addr};

use super::attributes::Reading;
use crate::settings::IpPolicy;

/// The address in its canonical form, cut as the policy says. One with a port is read without it.
pub(super) fn read(text: &str, policy: IpPolicy) -> Reading {
    let Some(address) = parse(text) else { return Reading::Malformed };
    let address = match policy {
        IpPolicy::Truncate => truncated(address),
        IpPolicy::Keep | IpPolicy::Drop => address,
    };
    Reading::Read(address.to_string())
}

fn parse(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok().or_else(|| {
        let with_port: std::net::SocketAddr = text.parse().ok()?;
        Some(with_port.ip())
    })?;
    Some(address.to_canonical())
}

fn truncated(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_cut_to_its_network() {
        for (text, kept, cut) in [
            ("203.0.113.77", Some("203.0.113.77"), Some("203.0.113.0")),
            ("203.0.113.77:8080", Some("203.0.113.77"), Some("203.0.113.0")),
            ("2001:DB8:1:2::77", Some("2001:db8:1:2::77"), Some("2001:db8:1::")),
            ("[2001:db8:1:2::77]:443", Some("2001:db8:1:2::77"), Some("2001:db8:1::")),
            ("::ffff:203.0.113.77", Some("203.0.113.77"), Some("203.0.113.0")),
            ("203.0.113", None, None),
            ("203.0.113.77, 10.0.0.1", None, None),
            ("localhost", None, None),
        ] {
            let of =
                |text: Option<&str>| text.map_or(Reading::Malformed, |text| Reading::Read(text.to_owned()));
            assert_eq!(read(text, IpPolicy::Keep), of(kept), "{text}");
            assert_eq!(read(text, IpPolicy::Truncate), of(cut), "{text}");
            if let Some(cut) = cut {
                assert_eq!(read(cut, IpPolicy::Truncate), of(Some(cut)), "{text}, a second time");
            }
        }
    }
}
