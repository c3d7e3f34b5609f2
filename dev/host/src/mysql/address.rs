//! Addresses of MySQL servers: mysql:// URLs, with `ssl-mode` as Spin reads it.

use mysql_async::{Error, Opts, OptsBuilder, SslOpts, UrlError};
use url::Url;

/// Reads the URL as Spin does: `ssl-mode` by its name only, everything else by the driver.
pub(super) fn options(address: &str) -> Result<Opts, Error> {
    let mut url = Url::parse(address).map_err(UrlError::from)?;
    let is_tls =
        |name: &str| name.eq_ignore_ascii_case("ssl-mode") || name.eq_ignore_ascii_case("sslmode");
    let (tls, others): (Vec<_>, Vec<_>) = url
        .query_pairs()
        .into_owned()
        .partition(|(name, _)| is_tls(name));
    url.set_query(None);
    if !others.is_empty() {
        url.query_pairs_mut().extend_pairs(others);
    }
    let wants_tls = tls
        .iter()
        .any(|(_, mode)| !mode.eq_ignore_ascii_case("disabled"));
    let options = OptsBuilder::from_opts(Opts::from_url(url.as_str())?)
        // The server may name a socket that only it can reach, and asking costs a round trip.
        .prefer_socket(false)
        .ssl_opts(wants_tls.then(SslOpts::default));
    Ok(options.into())
}

/// The address for a message.
pub(super) fn without_credentials(address: &str) -> String {
    match Url::parse(address) {
        Ok(url) => {
            let port = url
                .port()
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            format!(
                "{}://{}{port}",
                url.scheme(),
                url.host_str().unwrap_or_default()
            )
        }
        Err(_) => "an address that is not a URL".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_what_ssl_mode_says() {
        let tls = |query: &str| {
            options(&format!("mysql://u:p%40@db.example:3307/n{query}"))
                .unwrap()
                .ssl_opts()
                .is_some()
        };
        assert!(!tls(""));
        assert!(!tls("?ssl-mode=DISABLED"));
        assert!(tls("?ssl-mode=required"));
        assert!(tls("?sslMode=VERIFY_CA&stmt_cache_size=7"));
    }

    #[test]
    fn the_rest_of_the_url_reaches_the_driver() {
        let options =
            options("mysql://u:p%40%2F@db.example:3307/n?ssl-mode=required&stmt_cache_size=7")
                .unwrap();
        assert_eq!(options.pass(), Some("p@/"));
        assert_eq!(options.db_name(), Some("n"));
        assert_eq!(options.tcp_port(), 3307);
        assert_eq!(options.stmt_cache_size(), 7);
        assert!(super::options("mysql://db/n?nonsense=1").is_err());
    }

    #[test]
    fn addresses_are_shown_without_credentials() {
        assert_eq!(without_credentials("mysql://u:p@db:1/n?x"), "mysql://db:1");
        assert!(!without_credentials("user:secret").contains("secret"));
    }
}
