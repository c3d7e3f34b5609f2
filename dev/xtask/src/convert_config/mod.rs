//! `cargo xtask convert-config`: our settings for a config.json of the Node service
//! (`supertokens-node-mysql-ref-jwt-webservice` 1.0.2), with a note wherever one means something else here or
//! was ignored there.

mod cron;
mod options;

use std::path::Path;

use anyhow::{Context, Result, bail};
use options::Options;
use serde_json::Value;
use session_core::domain::config::Config;

/// What became of a file.
#[derive(Debug, Default, PartialEq)]
struct Converted {
    /// Our variables, in the order of the file's documentation.
    settings: Vec<(&'static str, String)>,
    /// Where to listen, if the file says so.
    listen: Option<String>,
    /// When the scheduled component runs, if the file says so.
    cron_expression: Option<String>,
    /// What to know, each about one option.
    notes: Vec<String>,
}

/// Prints the lines of an environment file to standard output and the notes to standard error.
pub(crate) fn run(file: &Path) -> Result<()> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("failed to read {}", file.display()))?;
    let converted = convert(&text)?;
    print!("{}", converted.environment_file());
    for note in &converted.notes {
        eprintln!("note: {note}");
    }
    Ok(())
}

fn convert(text: &str) -> Result<Converted> {
    let value: Value = serde_json::from_str(text).context("failed to read it as JSON")?;
    let Value::Object(_) = value else {
        bail!("the file must hold a JSON object");
    };
    let mut options = Options::new(value);
    let mut converted = Converted::default();
    converted.set("database", "mysql");
    server(&mut options, &mut converted);
    mysql(&mut options, &mut converted);
    access_token(&mut options, &mut converted);
    refresh_token(&mut options, &mut converted);
    if options.boolean("tokens.enableAntiCsrf").is_some() {
        converted.note(
            "tokens.enableAntiCsrf: there is no such token in the native API; leave it out (docs/browsers.md has \
             what keeps foreign sites out)",
        );
    }
    for path in options.unread() {
        converted.note(format!(
            "{path}: the Node service has no such option; it is left out"
        ));
    }
    converted.notes.extend(options.into_mistakes());
    converted.check()?;
    Ok(converted)
}

fn server(options: &mut Options, converted: &mut Converted) {
    let (host, port) = (options.text("host"), options.number("port"));
    let Some(port) = port else {
        return;
    };
    let host = match host.as_deref() {
        None | Some("" | "localhost") => "127.0.0.1".to_owned(),
        Some(host) if host.contains(':') => format!("[{host}]"),
        Some(host) => host.to_owned(),
    };
    converted.listen = Some(format!("{host}:{port}"));
    converted.note(
        "host, port: set api_keys as well; the Node service had none, and whoever reaches the address can use the API",
    );
}

fn mysql(options: &mut Options, converted: &mut Converted) {
    for (option, variable) in [
        ("mysql.host", "mysql_host"),
        ("mysql.user", "mysql_user"),
        ("mysql.password", "mysql_password"),
        ("mysql.database", "mysql_database"),
    ] {
        if let Some(text) = options.text(option) {
            converted.set(variable, text);
        }
    }
    if let Some(port) = options.number("mysql.port") {
        converted.set("mysql_port", port.to_string());
    }
    if options.is_there("mysql.ssl") {
        options.ignore("mysql.ssl");
        converted.set("mysql_tls", "required");
        converted.note(
            "mysql.ssl: the server's certificate must be one that the machine trusts and name mysql_host; a CA or \
             key of your own can't be given",
        );
    }
    if let Some(limit) = options.number("mysql.connectionLimit") {
        converted.note(format!(
            "mysql.connectionLimit: {limit} was the limit of the whole process. Here it belongs into \
             runtime-config's [outbound_mysql] max_connections; mysql_connection_limit (3) is for each instance"
        ));
    }
    if let Some(name) = options.text("mysql.tables.signingKey") {
        converted.set("signing_key_table", name);
    }
    match options.text("mysql.tables.refreshTokens") {
        Some(name) => converted.set("refresh_tokens_table", name),
        None => {
            converted.set("refresh_tokens_table", "refresh_token");
            converted.note(
                "mysql.tables.refreshTokens: the Node service's own default is refresh_token, without an s, whatever \
                 its documented SQL says; if your table is called refresh_tokens, leave the setting out",
            );
        }
    }
}

fn access_token(options: &mut Options, converted: &mut Converted) {
    let key = "tokens.accessToken.signingKey";
    if let Some(dynamic) = options.boolean(&format!("{key}.dynamic")) {
        converted.set("access_token_signing_key_dynamic", dynamic.to_string());
    }
    if let Some(hours) = options.number(&format!("{key}.updateInterval")) {
        converted.set(
            "access_token_signing_key_update_interval",
            hours.to_string(),
        );
    }
    if let Some(path) = options.text(&format!("{key}.keyPath")) {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(&path);
        converted.set("access_token_signing_key_path", format!("/keys/{name}"));
        converted.note(format!(
            "{key}.keyPath: the Node service ignored it and signed with a key from its table. Here it counts: copy \
             the file (at least 32 bytes) to keys/{name}, or leave the setting out and keys rotate by themselves"
        ));
    }
    if let Some(seconds) = options.number("tokens.accessToken.validity") {
        converted.set("access_token_validity", seconds.to_string());
    }
    if let Some(blacklisting) = options.boolean("tokens.accessToken.blacklisting") {
        converted.set("access_token_blacklisting", blacklisting.to_string());
    }
}

/// The Node service looked for these at the top of the file, and documented them under `tokens`.
fn refresh_token(options: &mut Options, converted: &mut Converted) {
    let documented = "tokens.refreshToken";
    let hours = options.number(&format!("{documented}.validity"));
    let effective = options.number("refreshToken.validity");
    if let Some(hours) = hours {
        converted.set("refresh_token_validity", hours.to_string());
        let was = effective.map_or("2400".to_owned(), |hours| hours.to_string());
        converted.note(format!(
            "{documented}.validity: the Node service ignored it, sessions lasted {was} hours; here it counts"
        ));
    } else if let Some(hours) = effective {
        converted.set("refresh_token_validity", hours.to_string());
        converted.note("refreshToken.validity: not documented there, but it was what counted");
    }
    let interval = options.text(&format!("{documented}.removalCronjobInterval"));
    let effective = options.text("refreshToken.removalCronjobInterval");
    let Some(expression) = interval.or(effective) else {
        return;
    };
    match cron::convert(&expression) {
        Ok(expression) => {
            converted.cron_expression = Some(expression);
            converted.note(
                "removalCronjobInterval: the Node service ignored the documented one. Here the expression stands in \
                 spin.toml and is in UTC; the scheduled component also rotates keys, so let it run at least twice in \
                 each access_token_signing_key_update_interval (hourly, as it is, suits everyone)",
            );
        }
        Err(problem) => {
            converted.note(format!("removalCronjobInterval: {problem}; it is left out"))
        }
    }
}

impl Converted {
    fn set(&mut self, variable: &'static str, value: impl Into<String>) {
        self.settings.push((variable, value.into()));
    }

    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Holds the result against the rules that the service itself applies.
    fn check(&self) -> Result<()> {
        let lookup = |name: &str| {
            let setting = self.settings.iter().find(|(variable, _)| *variable == name);
            setting.map(|(_, value)| value.clone())
        };
        if let Err(errors) = Config::parse(&lookup) {
            let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
            bail!(
                "the service would not start with it:\n  {}",
                lines.join("\n  ")
            );
        }
        Ok(())
    }

    /// What systemd takes as `EnvironmentFile` and a POSIX shell as a script.
    fn environment_file(&self) -> String {
        let mut lines =
            "# For systemd: EnvironmentFile=. In a shell: set -a; . ./FILE; set +a\n".to_owned();
        for (variable, value) in &self.settings {
            let name = variable.to_uppercase();
            lines += &format!("SPIN_VARIABLE_{name}={}\n", quoted(value));
        }
        if let Some(listen) = &self.listen {
            lines += &format!("SPIN_HTTP_LISTEN_ADDR={}\n", quoted(listen));
        }
        if let Some(expression) = &self.cron_expression {
            lines += &format!("# in spin.toml: cron_expression = \"{expression}\"\n");
        }
        lines
    }
}

/// In double quotes, where the same four characters need a backslash in systemd (systemd.exec(5), `EnvironmentFile=`) and
/// in a POSIX shell.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '`' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted + "\""
}

#[cfg(test)]
mod tests;
