-- On each data server, after the files of sql/mysql in its database `session`.
-- A statement that hangs ends before the request that waits for it has been answered twice.

CREATE USER 'spider'@'%' IDENTIFIED BY 'change this' WITH MAX_STATEMENT_TIME 10;

GRANT SELECT, INSERT, UPDATE, DELETE ON `session`.* TO 'spider'@'%';
