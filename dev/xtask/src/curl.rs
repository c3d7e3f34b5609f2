//! What a person can try once the API is served: its routes, and three command lines to paste.

/// The routes, as they are printed.
pub(crate) const ROUTES: [&str; 10] = [
    "POST   /session        create a session",
    "PUT    /session        verify an access token",
    "DELETE /session        remove one session",
    "DELETE /session/all    remove every session of a user",
    "GET    /session/data   read a session's data",
    "PUT    /session/data   replace a session's data",
    "PUT    /refresh        new tokens for a refresh token",
    "GET    /health         whether the service runs",
    "GET    /ready          whether it can check access tokens",
    "GET    /status         whether everything works, the database too",
];

/// Create, verify, refresh: to be pasted one after the other into the same shell. The first also defines
/// a function that picks a token out of its reply, so that nothing but curl and sed is needed.
pub(crate) fn lines(url: &str) -> [String; 3] {
    [
        format!(
            "R=$(curl -s {url}/session --json '{{\"userId\":\"alice\"}}'); echo \"$R\"; \
             t() {{ echo \"$R\" | sed \"s/.*\\\"$1\\\":{{\\\"value\\\":\\\"\\([^\\\"]*\\).*/\\1/\"; }}"
        ),
        format!(
            "curl -s -X PUT {url}/session --json \
             \"{{\\\"accessToken\\\":\\\"$(t accessToken)\\\",\\\"idRefreshToken\\\":\\\"$(t idRefreshToken)\\\"}}\"; echo"
        ),
        format!(
            "curl -s -X PUT {url}/refresh --json \
             \"{{\\\"refreshToken\\\":\\\"$(t refreshToken)\\\",\\\"idRefreshToken\\\":\\\"$(t idRefreshToken)\\\"}}\"; echo"
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_lines_use_the_address_that_is_served() {
        for line in lines("http://127.0.0.1:4567") {
            assert!(line.contains(" http://127.0.0.1:4567/"), "{line}");
            assert!(!line.contains("3000"), "{line}");
        }
    }

    /// A shell runs the lines with a function in curl's place, which shows what curl would be given.
    #[test]
    fn pasted_into_a_shell_they_carry_the_tokens_on() {
        let [create, verify, refresh] = lines("http://h");
        let script = format!(
            r#"curl() {{
                case "$*" in
                    *userId*) echo '{{"status":"OK","accessToken":{{"value":"a.b_-","expires":1}},"refreshToken":{{"value":"r","expires":2}},"idRefreshToken":{{"value":"i","expires":2}}}}' ;;
                    *) echo "$*" ;;
                esac
            }}
            exec 3>&1 >/dev/null
            {create}
            exec >&3
            {verify}
            {refresh}"#
        );
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            concat!(
                r#"-s -X PUT http://h/session --json {"accessToken":"a.b_-","idRefreshToken":"i"}"#,
                "\n\n",
                r#"-s -X PUT http://h/refresh --json {"refreshToken":"r","idRefreshToken":"i"}"#,
                "\n\n",
            )
        );
    }
}
