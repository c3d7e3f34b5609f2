use proptest::prelude::*;

use super::*;

fn seen(peer: &str, headers: &[(&str, &str)], trusted: &str) -> Option<String> {
    let trusted: Vec<Network> = trusted
        .split_whitespace()
        .map(|network| network.parse().unwrap())
        .collect();
    let mut map = HeaderMap::new();
    map.append(SPIN_CLIENT_ADDRESS, "203.0.113.66:1".parse().unwrap());
    for (name, value) in headers {
        map.append(
            http::HeaderName::try_from(*name).unwrap(),
            value.parse().unwrap(),
        );
    }
    map.append(SPIN_CLIENT_ADDRESS, peer.parse().unwrap());
    replace(&mut map, &trusted);
    for name in ["forwarded", "x-real-ip", "x_forwarded_for"] {
        assert!(!map.contains_key(name), "{name}");
    }
    assert!(map.get_all(CLIENT_ADDRESS).iter().count() <= 1);
    map.get(CLIENT_ADDRESS)
        .map(|value| value.to_str().unwrap().to_owned())
}

#[test]
fn only_a_trusted_proxy_is_believed() {
    let claims = [
        ("x-forwarded-for", "1.1.1.1, 198.51.100.7"),
        ("x-forwarded-for", "10.0.0.2:443"),
        ("X_Forwarded_For", "1.1.1.1"),
        ("forwarded", "for=1.1.1.1"),
        ("x-real-ip", "1.1.1.1"),
    ];
    for (peer, trusted, expected) in [
        // Nobody is trusted, or not this one.
        ("10.0.0.1:5000", "", "10.0.0.1"),
        ("10.0.0.1:5000", "192.0.2.0/24", "10.0.0.1"),
        // One proxy, and two.
        ("10.0.0.1:5000", "10.0.0.1", "10.0.0.2"),
        ("10.0.0.1:5000", "10.0.0.0/8", "198.51.100.7"),
        ("[::ffff:10.0.0.1]:5000", "10.0.0.0/8", "198.51.100.7"),
        // Everyone.
        ("10.0.0.1:5000", "0.0.0.0/0", "1.1.1.1"),
        (
            "[2001:db8::1]:5000",
            "2001:db8::/32 10.0.0.0/8",
            "198.51.100.7",
        ),
        ("[2001:db9::1]:5000", "2001:db8::/32", "2001:db9::1"),
    ] {
        assert_eq!(
            seen(peer, &claims, trusted).as_deref(),
            Some(expected),
            "{peer} {trusted}"
        );
    }
}

#[test]
fn what_is_not_an_address_ends_at_the_proxy_that_reported_it() {
    for reported in [
        "unknown",
        "",
        "1.1.1.1, _hidden",
        "2001:db8::1]:x",
        "\u{ff}",
    ] {
        let headers = [("x-forwarded-for", reported)];
        assert_eq!(
            seen("10.0.0.1:5000", &headers, "10.0.0.0/8").as_deref(),
            Some("10.0.0.1")
        );
    }
    let mut headers = HeaderMap::new();
    headers.insert(CLIENT_ADDRESS, HeaderValue::from_static("1.1.1.1"));
    replace(&mut headers, &[]);
    assert!(headers.is_empty(), "without Spin's header nothing is known");
}

#[test]
fn networks_are_addresses_or_prefixes() {
    for good in [
        "10.0.0.0/8",
        "10.0.0.1",
        "::1",
        "2001:db8::/32",
        "::/0",
        "0.0.0.0/0",
    ] {
        assert!(good.parse::<Network>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "10.0.0.0/33",
        "::/129",
        "10.0.0/8",
        "10.0.0.0/",
        "10.0.0.0/+8",
        "localhost",
        "10.0.0.0/8/8",
    ] {
        assert!(bad.parse::<Network>().is_err(), "{bad}");
    }
}

proptest! {
    /// Whatever a client sends, without a trusted proxy the site sees the connection's address.
    #[test]
    fn a_client_cannot_choose_its_address(claims in "[0-9a-f.:, \\[\\]]{0,40}", peer: [u8; 4]) {
        let peer = IpAddr::from(peer);
        let address = seen(&format!("{peer}:80"), &[("x-forwarded-for", claims.as_str())], "");
        prop_assert_eq!(address, Some(peer.to_string()));
    }
}
