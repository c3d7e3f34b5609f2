-- Sessions that are bound to a key of a device: base64url of x and y of the public key (P-256) that must prove a refresh;
-- `required`: none yet; NULL: not bound.

ALTER TABLE `refresh_tokens` ADD COLUMN `device_key` TEXT;

INSERT OR IGNORE INTO `signing_key` (`key_name`, `key_value`, `created_at_time`) VALUES
    ('migration.005', 'device_key', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));
