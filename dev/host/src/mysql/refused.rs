//! Statements that MySQL 9 cannot prepare. MariaDB takes some of them, so that only a list keeps a
//! component that was tested there from failing on MySQL.

/// Words that such statements begin with.
const REFUSED: &[&[&str]] = &[
    &["BEGIN"],
    &["START", "TRANSACTION"],
    &["SAVEPOINT"],
    &["RELEASE", "SAVEPOINT"],
    &["ROLLBACK", "TO"],
    &["ROLLBACK", "WORK", "TO"],
    &["LOCK", "TABLE"],
    &["LOCK", "TABLES"],
    &["UNLOCK", "TABLE"],
    &["UNLOCK", "TABLES"],
    &["USE"],
    &["XA"],
];

/// The first words of `sql` if they make MySQL refuse it.
pub(super) fn by_prepare(sql: &str) -> Option<String> {
    let sql = skip_comments(sql);
    REFUSED.iter().find_map(|words| {
        let mut found = sql
            .split(|c: char| c.is_whitespace() || c == ';' || c == '`')
            .filter(|word| !word.is_empty());
        let matches = words.iter().all(|word| {
            found
                .next()
                .is_some_and(|found| found.eq_ignore_ascii_case(word))
        });
        matches.then(|| words.join(" "))
    })
}

fn skip_comments(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start();
        let rest = if sql.starts_with("-- ") || sql.starts_with('#') {
            sql.split_once('\n').map(|(_, rest)| rest)
        } else if sql.starts_with("/*") {
            sql.split_once("*/").map(|(_, rest)| rest)
        } else {
            return sql;
        };
        match rest {
            Some(rest) => sql = rest,
            None => return "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_refused_however_they_are_written() {
        for sql in [
            "BEGIN",
            "begin;",
            "  START\n TRANSACTION READ ONLY",
            "-- why\nBEGIN",
            "/* a */ /* b */ begin work",
            "LOCK TABLES t WRITE",
            "rollback to s",
        ] {
            assert!(by_prepare(sql).is_some(), "{sql}");
        }
    }

    #[test]
    fn others_are_not() {
        for sql in [
            "SELECT 1",
            "COMMIT",
            "ROLLBACK",
            "SET autocommit=0",
            "INSERT INTO begin VALUES (1)",
            "BEGINNING",
            "",
            "-- BEGIN",
            "DELETE FROM t",
            "SELECT 'BEGIN'",
        ] {
            assert_eq!(by_prepare(sql), None, "{sql}");
        }
    }
}
