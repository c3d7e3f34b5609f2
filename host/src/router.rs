//! Routes of the HTTP trigger: exact paths, `:name` for one segment, `/...` for any rest.

/// Which target a path leads to.
pub(crate) struct Router<T> {
    routes: Vec<(Pattern, T)>,
}

struct Pattern {
    segments: Vec<Segment>,
    any_rest: bool,
}

#[derive(PartialEq, Eq)]
enum Segment {
    Exactly(String),
    Any,
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

    /// The target of the most precise route that `path` matches.
    pub(crate) fn find(&self, path: &str) -> Option<&T> {
        self.routes
            .iter()
            .find(|(pattern, _)| pattern.matches(path))
            .map(|(_, target)| target)
    }
}

impl Pattern {
    fn parse(route: &str) -> Self {
        let (route, any_rest) = match route.strip_suffix("/...") {
            Some(prefix) => (prefix, true),
            None => (route, false),
        };
        let segments = segments(route)
            .map(|segment| match segment.strip_prefix(':') {
                Some(_) => Segment::Any,
                None => Segment::Exactly(segment.to_owned()),
            })
            .collect();
        Self { segments, any_rest }
    }

    fn precision(&self) -> (usize, bool, usize) {
        let exact = self
            .segments
            .iter()
            .filter(|segment| **segment != Segment::Any)
            .count();
        (self.segments.len(), !self.any_rest, exact)
    }

    fn matches(&self, path: &str) -> bool {
        let mut path = segments(path);
        let starts = self
            .segments
            .iter()
            .all(|segment| match (segment, path.next()) {
                (_, None) => false,
                (Segment::Any, Some(_)) => true,
                (Segment::Exactly(expected), Some(found)) => expected == found,
            });
        starts && (self.any_rest || path.next().is_none())
    }
}

/// A slash at the end does not count.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let empty = path.is_empty();
    path.split('/').filter(move |_| !empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(routes: &[&str], path: &str) -> Option<String> {
        let routes = routes
            .iter()
            .map(|route| ((*route).to_owned(), (*route).to_owned()));
        Router::new(routes).find(path).cloned()
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
}
