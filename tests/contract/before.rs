//! Requests of a caller from before sessions had lifetimes, and the replies of the release of then, to the byte:
//! `before.txt`. What has been added since goes only to those who ask for it, but for the fields in [`ADDED`].
//!
//! `>` is a request (method, path, body), `<` the reply, `=` the claims of each new access token, `+` time that passes.
//! Values that nobody can foresee are `$1`, `$2`, … in the order in which they appear; `NOW` is a request's time, `END` when a
//! session that is used now expires, `TIME` another one.

use session_tests::prelude::*;

use crate::cdi::Sdk;

const BEFORE: &str = include_str!("before.txt");

/// What replies of then did not have, and all replies have now.
const ADDED: [&str; 2] = [r#""lastActiveAt":NOW,"#, r#""lastActiveAt":TIME,"#];

/// Tokens, handles and hashes are longer than any word.
const UNFORESEEN: usize = 24;

#[test_on(everywhere)]
async fn replies_to_the_requests_of_before_are_those_of_before(db: Backend) {
    let service = db.frozen(&[("cdi", "true")]).await;
    let mut names = Names::default();
    let mut now = String::new();
    for line in BEFORE.lines() {
        let (kind, rest) = line.split_at(2);
        let mut words = rest.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        match kind {
            "+ " => service.advance(rest.parse().expect("milliseconds")).await,
            "> " => {}
            _ => continue,
        }
        now += &format!("{line}\n");
        if kind == "+ " {
            continue;
        }
        names.now = service.now();
        let (method, path, body) = (word(), names.fill(word()), names.fill(word()));
        let reply = match path.contains("/recipe/") {
            false => service.json(method, &path, body).await,
            true => service.send(method, &path, &Sdk::HEADERS, body).await,
        };
        let (status, kind) = (reply.status, reply.header("content-type"));
        now += &format!("< {status} {kind} {}\n", names.hide(reply.text()));
        for token in names.new_access_tokens() {
            now += &format!("= {}\n", names.hide(&Jwt::claims_text(&token)));
        }
    }
    for added in ADDED {
        now = now.replace(added, "");
    }
    for (now, before) in now.lines().zip(BEFORE.lines()) {
        assert_eq!(now, before);
    }
    assert_eq!(now.lines().count(), BEFORE.lines().count());
}

/// What was drawn so far.
#[derive(Default)]
struct Names {
    values: Vec<String>,
    known_until: usize,
    now: i64,
}

impl Names {
    fn fill(&self, text: &str) -> String {
        let of = |at: usize| (format!("${at}"), &self.values[at - 1]);
        // The longest names first, for $1 begins $12.
        let names = (1..=self.values.len()).rev().map(of);
        names.fold(text.to_owned(), |text, (name, value)| {
            text.replace(&name, value)
        })
    }

    fn hide(&mut self, text: &str) -> String {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let mut hidden = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(is_part) {
            let end = rest[start..]
                .find(|c| !is_part(c))
                .map_or(rest.len(), |at| start + at);
            hidden += &rest[..start];
            hidden += &self.name(&rest[start..end]);
            rest = &rest[end..];
        }
        hidden + rest
    }

    fn name(&mut self, word: &str) -> String {
        if let (10 | 13, Ok(time)) = (word.len(), word.parse::<i64>()) {
            let is_now = time == self.now || time == self.now / SECOND;
            let is_end = time == self.now + 2400 * HOUR;
            let name = if is_now { "NOW" } else { "TIME" };
            return if is_end { "END" } else { name }.to_owned();
        }
        if word.len() <= UNFORESEEN {
            return word.to_owned();
        }
        // Two access tokens whose drawn expiries are the same are still two.
        let known = self
            .values
            .iter()
            .position(|value| value == word && !is_jwt(word));
        let at = known.unwrap_or_else(|| {
            self.values.push(word.to_owned());
            self.values.len() - 1
        });
        format!("${}", at + 1)
    }

    /// Those that have appeared since the last call.
    fn new_access_tokens(&mut self) -> Vec<String> {
        let from = std::mem::replace(&mut self.known_until, self.values.len());
        let new = self.values[from..].iter();
        new.filter(|value| is_jwt(value)).cloned().collect()
    }
}

fn is_jwt(word: &str) -> bool {
    word.starts_with("ey") && word.matches('.').count() == 2
}
