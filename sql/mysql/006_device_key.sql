-- Sessions that are bound to a key of a device.

ALTER TABLE `refresh_tokens`
    ADD COLUMN `device_key` VARCHAR(86) CHARACTER SET ascii COLLATE ascii_bin
        COMMENT 'base64url of x and y of the public key (P-256) that must prove a refresh; required: none yet; NULL: not bound';

INSERT IGNORE INTO `signing_key` (`key_name`, `key_value`, `created_at_time`) VALUES
    ('migration.006', 'device_key', CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED));
