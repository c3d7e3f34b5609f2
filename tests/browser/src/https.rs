//! HTTPS in front of a service, with a certificate of its own that one browser is told to trust.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use testbed::{folder::TempFolder, packages, process};

/// Has Chromium bind sessions, with keys in software, and sign as often as it likes.
pub const BINDING: &str = "--enable-features=DeviceBoundSessions:RefreshQuota/false,\
                           EnableBoundSessionCredentialsSoftwareKeysForManualTesting";

/// The cookie without which such a browser refreshes first.
pub const MARKER: &str = "__Host-sDevice";

/// A proxy at `https://localhost:PORT`. It ends with this value.
pub struct HttpsFront {
    proxy: Child,
    url: String,
    /// base64 of the SHA-256 of the certificate's public key.
    key_hash: String,
    loses_a_reply: Arc<AtomicBool>,
    _folder: TempFolder,
}

impl HttpsFront {
    /// Starts one that hands everything on to `http://…`.
    ///
    /// # Errors
    /// If there is no proxy and none can be installed, or it does not start.
    pub fn start(upstream: &str) -> Result<Self> {
        packages::ensure(packages::CADDY)?;
        let folder = TempFolder::new()?;
        let made = Command::new("sh")
            .current_dir(folder.path())
            .args(["-ec", MAKE_CERTIFICATE])
            .output()
            .context("there is no shell")?;
        ensure!(
            made.status.success(),
            "no certificate: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let file = folder.path().join("Caddyfile");
        let [certificate, key] =
            ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
        let text = format!(
            "{{\nadmin off\nauto_https off\n}}\nhttps://localhost:{port} {{\ntls {} {}\nreverse_proxy {upstream}\n}}\n",
            certificate.display(),
            key.display()
        );
        fs::write(&file, text)?;
        let mut caddy = Command::new("caddy");
        caddy
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(&file)
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let line = TcpListener::bind(("127.0.0.1", 0))?;
        let front = Self {
            proxy: process::spawn(caddy).context("failed to start caddy")?,
            url: format!("https://localhost:{}", line.local_addr()?.port()),
            key_hash: String::from_utf8(made.stdout)?.trim().to_owned(),
            loses_a_reply: Arc::default(),
            _folder: folder,
        };
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(Instant::now() < end, "nobody listens on port {port}");
            thread::sleep(Duration::from_millis(20));
        }
        let loses_a_reply = front.loses_a_reply.clone();
        thread::spawn(move || {
            for browser in line.incoming().map_while(Result::ok) {
                if let Ok(proxy) = TcpStream::connect(("127.0.0.1", port)) {
                    connect(&browser, &proxy, &loses_a_reply);
                }
            }
        });
        Ok(front)
    }

    /// The next reply does not arrive: the connection breaks when it comes.
    pub fn lose_a_reply(&self) {
        self.loses_a_reply.store(true, Ordering::SeqCst);
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What tells a browser to trust it. A browser that ignores all errors of certificates binds no sessions.
    pub fn argument(&self) -> String {
        format!("--ignore-certificate-errors-spki-list={}", self.key_hash)
    }
}

/// Carries bytes both ways until one side closes.
fn connect(browser: &TcpStream, proxy: &TcpStream, loses_a_reply: &Arc<AtomicBool>) {
    for (from, to, loses) in [
        (browser, proxy, None),
        (proxy, browser, Some(loses_a_reply.clone())),
    ] {
        let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else {
            return;
        };
        thread::spawn(move || {
            let mut buffer = [0; 16_384];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                let is_lost = loses
                    .as_ref()
                    .is_some_and(|it| it.swap(false, Ordering::SeqCst));
                if is_lost || to.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            for end in [from, to] {
                // The other direction may have done so.
                _ = end.shutdown(Shutdown::Both);
            }
        });
    }
}

impl Drop for HttpsFront {
    fn drop(&mut self) {
        process::kill_group(&mut self.proxy);
    }
}

const MAKE_CERTIFICATE: &str = "
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout key.pem -out certificate.pem 2>/dev/null
    openssl x509 -in certificate.pem -pubkey -noout | openssl pkey -pubin -outform der \
        | openssl dgst -sha256 -binary | openssl base64";
