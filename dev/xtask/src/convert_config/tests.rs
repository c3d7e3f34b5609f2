use super::*;

const EVERYTHING: &str = r#"{
    "host": "10.0.0.5", "port": 8080,
    "mysql": {"host": " db.example ", "port": 3307, "user": "u", "password": "it's \"$HOME\" \\o/ `id`", "database": "auth",
              "connectionLimit": 50, "ssl": {"ca": "x"},
              "tables": {"signingKey": "keys", "refreshTokens": "sessions"}},
    "tokens": {
        "accessToken": {"signingKey": {"dynamic": true, "updateInterval": 48, "keyPath": "./secret/jwt.key"},
                        "validity": 600, "blacklisting": true},
        "refreshToken": {"validity": 720, "removalCronjobInterval": "0 0 0 1-31/7 * 1-5"},
        "enableAntiCsrf": false}
}"#;

#[test]
fn every_documented_option_has_its_setting() {
    let converted = convert(EVERYTHING).unwrap();
    assert_eq!(
        converted.environment_file(),
        r##"# For systemd: EnvironmentFile=. In a shell: set -a; . ./FILE; set +a
SPIN_VARIABLE_DATABASE="mysql"
SPIN_VARIABLE_MYSQL_HOST="db.example"
SPIN_VARIABLE_MYSQL_USER="u"
SPIN_VARIABLE_MYSQL_PASSWORD="it's \"\$HOME\" \\o/ \`id\`"
SPIN_VARIABLE_MYSQL_DATABASE="auth"
SPIN_VARIABLE_MYSQL_PORT="3307"
SPIN_VARIABLE_MYSQL_TLS="required"
SPIN_VARIABLE_SIGNING_KEY_TABLE="keys"
SPIN_VARIABLE_REFRESH_TOKENS_TABLE="sessions"
SPIN_VARIABLE_ACCESS_TOKEN_SIGNING_KEY_DYNAMIC="true"
SPIN_VARIABLE_ACCESS_TOKEN_SIGNING_KEY_UPDATE_INTERVAL="48"
SPIN_VARIABLE_ACCESS_TOKEN_SIGNING_KEY_PATH="/keys/jwt.key"
SPIN_VARIABLE_ACCESS_TOKEN_VALIDITY="600"
SPIN_VARIABLE_ACCESS_TOKEN_BLACKLISTING="true"
SPIN_VARIABLE_REFRESH_TOKEN_VALIDITY="720"
SPIN_HTTP_LISTEN_ADDR="10.0.0.5:8080"
# in spin.toml: cron_expression = "0 0 0 1-31/7 * MON-FRI"
"##
    );
}

#[test]
fn what_was_ignored_or_means_something_else_is_noted() {
    let notes = convert(EVERYTHING).unwrap().notes;
    let about: Vec<_> = notes
        .iter()
        .map(|note| note.split(':').next().unwrap())
        .collect();
    assert_eq!(
        about,
        [
            "host, port",
            "mysql.ssl",
            "mysql.connectionLimit",
            "tokens.accessToken.signingKey.keyPath",
            "tokens.refreshToken.validity",
            "removalCronjobInterval",
            "tokens.enableAntiCsrf",
        ]
    );
}

const REQUIRED: &str = r#""mysql": {"user": "u", "password": "p", "database": "d"}"#;

#[test]
fn the_table_that_the_node_service_really_used_by_default_is_named() {
    let converted = convert(&format!("{{{REQUIRED}}}")).unwrap();
    let table = ("refresh_tokens_table", "refresh_token".to_owned());
    assert!(converted.settings.contains(&table));
    assert!(converted.notes[0].starts_with("mysql.tables.refreshTokens: "));
}

#[test]
fn the_validity_that_counted_there_is_taken_if_there_is_no_other() {
    let file = format!(r#"{{{REQUIRED}, "refreshToken": {{"validity": 24}}}}"#);
    let converted = convert(&file).unwrap();
    let setting = ("refresh_token_validity", "24".to_owned());
    assert!(converted.settings.contains(&setting));
}

#[test]
fn unknown_options_and_wrong_types_are_noted_with_their_paths() {
    let file = format!(
        r#"{{{REQUIRED}, "cookie": {{"domain": "x"}}, "tokens": {{"accessToken": {{"validity": "60"}}}}}}"#
    );
    let notes = convert(&file).unwrap().notes.join("\n");
    assert!(notes.contains("cookie.domain: the Node service has no such option"));
    assert!(notes.contains("tokens.accessToken.validity: it should be a whole number"));
}

#[test]
fn settings_that_the_service_would_refuse_are_an_error_that_names_them() {
    let file = format!(r#"{{{REQUIRED}, "tokens": {{"accessToken": {{"validity": 86400001}}}}}}"#);
    let error = convert(&file).unwrap_err().to_string();
    assert!(
        error.contains("access_token_validity is \"86400001\""),
        "{error}"
    );
    let error = convert("{}").unwrap_err().to_string();
    assert!(
        error.contains("mysql_user") && error.contains("mysql_database"),
        "{error}"
    );
    assert!(convert("[]").is_err());
    assert!(convert("{").is_err());
}

#[test]
fn a_shell_reads_the_values_as_they_were() {
    let script = convert(EVERYTHING).unwrap().environment_file();
    let show = "set -a; eval \"$1\"; set +a; exec printenv SPIN_VARIABLE_MYSQL_PASSWORD";
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-euc", show, "sh", &script]).output().unwrap();
    let value = String::from_utf8(output.stdout).unwrap();
    assert_eq!(value, "it's \"$HOME\" \\o/ `id`\n");
}

#[test]
fn weekdays_get_their_names_and_the_seconds_that_may_be_missing() {
    for (expression, converted) in [
        ("0 0 0 1-31/7 * *", "0 0 0 1-31/7 * *"),
        ("30 2 * * 0,7,Monday", "0 30 2 * * SUN,SUN,MON"),
        ("0 0 3 * * */2", "0 0 3 * * */2"),
        ("0 0 3 * * 0-6", "0 0 3 * * SUN-SAT"),
        ("0 0 3 * * 5-7", "0 0 3 * * FRI,SAT,SUN"),
        ("0 0 3 * * Friday-Sunday", "0 0 3 * * FRI,SAT,SUN"),
        ("0 0 3 * * 6-1,3", "0 0 3 * * SAT,SUN,MON,WED"),
        ("0 0 3 * * 5-2/2", "0 0 3 * * FRI,SUN,TUE"),
        ("0 0 3 * * 3/2", "0 0 3 * * WED,FRI"),
        ("0 0 3 * * 0-7", "0 0 3 * * SUN-SAT"),
    ] {
        assert_eq!(cron::convert(expression).as_deref(), Ok(converted));
    }
}

#[test]
fn what_the_cron_trigger_would_not_take_is_an_error() {
    for expression in [
        "",
        "1 2 3",
        "0 0 3 * * 8",
        "0 0 3 * * 1-",
        "0 0 3 * * 1-5/0",
        "0 0 22-6 * * *",
    ] {
        assert!(cron::convert(expression).is_err(), "{expression}");
    }
}
