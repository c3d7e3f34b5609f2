//! Ports for servers that may be stopped and started again.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    net::{Ipv4Addr, TcpListener},
};

use anyhow::{Result, bail};

/// A port below the range that the system gives to outgoing connections: one of those could otherwise sit
/// on the port of a stopped server when it is to start again.
pub(super) fn free_port() -> Result<u16> {
    for _ in 0..200 {
        let port = 20_000 + u16::try_from(RandomState::new().hash_one(0) % 12_000)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port between 20000 and 32000 on 127.0.0.1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_are_outside_the_range_of_outgoing_connections() {
        let port = free_port().unwrap();
        assert!((20_000..32_000).contains(&port));
    }
}
