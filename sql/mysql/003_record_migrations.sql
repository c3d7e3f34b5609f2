-- Records in the key table which files of this folder were run. From here on each file ends with its own record.

INSERT IGNORE INTO `signing_key` (`key_name`, `key_value`, `created_at_time`) VALUES
    ('migration.001', 'create_tables', CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)),
    ('migration.002', 'upgrade_documented_tables', CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)),
    ('migration.003', 'record_migrations', CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED));
