-- Upgrades a sessions table that was made from the documented SQL, or by an earlier version, in place.
-- The service does it on first use if its user may; otherwise run this file once, in its database.
-- A statement that fails because its column or key is there already has nothing left to do: go on.

ALTER TABLE `refresh_tokens`
    MODIFY `user_id` VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    MODIFY `session_info` TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    MODIFY `jwt_user_payload` TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

ALTER TABLE `refresh_tokens` ADD KEY `refresh_tokens_user_id` (`user_id`);

ALTER TABLE `refresh_tokens` ADD KEY `refresh_tokens_expires_at` (`expires_at`);

ALTER TABLE `refresh_tokens`
    ADD COLUMN `created_at` BIGINT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'ms since the Unix epoch; 0: before this column was there';

ALTER TABLE `refresh_tokens`
    ADD COLUMN `generation` INT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'how many refresh tokens of the session came before the current one';

ALTER TABLE `refresh_tokens`
    ADD COLUMN `handle_sealed` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
        COMMENT 'base64url of the session handle under a cover that only the service can lift; NULL: not to be listed';
