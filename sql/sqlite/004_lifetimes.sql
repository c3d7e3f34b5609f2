-- When a session ends whatever is done with it, who uses it, and how its user was authenticated.
-- In rows from before they are NULL. sql/mysql/005_lifetimes.sql says what each holds.

ALTER TABLE `refresh_tokens` ADD COLUMN `ends_at` INTEGER;

ALTER TABLE `refresh_tokens` ADD COLUMN `idle_timeout` INTEGER;

ALTER TABLE `refresh_tokens` ADD COLUMN `last_active_at` INTEGER;

ALTER TABLE `refresh_tokens` ADD COLUMN `client` TEXT;

ALTER TABLE `refresh_tokens` ADD COLUMN `authentication` TEXT;

INSERT OR IGNORE INTO `signing_key` (`key_name`, `key_value`, `created_at_time`) VALUES
    ('migration.004', 'lifetimes', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));
