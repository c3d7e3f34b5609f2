-- The tables of the session service on SQLite. The service creates them on first use.
-- The table of keys comes last: whoever finds it finds everything.

CREATE TABLE IF NOT EXISTS `refresh_tokens` (
    `session_handle_hash_1` TEXT NOT NULL PRIMARY KEY,  -- hex SHA-256 of the session handle
    `user_id`               TEXT NOT NULL,              -- whose session it is
    `refresh_token_hash_2`  TEXT NOT NULL,              -- hex SHA-256 of the hex SHA-256 of the current refresh token
    `session_info`          TEXT,                       -- session data, verbatim JSON; NULL: none
    `expires_at`            INTEGER NOT NULL,           -- ms since the Unix epoch; the session is live before it
    `jwt_user_payload`      TEXT,                       -- what access tokens carry as userPayload, verbatim JSON; NULL: none
    `generation`            INTEGER NOT NULL DEFAULT 0, -- how many refresh tokens came before the current one
    `created_at`            INTEGER NOT NULL DEFAULT 0, -- ms since the Unix epoch; 0: before this column was there
    `handle_sealed`         TEXT                        -- base64url of the session handle under a cover that only the service can lift; NULL: not to be listed
);

CREATE INDEX IF NOT EXISTS `refresh_tokens_user_id` ON `refresh_tokens` (`user_id`);

CREATE INDEX IF NOT EXISTS `refresh_tokens_expires_at` ON `refresh_tokens` (`expires_at`);

CREATE TABLE IF NOT EXISTS `signing_key` (
    `key_name`        TEXT NOT NULL PRIMARY KEY, -- access_token_signing_key.<generation>, refresh_token_key, master_key_check.<fingerprint>, or last_tick
    `key_value`       TEXT NOT NULL,             -- by its name: a key or a check value, in base64url, or the last tick's figures
    `created_at_time` INTEGER NOT NULL           -- ms since the Unix epoch; an access-token key signs from then on
);
