-- Gives the tables, and the columns that were left to the server's default, a collation that every MySQL and MariaDB
-- knows, so that the dump of one can be restored on the other. It rebuilds a table of the documented SQL only.

ALTER TABLE `refresh_tokens`
    DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    MODIFY `session_handle_hash_1` VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'hex SHA-256 of the session handle',
    MODIFY `refresh_token_hash_2` VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'hex SHA-256 of the hex SHA-256 of the current refresh token';

ALTER TABLE `signing_key`
    DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    MODIFY `key_name` VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'a key: access_token_signing_key.<generation>, refresh_token_key, master_key_check.<fingerprint>; no key: last_tick, migration.<number>',
    MODIFY `key_value` VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'of a key: URL-safe base64 without padding of 32 bytes';

INSERT IGNORE INTO `signing_key` (`key_name`, `key_value`, `created_at_time`) VALUES
    ('migration.004', 'collations', CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED));
