-- Upgrades a sessions table of the documented columns, or of an earlier version, in place. The service does it on first use.
-- A statement that fails because its column is there already has nothing left to do: go on.

CREATE INDEX IF NOT EXISTS `refresh_tokens_user_id` ON `refresh_tokens` (`user_id`);

CREATE INDEX IF NOT EXISTS `refresh_tokens_expires_at` ON `refresh_tokens` (`expires_at`);

ALTER TABLE `refresh_tokens` ADD COLUMN `created_at` INTEGER NOT NULL DEFAULT 0;

ALTER TABLE `refresh_tokens` ADD COLUMN `generation` INTEGER NOT NULL DEFAULT 0;

ALTER TABLE `refresh_tokens` ADD COLUMN `handle_sealed` TEXT;
