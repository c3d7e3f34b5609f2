//! A Galera cluster of private MariaDB servers on loopback.

use anyhow::{Context, Result};

use super::{Flavor, Server, port::free_port};
use crate::packages;

/// Where Debian's package puts it.
const PROVIDER: &str = "/usr/lib/galera/libgalera_smm.so";

/// A running cluster. Dropping it ends all nodes.
pub struct Cluster {
    nodes: Vec<Server>,
}

impl Cluster {
    /// Starts so many nodes, one after the other, each with a copy of the first one's data; `arguments` are for all of them.
    pub fn start(nodes: usize, arguments: &[&str]) -> Result<Self> {
        packages::ensure(packages::MARIADB)?;
        packages::ensure_galera(PROVIDER)?;
        packages::ensure(packages::RSYNC)?;
        let ports: Vec<[u16; 3]> = (0..nodes)
            .map(|_| Ok([free_port()?, free_port()?, free_port()?]))
            .collect::<Result<_>>()?;
        let meeting_point = ports.first().context("a cluster has a node")?[0];
        let mut cluster = Self { nodes: Vec::new() };
        for (number, [group, increments, copies]) in ports.into_iter().enumerate() {
            let first = cluster.nodes.first();
            let address = match number {
                0 => "gcomm://".to_owned(),
                _ => format!("gcomm://127.0.0.1:{meeting_point}"),
            };
            let options = format!(
                "--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{group};\
                 ist.recv_addr=127.0.0.1:{increments};gcache.size=16M;pc.recovery=no;\
                 evs.keepalive_period=PT0.2S;evs.inactive_check_period=PT0.2S;evs.suspect_timeout=PT1S;\
                 evs.inactive_timeout=PT3S;evs.install_timeout=PT3S"
            );
            let own = [
                "--wsrep-on=ON".to_owned(),
                format!("--wsrep-provider={PROVIDER}"),
                format!("--wsrep-cluster-address={address}"),
                "--wsrep-node-address=127.0.0.1".to_owned(),
                format!("--wsrep-node-name=node{number}"),
                "--wsrep-sst-method=rsync".to_owned(),
                format!("--wsrep-sst-receive-address=127.0.0.1:{copies}"),
                "--binlog-format=ROW".to_owned(),
                "--innodb-autoinc-lock-mode=2".to_owned(),
                options,
            ];
            let all: Vec<&str> = own
                .iter()
                .map(|argument| &**argument)
                .chain(arguments.iter().copied())
                .collect();
            let node = match first {
                None => Server::start_with(Flavor::MariaDb, &all),
                Some(first) => {
                    let password = first.password().to_owned();
                    Server::start_as(Flavor::MariaDb, &all, password, false)
                }
            };
            let node = node.with_context(|| format!("failed to start node {number}"))?;
            cluster.nodes.push(node);
        }
        Ok(cluster)
    }

    /// Its nodes.
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }
}
