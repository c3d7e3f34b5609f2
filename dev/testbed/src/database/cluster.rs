//! Clusters of private servers on loopback: MariaDB's with Galera, MySQL's with group replication.

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
    /// Starts so many nodes of Galera, one after the other, each with a copy of the first one's data; `arguments` are for all
    /// of them.
    pub fn galera(nodes: usize, arguments: &[&str]) -> Result<Self> {
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

    /// Starts so many members of a group of MySQL servers, the first of which is the primary; `arguments` are for all of them.
    pub fn group(members: usize, arguments: &[&str]) -> Result<Self> {
        let ports: Vec<u16> = (0..members).map(|_| free_port()).collect::<Result<_>>()?;
        let address = |port: &u16| format!("127.0.0.1:{port}");
        let seeds = ports.iter().map(address).collect::<Vec<_>>().join(",");
        let mut group = Self { nodes: Vec::new() };
        for (number, port) in ports.iter().enumerate() {
            let own = [
                format!("--server-id={}", number + 1),
                format!("--group-replication-local-address={}", address(port)),
                format!("--group-replication-group-seeds={seeds}"),
            ];
            let all = [
                "--log-bin=binlog",
                "--gtid-mode=ON",
                "--enforce-gtid-consistency=ON",
                "--report-host=127.0.0.1",
                "--plugin-load-add=group_replication.so",
                "--group-replication-group-name=5e551015-0000-4000-8000-000000000000",
                "--group-replication-start-on-boot=OFF",
                "--group-replication-recovery-get-public-key=ON",
                "--group-replication-member-expel-timeout=0",
            ];
            let all: Vec<&str> = own
                .iter()
                .map(|argument| &**argument)
                .chain(all)
                .chain(arguments.iter().copied())
                .collect();
            let member = match group.nodes.first() {
                None => Server::start_with(Flavor::MySql, &all),
                Some(first) => {
                    let password = first.password().to_owned();
                    Server::start_as(Flavor::MySql, &all, password, true)
                }
            };
            let member = member.with_context(|| format!("failed to start member {number}"))?;
            // What each has done alone so far, the same on all of them, is not part of the group's history.
            member.execute_admin("RESET BINARY LOGS AND GTIDS")?;
            if number == 0 {
                member.execute_admin("SET GLOBAL group_replication_bootstrap_group = ON")?;
            }
            Self::join(&member)?;
            member.execute_admin("SET GLOBAL group_replication_bootstrap_group = OFF")?;
            group.nodes.push(member);
        }
        Ok(group)
    }

    /// Lets a member take part in its group again, after it was away.
    pub fn join(member: &Server) -> Result<()> {
        let (user, password) = (member.user(), member.password());
        let sql = format!("START GROUP_REPLICATION USER = '{user}', PASSWORD = '{password}'");
        member.execute_admin(&sql)
    }

    /// Its nodes.
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }
}
