use super::*;

const EVERYTHING: &str = r#"{
    "host": "10.0.0.5", "port": 8080,
    "mysql": {"host": " db.example ", "port": 3307, "user": "u", "password": "it's $HOME", "database": "auth",
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
        converted.script(),
        r#"export SPIN_VARIABLE_DATABASE='mysql'
export SPIN_VARIABLE_MYSQL_HOST='db.example'
export SPIN_VARIABLE_MYSQL_USER='u'
export SPIN_VARIABLE_MYSQL_PASSWORD='it'\''s $HOME'
export SPIN_VARIABLE_MYSQL_DATABASE='auth'
export SPIN_VARIABLE_MYSQL_PORT='3307'
export SPIN_VARIABLE_MYSQL_TLS='required'
export SPIN_VARIABLE_SIGNING_KEY_TABLE='keys'
export SPIN_VARIABLE_REFRESH_TOKENS_TABLE='sessions'
export SPIN_VARIABLE_ACCESS_TOKEN_SIGNING_KEY_DYNAMIC='true'
export SPIN_VARIABLE_ACCESS_TOKEN_SIGNING_KEY_UPDATE_INTERVAL='48'
export SPIN_VARIABLE_ACCESS_TOKEN_SIGNING_KEY_PATH='/keys/jwt.key'
export SPIN_VARIABLE_ACCESS_TOKEN_VALIDITY='600'
export SPIN_VARIABLE_ACCESS_TOKEN_BLACKLISTING='true'
export SPIN_VARIABLE_REFRESH_TOKEN_VALIDITY='720'
export SPIN_HTTP_LISTEN_ADDR='10.0.0.5:8080'
# in spin.toml: cron_expression = "0 0 0 1-31/7 * MON-FRI"
"#
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
fn weekdays_get_their_names_and_the_seconds_that_may_be_missing() {
    assert_eq!(
        cron::convert("0 0 0 1-31/7 * *").unwrap(),
        "0 0 0 1-31/7 * *"
    );
    assert_eq!(
        cron::convert("30 2 * * 0,7,Monday").unwrap(),
        "0 30 2 * * SUN,SUN,MON"
    );
    assert_eq!(cron::convert("0 0 3 * * */2").unwrap(), "0 0 3 * * */2");
    assert!(cron::convert("0 0 3 * * 8").is_err());
    assert!(cron::convert("").is_err());
    assert!(cron::convert("1 2 3").is_err());
}
