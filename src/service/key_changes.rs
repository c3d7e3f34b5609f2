//! Carrying out what the key plan says must change about the key table, for requests and for the scheduled component.

use session_core::domain::config::Config;
use session_core::domain::keys::{Change, KeyTable, Planner, Reason};
use session_core::platform::Platform;
use session_store::{KeyRow, KeyStore, StoreError};

use super::Result;

/// What was done, and the table as it is afterwards.
pub(super) struct Applied {
    pub(super) table: KeyTable,
    /// The row and the generation of the key that this call published; `None` if another caller was first.
    pub(super) published: Option<(KeyRow, u32)>,
    /// How many rows it removed.
    pub(super) removed: u64,
    /// The row at which it stopped, and why. The keys in the table can be used all the same.
    pub(super) failed: Option<(String, StoreError)>,
}

/// Reads the key table and makes the changes that are due.
///
/// # Errors
/// If the table cannot be read, contradicts the settings, or lacks a row without which there are no keys.
pub(super) async fn apply<S: KeyStore, P: Platform>(
    store: &S,
    platform: &P,
    config: &Config,
    planner: Planner,
) -> Result<Applied> {
    let now = platform.now();
    let mut rows = store.keys().await?;
    let mut table = KeyTable::read(&rows)?;
    let mut changes = table.plan(config, planner, now, platform)?;
    let needed: Vec<_> = changes.iter().filter_map(Change::needed).cloned().collect();
    if !needed.is_empty() {
        // Of any number of callers that add a row of one name one wins, and all read the winner's.
        store.add_keys(&needed).await?;
        rows = store.keys().await?;
        table = KeyTable::read(&rows)?;
        changes = table.plan(config, planner, now, platform)?;
    }
    let mut applied = Applied {
        table,
        published: None,
        removed: 0,
        failed: None,
    };
    for change in changes {
        match change {
            Change::Add(row, reason) => {
                if let Err(error) = store.add_keys(std::slice::from_ref(&row)).await {
                    applied.failed = Some((row.name, error));
                    break;
                }
                rows = store.keys().await?;
                applied.table = KeyTable::read(&rows)?;
                if let Reason::Next(generation) = reason
                    && rows.contains(&row)
                {
                    applied.published = Some((row, generation));
                }
            }
            Change::Remove(name, _) => {
                if let Err(error) = store.remove_key(&name).await {
                    applied.failed = Some((name, error));
                    break;
                }
                applied.removed += 1;
            }
        }
    }
    Ok(applied)
}
