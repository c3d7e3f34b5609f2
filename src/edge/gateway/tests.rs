use super::*;

#[test]
fn a_request_is_readdressed_and_keeps_its_host_in_a_header() {
    let request = http::Request::get("http://shop.example:8080/a?b=c")
        .header("host", "shop.example:8080")
        .header("spin-path-info", "/a")
        .header("spin-full-url", "http://shop.example/a")
        .header("x-forwarded-host", "evil.example")
        .header("X_Forwarded_Host", "evil.example")
        .header("Spin_Client-Addr", "10.0.0.1:1")
        .header("x-forwarded-proto", "https")
        .header("accept", "*/*");
    let mut head = request.body(()).unwrap().into_parts().0;
    readdress(&mut head, "my-site");
    assert_eq!(head.uri, "http://my-site.spin.internal/a?b=c");
    let mut headers: Vec<_> = head.headers.iter().collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    let headers: Vec<_> = headers
        .iter()
        .map(|(n, v)| format!("{n}: {}", v.to_str().unwrap()))
        .collect();
    assert_eq!(
        headers,
        [
            "accept: */*",
            "x-forwarded-host: shop.example:8080",
            "x-forwarded-proto: https"
        ]
    );
}
