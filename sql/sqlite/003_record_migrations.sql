-- Records in the key table which files of this folder were run. From here on each file ends with its own record.

INSERT OR IGNORE INTO `signing_key` (`key_name`, `key_value`, `created_at_time`) VALUES
    ('migration.001', 'create_tables', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),
    ('migration.002', 'upgrade_documented_tables', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),
    ('migration.003', 'record_migrations', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));
