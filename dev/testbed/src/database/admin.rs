//! Single statements as root, for callers of any kind: inside or outside of an asynchronous runtime.

use std::{thread, time::Duration};

use anyhow::{Context, Result, bail};
use mysql_async::{Conn, OptsBuilder, Row, SslOpts, Value, prelude::Queryable};

use super::Address;

/// A paused server never answers; a large fixture may take a while.
const LIMIT: Duration = Duration::from_secs(120);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Runs `sql` on a connection of its own.
pub(super) fn query(address: &Address, sql: &str) -> Result<Vec<Vec<String>>> {
    // A thread, because a caller may be inside a runtime, where a second one can't be entered.
    thread::scope(|scope| {
        scope
            .spawn(|| {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .context("failed to start a runtime")?
                    .block_on(query_async(address, sql))
            })
            .join()
            .expect("the statement's thread does not panic")
    })
}

async fn query_async(address: &Address, sql: &str) -> Result<Vec<Vec<String>>> {
    let options = OptsBuilder::default()
        .ip_or_hostname(address.host.clone())
        .tcp_port(address.port)
        .user(Some(address.user.clone()))
        .pass(Some(address.password.clone()))
        // The socket is in a private folder, and its path differs inside a chroot.
        .prefer_socket(false);
    let connect = async |options: OptsBuilder| {
        let Ok(connection) = tokio::time::timeout(CONNECT_LIMIT, Conn::new(options)).await else {
            bail!("no connection within {} s", CONNECT_LIMIT.as_secs());
        };
        connection.context("failed to connect")
    };
    let mut connection = match connect(options.clone()).await {
        // A test has set `require_secure_transport`; the server made its certificate itself.
        Err(error) if format!("{error:#}").contains("ERROR 3159") => {
            let tls = SslOpts::default().with_danger_accept_invalid_certs(true);
            connect(options.ssl_opts(tls)).await?
        }
        connection => connection?,
    };
    let Ok(rows) = tokio::time::timeout(LIMIT, connection.query::<Row, _>(sql)).await else {
        bail!("no answer within {} s to: {sql}", LIMIT.as_secs());
    };
    let rows = rows.with_context(|| format!("failed to run: {sql}"))?;
    connection
        .disconnect()
        .await
        .context("failed to disconnect")?;
    Ok(rows
        .into_iter()
        .map(|row| row.unwrap().into_iter().map(text).collect())
        .collect())
}

/// The text protocol gives every value as bytes, except for NULL.
fn text(value: Value) -> String {
    match value {
        Value::NULL => "NULL".to_owned(),
        Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        other => other.as_sql(true),
    }
}
