-- The tables of the session service on MySQL and MariaDB.
-- The service creates them on first use if its user may; otherwise run this file once, in its database.
-- Text compares byte for byte (binary collations). A session's data is stored as it was sent.

CREATE TABLE IF NOT EXISTS `signing_key` (
    `key_name`        VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'access_token_signing_key.<generation>, refresh_token_key, master_key_check.<fingerprint>, or last_tick',
    `key_value`       VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'by its name: a key or a check value, in URL-safe base64 without padding, or the figures of the last tick',
    `created_at_time` BIGINT UNSIGNED NOT NULL
        COMMENT 'ms since the Unix epoch; an access-token key signs from then on',
    PRIMARY KEY (`key_name`)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS `refresh_tokens` (
    `session_handle_hash_1` VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'hex SHA-256 of the session handle',
    `user_id`               VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
        COMMENT 'whose session it is',
    `refresh_token_hash_2`  VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'hex SHA-256 of the hex SHA-256 of the current refresh token',
    `session_info`          TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
        COMMENT 'session data, verbatim JSON; NULL: none',
    `expires_at`            BIGINT UNSIGNED NOT NULL
        COMMENT 'ms since the Unix epoch; the session is live before it',
    `jwt_user_payload`      TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
        COMMENT 'what access tokens carry as userPayload, verbatim JSON; NULL: none',
    `generation`            INT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'how many refresh tokens of the session came before the current one',
    `created_at`            BIGINT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'ms since the Unix epoch; 0: before this column was there',
    `handle_sealed`         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
        COMMENT 'base64url of the session handle under a cover that only the service can lift; NULL: not to be listed',
    PRIMARY KEY (`session_handle_hash_1`),
    KEY `refresh_tokens_user_id` (`user_id`),
    KEY `refresh_tokens_expires_at` (`expires_at`)
) ENGINE = InnoDB;
