-- When a session ends whatever is done with it, who uses it, and how its user was authenticated.
-- In rows from before they are NULL. Servers since MySQL 8.0 and MariaDB 10.3 add them without rebuilding the table.

ALTER TABLE `refresh_tokens`
    ADD COLUMN `ends_at` BIGINT UNSIGNED
        COMMENT 'ms since the Unix epoch; the session is live before it, refreshed or not; NULL: no such end',
    ADD COLUMN `idle_timeout` BIGINT UNSIGNED
        COMMENT 'ms; how long the session lives without a refresh, at most what the settings say; NULL: what they say',
    ADD COLUMN `last_active_at` BIGINT UNSIGNED
        COMMENT 'ms since the Unix epoch; when the current refresh token was issued; NULL: not known',
    ADD COLUMN `client` TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
        COMMENT 'where the session is used, as the site says, verbatim JSON; NULL: not known',
    ADD COLUMN `authentication` TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
        COMMENT 'when and how the user was authenticated, as JSON: time (ms since the Unix epoch), methods, level; NULL: not known';

INSERT IGNORE INTO `signing_key` (`key_name`, `key_value`, `created_at_time`) VALUES
    ('migration.005', 'lifetimes', CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED));
