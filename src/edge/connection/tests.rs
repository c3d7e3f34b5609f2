use super::*;

#[test]
fn fields_of_the_connection_and_those_that_it_names_are_removed() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("connection", "Keep-Alive, X-Hop,, a b"),
        ("connection", "HTTP2-Settings"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("x-hop", "1"),
        ("x-hop", "2"),
        ("accept", "*/*"),
        ("content-length", "3"),
    ] {
        headers.append(name, value.parse().unwrap());
    }
    remove_connection_fields(&mut headers);
    let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["accept", "content-length"]);
}
