//! The site as a component of WASI 0.2 (spin-sdk 5).

use spin_sdk::http::{Request, Response};

mod entry {
    #![expect(unsafe_code, reason = "generated")]

    #[spin_sdk::http_component]
    fn handle(request: super::Request) -> super::Response {
        super::handle(&request)
    }
}

fn handle(request: &Request) -> Response {
    let header = |name: &str| request.header(name)?.as_str();
    let method = request.method().to_string();
    let reply = example_site::answer(&method, request.path(), header, request.body());
    let mut response = Response::builder();
    for (name, value) in reply.headers {
        response.header(name, value);
    }
    response.status(reply.status).body(reply.body).build()
}
