-- On each Spider node, after the files of sql/mysql in its database `session`: its tables become a way to the rows of the
-- data servers. ALTER TABLE moves no rows here.
--
-- The keys of rows are hex digits of a hash, so equal ranges are equal shares. To divide a share, copy its rows to another
-- server, then give this table its ranges anew. A new file of sql/mysql is run on the data servers first.

CREATE SERVER data1 FOREIGN DATA WRAPPER mysql
    OPTIONS (HOST 'data1.internal', PORT 3306, DATABASE 'session', USER 'spider', PASSWORD 'change this');

CREATE SERVER data2 FOREIGN DATA WRAPPER mysql
    OPTIONS (HOST 'data2.internal', PORT 3306, DATABASE 'session', USER 'spider', PASSWORD 'change this');

CREATE SERVER data3 FOREIGN DATA WRAPPER mysql
    OPTIONS (HOST 'data3.internal', PORT 3306, DATABASE 'session', USER 'spider', PASSWORD 'change this');

ALTER TABLE `signing_key` ENGINE = SPIDER REMOTE_SERVER = 'data1' REMOTE_TABLE = 'signing_key';

ALTER TABLE `refresh_tokens` ENGINE = SPIDER REMOTE_TABLE = 'refresh_tokens'
    PARTITION BY RANGE COLUMNS (`session_handle_hash_1`) (
        PARTITION p1 VALUES LESS THAN ('55') REMOTE_SERVER = 'data1',
        PARTITION p2 VALUES LESS THAN ('aa') REMOTE_SERVER = 'data2',
        PARTITION p3 VALUES LESS THAN (MAXVALUE) REMOTE_SERVER = 'data3'
    );

CREATE USER 'session'@'%' IDENTIFIED BY 'change this, too';

GRANT SELECT, INSERT, UPDATE, DELETE ON `session`.* TO 'session'@'%';
