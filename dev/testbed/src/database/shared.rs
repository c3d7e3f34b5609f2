//! One server of each flavor for all the tests of a process, perhaps started by another process.

use std::sync::OnceLock;

use anyhow::{Result, anyhow};

use super::{Flavor, Server};

/// The server that all tests of this process share: the one that the environment names, or one started now.
///
/// # Panics
/// When it cannot be started; the message says why and what to do.
pub fn shared(flavor: Flavor) -> &'static Server {
    static MARIADB: OnceLock<Server> = OnceLock::new();
    static MYSQL: OnceLock<Server> = OnceLock::new();
    let cell = match flavor {
        Flavor::MariaDb => &MARIADB,
        Flavor::MySql => &MYSQL,
    };
    cell.get_or_init(|| {
        let server = match std::env::var(flavor.address_variable()) {
            Ok(address) => borrowed(flavor, &address),
            Err(_) => Server::start_with(flavor, flavor.suite_arguments()),
        };
        server.unwrap_or_else(|error| panic!("no {} to test with: {error:#}", flavor.name()))
    })
}

fn borrowed(flavor: Flavor, address: &str) -> Result<Server> {
    let variable = flavor.address_variable();
    let address = serde_json::from_str(address)
        .map_err(|error| anyhow!("{variable} is not the address of a server: {error}"))?;
    Ok(Server {
        flavor,
        address,
        own: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_the_environment() {
        let text = r#"{"host":"127.0.0.1","port":3307,"user":"root","password":"p@ss:w/o#rd%?"}"#;
        let server = borrowed(Flavor::MariaDb, text).unwrap();
        assert_eq!(server.port(), 3307);
        assert_eq!(server.password(), "p@ss:w/o#rd%?");
        assert_eq!(server.address_json(), text);
        assert!(borrowed(Flavor::MySql, "127.0.0.1:3306").is_err());
    }
}
