//! `allowed_outbound_hosts`: which addresses a component may reach.

use std::net::IpAddr;

use url::{Host, Url};

/// The list of one component.
#[derive(Debug, Default)]
pub(crate) struct AllowedHosts(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    scheme: Option<String>,
    host: HostRule,
    port: PortRule,
}

#[derive(Debug)]
enum HostRule {
    Any,
    Subdomains(String),
    Exactly(Host),
    Network(IpAddr, u32),
}

#[derive(Debug)]
enum PortRule {
    Any,
    Range(u16, u16),
}

impl AllowedHosts {
    /// Parses entries of the form `scheme://host[:port]`, each part possibly `*`.
    pub(crate) fn parse(entries: &[String]) -> Result<Self, String> {
        entries
            .iter()
            .map(|entry| Rule::parse(entry))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether `address` may be opened by a driver for `scheme` URLs.
    pub(crate) fn allow(&self, address: &str, scheme: &str) -> bool {
        let Ok(url) = Url::parse(address) else {
            return false;
        };
        let Some(port) = url
            .port_or_known_default()
            .or_else(|| default_port(url.scheme()))
        else {
            return false;
        };
        // `Url` leaves hosts of schemes that it does not know unparsed.
        let Some(Ok(host)) = url.host_str().map(Host::parse) else {
            return false;
        };
        url.scheme() == scheme && self.0.iter().any(|rule| rule.allows(scheme, &host, port))
    }

    /// Components that are named as `ID.spin.internal`.
    pub(crate) fn chained(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|rule| match &rule.host {
            HostRule::Exactly(Host::Domain(domain)) => domain.strip_suffix(".spin.internal"),
            _ => None,
        })
    }
}

impl Rule {
    fn parse(entry: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("allowed outbound host '{entry}' {what}");
        let (scheme, rest) = entry
            .trim()
            .split_once("://")
            .ok_or_else(|| wrong("has no scheme://"))?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (rest, None),
        };
        if scheme != "*" && !scheme.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Err(wrong("has a scheme that is not a word"));
        }
        let port = match port {
            Some("*") => PortRule::Any,
            None => match default_port(scheme) {
                Some(port) => PortRule::Range(port, port),
                None => return Err(wrong("needs a port")),
            },
            Some(port) => parse_range(port).ok_or_else(|| wrong("has a wrong port"))?,
        };
        Ok(Self {
            scheme: (scheme != "*").then(|| scheme.to_owned()),
            host: HostRule::parse(host).ok_or_else(|| wrong("has a wrong host"))?,
            port,
        })
    }

    fn allows(&self, scheme: &str, host: &Host, port: u16) -> bool {
        self.scheme
            .as_deref()
            .is_none_or(|allowed| allowed == scheme)
            && self.host.allows(host)
            && match self.port {
                PortRule::Any => true,
                PortRule::Range(first, last) => (first..=last).contains(&port),
            }
    }
}

impl HostRule {
    fn parse(host: &str) -> Option<Self> {
        if host == "*" {
            return Some(Self::Any);
        }
        if let Some(domain) = host.strip_prefix("*.") {
            return match Host::parse(domain).ok()? {
                Host::Domain(domain) => Some(Self::Subdomains(format!(".{domain}"))),
                _ => None,
            };
        }
        if let Some((address, bits)) = host.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let bits: u32 = bits.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            return (bits <= most).then_some(Self::Network(address, bits));
        }
        Host::parse(host).ok().map(Self::Exactly)
    }

    fn allows(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Exactly(allowed), _) => allowed == host,
            (Self::Subdomains(suffix), Host::Domain(domain)) => domain.ends_with(suffix.as_str()),
            (Self::Network(IpAddr::V4(network), bits), Host::Ipv4(address)) => same_prefix(
                u32::from(*network).into(),
                u32::from(*address).into(),
                32 - bits,
            ),
            (Self::Network(IpAddr::V6(network), bits), Host::Ipv6(address)) => {
                same_prefix((*network).into(), (*address).into(), 128 - bits)
            }
            _ => false,
        }
    }
}

fn same_prefix(a: u128, b: u128, free_bits: u32) -> bool {
    (a ^ b).checked_shr(free_bits).unwrap_or(0) == 0
}

fn parse_range(port: &str) -> Option<PortRule> {
    let (first, last) = port.split_once("..").unwrap_or((port, port));
    Some(PortRule::Range(first.parse().ok()?, last.parse().ok()?))
}

fn default_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "http" => 80,
        "https" => 443,
        "mysql" => 3306,
        "postgres" => 5432,
        "redis" => 6379,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, address: &str) -> bool {
        AllowedHosts::parse(&[entry.to_owned()])
            .unwrap()
            .allow(address, "mysql")
    }

    #[test]
    fn scheme_host_and_port_must_match() {
        let address = "mysql://user:p%40ss@db.example:3307/name?x=y";
        assert!(allows("mysql://db.example:3307", address));
        assert!(allows("*://*:*", address));
        assert!(allows("mysql://*.example:3300..3310", address));
        assert!(!allows("mysql://db.example", address));
        assert!(!allows("mysql://other.example:3307", address));
        assert!(!allows("postgres://db.example:3307", address));
        assert!(!allows("*://*:*", "not a url"));
        assert!(!allows("*://*:*", "postgres://db.example:1/x"));
    }

    #[test]
    fn ports_default_by_scheme() {
        assert!(allows("mysql://localhost", "mysql://u:p@localhost/db"));
        assert!(allows("mysql://localhost:3306", "mysql://u:p@localhost/db"));
    }

    #[test]
    fn addresses_and_networks() {
        assert!(allows("mysql://10.0.0.0/8:3306", "mysql://10.1.2.3/db"));
        assert!(!allows("mysql://10.0.0.0/8:3306", "mysql://11.1.2.3/db"));
        assert!(allows("mysql://[::1]:3306", "mysql://[::1]/db"));
        assert!(allows("mysql://0.0.0.0/0:*", "mysql://192.168.0.1:5/db"));
    }

    #[test]
    fn wrong_entries_are_named() {
        for entry in [
            "db.example:3306",
            "mysql://db.example:x",
            "mysql://a b",
            "x://db",
            "m-y://h:1",
        ] {
            let error = AllowedHosts::parse(&[entry.to_owned()]).unwrap_err();
            assert!(error.contains(entry), "{error}");
        }
    }
}
