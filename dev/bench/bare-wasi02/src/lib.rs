//! What `bench-bare` is to the component for WASI 0.3, for that for WASI 0.2: it reads the whole request body and answers
//! a fixed one, in the same way as the session component.

use futures::SinkExt as _;
use spin_sdk::http::{Fields, IncomingRequest, OutgoingResponse, ResponseOutparam};

const REPLY: &[u8] = include_bytes!("../../reply.json");

mod entry {
    #![expect(unsafe_code, reason = "generated")]
    use spin_sdk::http::{IncomingRequest, ResponseOutparam};

    #[spin_sdk::http_component]
    async fn handle(incoming: IncomingRequest, response_out: ResponseOutparam) {
        super::handle(incoming, response_out).await;
    }
}

async fn handle(incoming: IncomingRequest, response_out: ResponseOutparam) {
    let status = match incoming.into_body().await {
        Ok(_) => 200,
        Err(_) => 400,
    };
    let headers = [
        ("content-type".to_owned(), b"application/json".to_vec()),
        (
            "content-length".to_owned(),
            REPLY.len().to_string().into_bytes(),
        ),
    ];
    let headers = Fields::from_list(&headers).expect("these are headers");
    let outgoing = OutgoingResponse::new(headers);
    outgoing.set_status_code(status).expect("this is a status");
    let mut writer = outgoing.take_body();
    response_out.set(outgoing);
    // The caller may be gone.
    _ = writer.send(REPLY.to_vec()).await;
}
