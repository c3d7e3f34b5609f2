//! The statements, with the tables' names in them.

use session_core::domain::config::Tables;
use session_core::domain::device::REQUIRED;
use session_core::domain::id::Generation;

use super::dialect::SqlDialect;
use super::migrations::RECORD_PREFIX;
use super::rows::LAST_TICK;
use crate::ports::{BACKLOG_ROWS, BATCH_ROWS, SAMPLE_ROWS};

/// The statements, with the tables' names filled in once.
pub(super) struct Sql {
    pub(super) insert: String,
    pub(super) find: String,
    pub(super) bind: String,
    pub(super) confirm: String,
    pub(super) revoke: String,
    pub(super) next_batch_of_user: String,
    pub(super) revoke_batch_of_user: String,
    pub(super) revoke_rest_of_user: String,
    pub(super) revocations: String,
    pub(super) remove: String,
    pub(super) read_data: String,
    pub(super) write_data: String,
    pub(super) record: String,
    pub(super) write_payload: String,
    pub(super) list_user: String,
    pub(super) keys: String,
    pub(super) add_key: String,
    pub(super) remove_key: String,
    pub(super) record_tick: String,
    pub(super) last_tick: String,
    sessions: String,
    pub(super) some_expired: String,
    pub(super) remove_expired: String,
    pub(super) count_expired: String,
    pub(super) count_bound: String,
    pub(super) estimate_rows: String,
}

impl Sql {
    pub(super) fn new(dialect: SqlDialect, tables: &Tables) -> Self {
        let (sessions, keys) = (&tables.refresh_tokens, &tables.signing_key);
        let not_revoked = format!("`generation` <> {}", Generation::REVOKED.0);
        let live = format!("`session_handle_hash_1` = ? AND `expires_at` > ? AND {not_revoked}");
        let (same_user, order) = (dialect.same_user(), dialect.order_of_user());
        let from = format!("{same_user} AND `session_handle_hash_1` <> ? AND {order} >= ?");
        let revoke = revoke(sessions);
        Self {
            insert: format!(
                "INSERT INTO `{sessions}` (`session_handle_hash_1`, `user_id`, `refresh_token_hash_2`, \
                 `session_info`, `expires_at`, `jwt_user_payload`, `generation`, `created_at`, \
                 `handle_sealed`, `device_key`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            ),
            find: format!(
                "SELECT `user_id`, `refresh_token_hash_2`, `generation`, `expires_at`, `jwt_user_payload`, \
                 `device_key` FROM `{sessions}` WHERE {live}"
            ),
            bind: format!(
                "UPDATE `{sessions}` SET `device_key` = ? WHERE {live} AND `refresh_token_hash_2` = ? \
                 AND (`device_key` IS NULL OR `device_key` = '{REQUIRED}')"
            ),
            confirm: format!(
                "UPDATE `{sessions}` SET `refresh_token_hash_2` = ?, `generation` = `generation` + 1, \
                 `expires_at` = ?, `handle_sealed` = ? WHERE {live} AND `refresh_token_hash_2` = ?"
            ),
            revoke: format!("{revoke} WHERE {not_revoked} AND `session_handle_hash_1` = ?"),
            next_batch_of_user: format!(
                "SELECT {order} FROM `{sessions}` WHERE {from} ORDER BY {order} LIMIT 1 OFFSET {BATCH_ROWS}"
            ),
            revoke_batch_of_user: format!(
                "{revoke} WHERE {not_revoked} AND {from} AND {order} < ?"
            ),
            revoke_rest_of_user: format!("{revoke} WHERE {not_revoked} AND {from}"),
            revocations: format!(
                "SELECT `session_handle_hash_1`, `expires_at`, `user_id` FROM `{sessions}` \
                 WHERE `generation` = {} AND `expires_at` >= ? AND `expires_at` < ? \
                 AND (`expires_at` > ? OR `session_handle_hash_1` > ?) \
                 ORDER BY `expires_at`, `session_handle_hash_1` LIMIT {BATCH_ROWS}",
                Generation::REVOKED.0
            ),
            remove: format!("DELETE FROM `{sessions}` WHERE `session_handle_hash_1` = ?"),
            read_data: format!("SELECT `session_info` FROM `{sessions}` WHERE {live}"),
            write_data: format!("UPDATE `{sessions}` SET `session_info` = ? WHERE {live}"),
            record: format!(
                "SELECT `user_id`, `refresh_token_hash_2`, `generation`, `expires_at`, `jwt_user_payload`, \
                 `device_key`, `session_info`, `created_at` FROM `{sessions}` WHERE {live}"
            ),
            write_payload: format!("UPDATE `{sessions}` SET `jwt_user_payload` = ? WHERE {live}"),
            list_user: format!(
                "SELECT `session_handle_hash_1`, `handle_sealed`, `created_at`, `expires_at`, `device_key` \
                 FROM `{sessions}` WHERE {same_user} AND `expires_at` > ? AND {not_revoked} \
                 AND `handle_sealed` IS NOT NULL \
                 AND `session_handle_hash_1` > ? ORDER BY `session_handle_hash_1` LIMIT ?"
            ),
            keys: format!(
                "SELECT `key_name`, `key_value`, `created_at_time` FROM `{keys}` \
                 WHERE `key_name` <> '{LAST_TICK}' AND `key_name` NOT LIKE '{RECORD_PREFIX}%'"
            ),
            add_key: format!(
                "{} `{keys}` (`key_name`, `key_value`, `created_at_time`) VALUES (?, ?, ?)",
                dialect.insert_ignore()
            ),
            remove_key: format!("DELETE FROM `{keys}` WHERE `key_name` = ?"),
            record_tick: format!(
                "REPLACE INTO `{keys}` (`key_name`, `key_value`, `created_at_time`) VALUES (?, ?, ?)"
            ),
            last_tick: format!(
                "SELECT `key_value`, `created_at_time` FROM `{keys}` WHERE `key_name` = ?"
            ),
            sessions: sessions.clone(),
            some_expired: count(sessions, "`expires_at` < ?", BATCH_ROWS),
            remove_expired: dialect.delete_batch(sessions, "`expires_at` < ?", BATCH_ROWS),
            count_expired: count(sessions, "`expires_at` < ?", BACKLOG_ROWS),
            count_bound: format!(
                "SELECT COUNT(*) FROM (SELECT `device_key` FROM `{sessions}` LIMIT {SAMPLE_ROWS}) AS batch \
                 WHERE `device_key` <> '{REQUIRED}'"
            ),
            estimate_rows: dialect.estimate_rows(sessions),
        }
    }

    /// What revokes those of `count` sessions that are live, and which of them have this mark.
    pub(super) fn of_many(&self, count: usize) -> (String, String) {
        let (sessions, revoked) = (&self.sessions, Generation::REVOKED.0);
        let these = format!(
            "`session_handle_hash_1` IN ({})",
            vec!["?"; count].join(", ")
        );
        (
            format!(
                "{} WHERE `expires_at` > ? AND `generation` <> {revoked} AND {these}",
                revoke(sessions)
            ),
            format!(
                "SELECT `session_handle_hash_1` FROM `{sessions}` WHERE `refresh_token_hash_2` = ? AND {these}"
            ),
        )
    }
}

/// Makes rows tombstones: a mark, an expiry that is over and a reason take the place of the refresh token, the expiry and
/// the user, and what the session held is gone.
fn revoke(sessions: &str) -> String {
    format!(
        "UPDATE `{sessions}` SET `refresh_token_hash_2` = ?, `expires_at` = ?, `user_id` = ?, `generation` = {}, \
         `session_info` = NULL, `jwt_user_payload` = NULL, `handle_sealed` = NULL, `device_key` = NULL",
        Generation::REVOKED.0
    )
}

/// Counts rows, at most `limit` of them.
fn count(table: &str, condition: &str, limit: u64) -> String {
    format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM `{table}` WHERE {condition} LIMIT {limit}) AS batch"
    )
}
