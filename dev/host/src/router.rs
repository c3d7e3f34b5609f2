//! Routes of the HTTP trigger: exact paths, `:name` for one segment, `/...` for any rest.

/// Which target a path leads to.
pub(crate) struct Router<T> {
    routes: Vec<(Pattern, T)>,
}

/// Where a path has led.
pub(crate) struct Match<'a, T> {
    pub(crate) target: &'a T,
    /// The route as the manifest has it.
    pub(crate) route: &'a str,
    /// What `/...` stands for.
    pub(crate) rest: &'a str,
    /// What each `:name` stands for.
    pub(crate) named: Vec<(&'a str, &'a str)>,
}

struct Pattern {
    route: String,
    segments: Vec<Segment>,
    any_rest: bool,
}

#[derive(PartialEq, Eq)]
enum Segment {
    Exactly(String),
    Any(String),
}

impl<T> Router<T> {
    /// A router over routes and their targets.
    pub(crate) fn new(routes: impl IntoIterator<Item = (String, T)>) -> Self {
        let mut routes: Vec<_> = routes
            .into_iter()
            .map(|(route, target)| (Pattern::parse(&route), target))
            .collect();
        routes.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.precision()));
        Self { routes }
    }

    /// The most precise route that `path` matches.
    pub(crate) fn find<'a>(&'a self, path: &'a str) -> Option<Match<'a, T>> {
        self.routes.iter().find_map(|(pattern, target)| {
            let (named, rest) = pattern.matches(path)?;
            Some(Match {
                target,
                route: &pattern.route,
                rest,
                named,
            })
        })
    }
}

impl Pattern {
    fn parse(route: &str) -> Self {
        let (prefix, any_rest) = match route.strip_suffix("/...") {
            Some(prefix) => (prefix, true),
            None => (route, false),
        };
        let segments = prefix
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| match segment.strip_prefix(':') {
                Some(name) => Segment::Any(name.to_owned()),
                None => Segment::Exactly(segment.to_owned()),
            })
            .collect();
        Self {
            route: route.to_owned(),
            segments,
            any_rest,
        }
    }

    fn precision(&self) -> (usize, bool, usize) {
        let exact = self
            .segments
            .iter()
            .filter(|segment| matches!(segment, Segment::Exactly(_)))
            .count();
        (self.segments.len(), !self.any_rest, exact)
    }

    /// What the names and `/...` stand for in a path that matches. A slash at its end does not count.
    fn matches<'a>(&'a self, path: &'a str) -> Option<(Vec<(&'a str, &'a str)>, &'a str)> {
        let mut named = Vec::new();
        let mut rest = path;
        for segment in &self.segments {
            let from = rest.strip_prefix('/').filter(|from| !from.is_empty())?;
            let (found, after) = from.split_at(from.find('/').unwrap_or(from.len()));
            match segment {
                Segment::Exactly(expected) if expected != found => return None,
                Segment::Exactly(_) => {}
                Segment::Any(name) => named.push((name.as_str(), found)),
            }
            rest = after;
        }
        (self.any_rest || matches!(rest, "" | "/")).then_some((named, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(routes: &[&str], path: &str) -> Option<String> {
        let routes = routes
            .iter()
            .map(|route| ((*route).to_owned(), (*route).to_owned()));
        let router = Router::new(routes);
        router.find(path).map(|found| found.target.clone())
    }

    #[test]
    fn the_wildcard_takes_everything() {
        for path in ["/", "/a", "/a/b/", "//", "*"] {
            assert_eq!(find(&["/..."], path).as_deref(), Some("/..."), "{path}");
        }
    }

    #[test]
    fn the_most_precise_route_wins() {
        let routes = ["/...", "/a", "/a/...", "/a/:id", "/a/b", "/a/:id/c"];
        for (path, route) in [
            ("/", "/..."),
            ("/x/y", "/..."),
            ("/a", "/a"),
            ("/a/", "/a"),
            ("/a/b", "/a/b"),
            ("/a/x", "/a/:id"),
            ("/a/x/c", "/a/:id/c"),
            ("/a/x/d", "/a/..."),
        ] {
            assert_eq!(find(&routes, path).as_deref(), Some(route), "{path}");
        }
    }

    #[test]
    fn nothing_matches_where_nothing_is() {
        assert_eq!(find(&["/a"], "/"), None);
        assert_eq!(find(&["/a"], "/a/b"), None);
        assert_eq!(find(&["/"], "/a"), None);
    }

    #[test]
    fn a_match_tells_what_names_and_dots_stand_for() {
        let router = Router::new([("/a/:id/...".to_owned(), ())]);
        for (path, id, rest) in [
            ("/a/b", "b", ""),
            ("/a/b/", "b", "/"),
            ("/a/b/c", "b", "/c"),
            ("/a/b/c/", "b", "/c/"),
        ] {
            let found = router.find(path).unwrap();
            assert_eq!((found.route, found.rest), ("/a/:id/...", rest), "{path}");
            assert_eq!(found.named, [("id", id)], "{path}");
        }
    }
}
