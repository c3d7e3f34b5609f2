//! The client's address, as the site learns it: that of the connection, or what a trusted proxy reports.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::{HeaderMap, HeaderValue};

use super::gateway::remove_spelled;

/// The header that carries the address to the site: one address without a port.
pub const CLIENT_ADDRESS: &str = "x-forwarded-for";

/// What Spin says about the other end of the connection. A client may send the same name; Spin's value is the last.
const SPIN_CLIENT_ADDRESS: &str = "spin-client-addr";

/// A range of addresses in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3), or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            None => longest,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| ())?
            }
            Some(_) => return Err(()),
        };
        (prefix_bits <= longest)
            .then_some(Self {
                address,
                prefix_bits,
            })
            .ok_or(())
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        // The first bits are equal if the difference is shifted out to the right.
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let difference = network.to_bits() ^ address.to_bits();
                difference.checked_shr(32 - self.prefix_bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let difference = network.to_bits() ^ address.to_bits();
                difference.checked_shr(128 - self.prefix_bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// Replaces what a request says about its client's address by one address in [`CLIENT_ADDRESS`], if it is known.
/// `Forwarded` and `X-Real-IP` are removed: they would say the same, or something else.
pub fn replace(headers: &mut HeaderMap, trusted_proxies: &[Network]) {
    let address = client_address(headers, trusted_proxies);
    remove_spelled(headers, |name| {
        [CLIENT_ADDRESS, "forwarded", "x-real-ip"].contains(&name)
    });
    let value = address.and_then(|address| HeaderValue::try_from(address.to_string()).ok());
    if let Some(value) = value {
        headers.insert(CLIENT_ADDRESS, value);
    }
}

/// The address nearest to us that is not a trusted proxy's: each proxy appends to `X-Forwarded-For` whom it talks to.
fn client_address(headers: &HeaderMap, trusted_proxies: &[Network]) -> Option<IpAddr> {
    let peer = headers.get_all(SPIN_CLIENT_ADDRESS).iter().next_back()?;
    let mut client = parse(peer.as_bytes())?;
    let mut reported = headers
        .get_all(CLIENT_ADDRESS)
        .iter()
        .rev()
        .flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    while trusted_proxies.iter().any(|proxy| proxy.contains(client)) {
        match reported.next().and_then(parse) {
            Some(address) => client = address,
            None => break,
        }
    }
    Some(client)
}

/// An address with or without a port; one of IPv6 may stand in brackets.
fn parse(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text.trim_ascii()).ok()?;
    let bare = || text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|a| a.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = bare().or_else(with_port).or_else(bracketed)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests;
