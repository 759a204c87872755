//! A network of addresses, as `192.0.2.0/24` or `2001:db8::/32`; an address alone is a network of one.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A network. An IPv4 address that arrives mapped into IPv6 is the IPv4 address that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Parses; `None` when the form is wrong, the prefix too long, or bits beyond it are set.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
            None => most,
        };
        let network = Self { address, prefix };
        // Bits beyond the prefix are a slip of the pen, which is better refused than guessed at.
        (prefix <= most && network.bits(address) == self::bits(address)).then_some(network)
    }

    /// Whether an address is of this network.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.bits(address) == bits(self.address)
    }

    fn bits(&self, address: IpAddr) -> u128 {
        let prefix = u32::from(self.prefix) + if address.is_ipv4() { 96 } else { 0 };
        let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0);
        bits(address) & mask
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u128::from(Ipv6Addr::from(u128::from(u32::from(four)))),
        IpAddr::V6(six) => u128::from(six),
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("10.0.0.0/8", "::ffff:10.9.8.7", "11.0.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("2001:db8::/32", "2001:db8:1::", "2001:db9::"),
            ("::1", "::1", "127.0.0.1"),
        ] {
            let parsed = Network::parse(network).expect(network);
            assert!(parsed.holds(inside.parse().expect("an address")), "{network} {inside}");
            assert!(!parsed.holds(outside.parse().expect("an address")), "{network} {outside}");
        }
        let all = Network::parse("0.0.0.0/0").expect("all of IPv4");
        assert!(all.holds("203.0.113.9".parse().expect("one")) && !all.holds("2001:db8::1".parse().expect("one")));
    }

    #[test]
    fn what_is_not_a_network_is_not_read_as_one() {
        for wrong in ["", "192.0.2.0/33", "192.0.2.1/24", "192.0.2.0/", "192.0.2.0/+8", "example.org", "2001:db8::/129"] {
            assert!(Network::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(Network::parse("192.0.2.0/24").expect("one").to_string(), "192.0.2.0/24");
    }
}
