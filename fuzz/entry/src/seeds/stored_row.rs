//! Seeds for rows. The choices: settings, dialect, time, what is done.

use super::{Named, seed};

pub(super) fn seeds() -> Vec<Named> {
    let row = "bob|{{current}}|#0|#1708640000000|{\"a\": 1}";
    let with = |from: &str, to: &str| row.replacen(from, to, 1);
    let deadlock = "!Server(ServerError { code: 1213, message: \"x\", state: \"40001\" })";
    let keyed = |rest: &str| format!("{{{{key_rows}}}}\n\n{rest}");
    let other =
        "bob|ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100|#3|#1708640000000|~";
    let key = |name: &str, time: &str| {
        format!("{name}|AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE|#{time}")
    };
    let two = [
        key("access_token_signing_key.1", "1600000000000"),
        key("access_token_signing_key.2", "1600086400000"),
        key("refresh_token_key", "1600000000000"),
    ]
    .join("\n");
    vec![
        seed("find", "0000", row),
        seed("find nothing", "0000", ""),
        seed("find without payload", "0000", with("{\"a\": 1}", "~")),
        seed("find no user", "0000", with("bob", "")),
        seed("find null user", "0000", with("bob", "~")),
        seed("find short hash", "0000", with("{{current}}", "00ff")),
        seed("find large generation", "0000", with("#0", "#4294967296")),
        seed("find text generation", "0000", with("#0", "0")),
        seed(
            "find largest time",
            "0000",
            with("1708640000000", "18446744073709551615"),
        ),
        seed("find broken payload", "0000", with("1}", "1")),
        seed("find short row", "0000", "bob|{{current}}"),
        seed(
            "find after a deadlock",
            "0000",
            format!("{deadlock}\n\n{row}"),
        ),
        seed(
            "find no table",
            "0000",
            "!ServerError { code: 1146 }\n\n\n\n\n\n",
        ),
        seed("find sqlite busy", "0100", "!database is locked"),
        seed("data", "0001", "[null ]"),
        seed("data none", "0001", "~"),
        seed("data broken", "0001", "{"),
        seed("keys", "0002", "{{key_rows}}"),
        seed("keys null", "0002", "access_token_signing_key.1|~|#1"),
        seed("rest", "0003", format!("\n\n{row}\n\n\n\n~\n\n\n\n#1")),
        seed("tick", "0014", two.as_str()),
        seed(
            "tick last generation",
            "0004",
            key("access_token_signing_key.4294967295", "1"),
        ),
        seed(
            "tick odd names",
            "0004",
            key("access_token_signing_key.+1", "18446744073709551615"),
        ),
        seed(
            "tick master key",
            "2014",
            "{{key_rows}}\n\n\n\n#1000\n\n\n\n#7",
        ),
        seed(
            "tick wrong check",
            "2004",
            key("master_key_check.01234567", "1"),
        ),
        seed("tick broken key", "0004", "refresh_token_key|x|#1"),
        seed("create", "0005", keyed("")),
        seed("create no keys", "0005", ""),
        seed("create broken key", "0005", "refresh_token_key|x|#1"),
        seed("create overdue key", "0025", keyed("")),
        seed("create master key", "2005", keyed("")),
        seed(
            "create refused",
            "0105",
            keyed("!attempt to write a readonly database"),
        ),
        seed("verify", "0006", keyed(&format!("\n\n{row}"))),
        seed("refresh", "0007", keyed(row)),
        seed("refresh other", "0007", keyed(other)),
        seed("refresh revoking", "2007", keyed(other)),
        seed(
            "refresh child",
            "0008",
            keyed(&format!("{row}\n\n\n\n{row}")),
        ),
        seed("refresh corrupt", "0007", keyed("bob|x")),
        seed("revoke all", "1009", "\n\n1\n\n\n\n1\n\n\n\n"),
        seed("data of a session", "000:", "{\"a\":1}"),
        seed("ready", "000;", keyed("#0")),
        seed("ready lost", "000;", "!Io(Io(Os { code: 104 }))\n\n!Io("),
    ]
}
