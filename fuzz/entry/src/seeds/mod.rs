//! The inputs that the corpora begin with, by target and name. `write-seeds` writes them to `fuzz/corpus`.

mod request;
mod stored_row;
mod tokens;

/// A seed's name and content.
pub type Seed = (String, Vec<u8>);

/// The seeds of a target; none if there is no such target.
pub fn of(target: &str) -> Vec<Seed> {
    let seeds = match target {
        "access_token" => tokens::access(),
        "refresh_token" => tokens::refresh(),
        "request" => request::seeds(),
        "stored_row" => stored_row::seeds(),
        _ => Vec::new(),
    };
    let named = |(name, content): (&str, _)| (name.replace(' ', "-"), content);
    seeds.into_iter().map(named).collect()
}

/// A seed of a target's own list.
type Named = (&'static str, Vec<u8>);

fn seed(name: &'static str, choices: &str, rest: impl AsRef<[u8]>) -> Named {
    (name, [choices.as_bytes(), rest.as_ref()].concat())
}
