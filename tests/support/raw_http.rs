//! HTTP by hand, for requests that no client library would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A connection on which a test writes what it likes.
pub struct RawConnection {
    stream: TcpStream,
}

impl RawConnection {
    /// Connects to `127.0.0.1:PORT`.
    pub async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address)
            .await
            .expect("the service accepts connections");
        Self { stream }
    }

    /// Writes bytes. `false` once the other side no longer takes any.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Says that no more bytes will follow.
    pub async fn finish_writing(&mut self) {
        self.stream.shutdown().await.ok();
    }

    /// Everything that arrives until the head and the announced body are complete, or the other side
    /// closes, or nothing more comes for five seconds.
    pub async fn read_reply(&mut self) -> String {
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        while !complete(&received) {
            match timeout(Duration::from_secs(5), self.stream.read(&mut buffer)).await {
                Ok(Ok(count)) if count > 0 => received.extend_from_slice(&buffer[..count]),
                _ => break,
            }
        }
        String::from_utf8_lossy(&received).into_owned()
    }
}

/// Sends one whole request and returns the reply's status line, head and body as text.
pub async fn exchange(address: &str, request: &[u8]) -> String {
    let mut connection = RawConnection::open(address).await;
    connection.write(request).await;
    connection.read_reply().await
}

fn complete(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| body.len() >= length)
}
