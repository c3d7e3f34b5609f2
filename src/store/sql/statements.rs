//! The statements, with the tables' names in them.

use session_core::domain::config::Tables;
use session_core::domain::device::REQUIRED;
use session_core::domain::id::Generation;

use super::dialect::SqlDialect;
use super::migrations::RECORD_PREFIX;
use super::rows::LAST_TICK;
use crate::ports::{BACKLOG_ROWS, BATCH_ROWS, SAMPLE_ROWS};

/// The columns of a session that a request decides by, in the order in which they are decoded.
const SESSION: &str = "`user_id`, `refresh_token_hash_2`, `generation`, `expires_at`, `jwt_user_payload`, `ends_at`, \
                       `idle_timeout`, `last_active_at`, `authentication`, `device_key`";

/// The statements, with the tables' names filled in once. They keep to what engines that divide a table's rows take, too:
/// the table of forms that they refuse is `tests/subset.rs`.
#[cfg_attr(test, derive(Debug))]
pub(super) struct Sql {
    pub(super) insert: String,
    pub(super) find: String,
    pub(super) bind: String,
    pub(super) confirm: String,
    pub(super) extend: String,
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
    /// The oldest first, and the newest first.
    pub(super) by_age: [String; 2],
    pub(super) keys: String,
    pub(super) add_key: String,
    pub(super) remove_key: String,
    pub(super) rewrite_tick: String,
    pub(super) last_tick: String,
    sessions: String,
    unexpired: String,
    pub(super) some_expired: String,
    pub(super) count_expired: String,
    pub(super) count_bound: String,
    pub(super) estimate_rows: String,
}

impl Sql {
    pub(super) fn new(dialect: SqlDialect, tables: &Tables) -> Self {
        let (sessions, keys) = (&tables.refresh_tokens, &tables.signing_key);
        // The release before knows no `ends_at`, and may set a later `expires_at`.
        let least = dialect.least();
        let not_revoked = format!("`generation` <> {}", Generation::REVOKED.0);
        let unexpired = format!(
            "{least}(`expires_at`, COALESCE(`ends_at`, `expires_at`)) > ? AND {not_revoked}"
        );
        let live = format!("`session_handle_hash_1` = ? AND {unexpired}");
        let (same_user, order) = (dialect.same_user(), dialect.order_of_user());
        let from = format!("{same_user} AND `session_handle_hash_1` <> ? AND {order} >= ?");
        let revoke = revoke(sessions);
        Self {
            insert: format!(
                "INSERT INTO `{sessions}` (`session_handle_hash_1`, `user_id`, `refresh_token_hash_2`, \
                 `session_info`, `expires_at`, `jwt_user_payload`, `generation`, `created_at`, \
                 `handle_sealed`, `ends_at`, `idle_timeout`, `last_active_at`, `client`, \
                 `authentication`, `device_key`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            ),
            bind: format!(
                "UPDATE `{sessions}` SET `device_key` = ? WHERE {live} AND `refresh_token_hash_2` = ? \
                 AND (`device_key` IS NULL OR `device_key` = '{REQUIRED}')"
            ),
            find: format!("SELECT {SESSION} FROM `{sessions}` WHERE {live}"),
            confirm: format!(
                "UPDATE `{sessions}` SET `refresh_token_hash_2` = ?, `generation` = `generation` + 1, \
                 `expires_at` = {least}(?, COALESCE(? + `idle_timeout`, ?), COALESCE(`ends_at`, ?)), \
                 `handle_sealed` = ?, `last_active_at` = ?, `client` = COALESCE(?, `client`) \
                 WHERE {live} AND `refresh_token_hash_2` = ?"
            ),
            extend: format!(
                "UPDATE `{sessions}` SET `expires_at` = {least}(?, COALESCE(`ends_at`, ?)) \
                 WHERE {live} AND `refresh_token_hash_2` = ? AND `expires_at` < ?"
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
                 ORDER BY `expires_at`, `session_handle_hash_1` LIMIT ?",
                Generation::REVOKED.0
            ),
            remove: format!("DELETE FROM `{sessions}` WHERE `session_handle_hash_1` = ?"),
            read_data: format!("SELECT `session_info` FROM `{sessions}` WHERE {live}"),
            write_data: format!("UPDATE `{sessions}` SET `session_info` = ? WHERE {live}"),
            record: format!(
                "SELECT {SESSION}, `session_info`, `created_at`, `client` FROM `{sessions}` WHERE {live}"
            ),
            write_payload: format!("UPDATE `{sessions}` SET `jwt_user_payload` = ? WHERE {live}"),
            list_user: format!(
                "SELECT `session_handle_hash_1`, `handle_sealed`, `created_at`, `expires_at`, `ends_at`, \
                 `last_active_at`, `client`, `device_key` FROM `{sessions}` WHERE {same_user} AND {unexpired} \
                 AND `session_handle_hash_1` > ? ORDER BY `session_handle_hash_1` LIMIT ?"
            ),
            by_age: ["", "DESC"].map(|order| {
                format!(
                    "SELECT `session_handle_hash_1` FROM `{sessions}` WHERE {same_user} AND {unexpired} \
                     ORDER BY `created_at` {order}, `session_handle_hash_1` {order} LIMIT ? OFFSET ?"
                )
            }),
            keys: format!(
                "SELECT `key_name`, `key_value`, `created_at_time` FROM `{keys}` \
                 WHERE `key_name` <> '{LAST_TICK}' AND `key_name` NOT LIKE '{RECORD_PREFIX}%'"
            ),
            add_key: format!(
                "{} `{keys}` (`key_name`, `key_value`, `created_at_time`) VALUES (?, ?, ?)",
                dialect.insert_ignore()
            ),
            remove_key: format!("DELETE FROM `{keys}` WHERE `key_name` = ?"),
            rewrite_tick: format!(
                "UPDATE `{keys}` SET `key_value` = ?, `created_at_time` = ? WHERE `key_name` = ?"
            ),
            last_tick: format!(
                "SELECT `key_value`, `created_at_time` FROM `{keys}` WHERE `key_name` = ?"
            ),
            sessions: sessions.clone(),
            unexpired,
            some_expired: format!(
                "SELECT `session_handle_hash_1` FROM `{sessions}` WHERE `expires_at` < ? LIMIT {BATCH_ROWS}"
            ),
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
        let (sessions, unexpired) = (&self.sessions, &self.unexpired);
        let these = is_one_of(count);
        (
            format!("{} WHERE {unexpired} AND {these}", revoke(sessions)),
            format!(
                "SELECT `session_handle_hash_1` FROM `{sessions}` WHERE `refresh_token_hash_2` = ? AND {these}"
            ),
        )
    }

    /// What removes those of `count` rows that have expired.
    pub(super) fn remove_expired(&self, count: usize) -> String {
        let these = is_one_of(count);
        format!(
            "DELETE FROM `{}` WHERE `expires_at` < ? AND {these}",
            self.sessions
        )
    }
}

/// The condition that a row is one of `count`, with a parameter for the key of each.
fn is_one_of(count: usize) -> String {
    let places = vec!["?"; count].join(", ");
    format!("`session_handle_hash_1` IN ({places})")
}

/// Makes rows tombstones: a mark, an expiry that is over and a reason take the place of the refresh token, the expiry and
/// the user, and what the session held is gone.
fn revoke(sessions: &str) -> String {
    format!(
        "UPDATE `{sessions}` SET `refresh_token_hash_2` = ?, `expires_at` = ?, `user_id` = ?, `generation` = {}, \
         `session_info` = NULL, `jwt_user_payload` = NULL, `handle_sealed` = NULL, `client` = NULL, \
         `authentication` = NULL, `device_key` = NULL",
        Generation::REVOKED.0
    )
}

/// Counts rows, at most `limit` of them.
fn count(table: &str, condition: &str, limit: u64) -> String {
    format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM `{table}` WHERE {condition} LIMIT {limit}) AS batch"
    )
}
