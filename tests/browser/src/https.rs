//! HTTPS in front of a service, with a certificate of its own that one browser is told to trust.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use testbed::{folder::TempFolder, packages, process};

/// A proxy at `https://localhost:PORT`. It ends with this value.
pub struct HttpsFront {
    proxy: Child,
    url: String,
    /// base64 of the SHA-256 of the certificate's public key.
    key_hash: String,
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
        let front = Self {
            proxy: process::spawn(caddy).context("failed to start caddy")?,
            url: format!("https://localhost:{port}"),
            key_hash: String::from_utf8(made.stdout)?.trim().to_owned(),
            _folder: folder,
        };
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(Instant::now() < end, "nobody listens on port {port}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(front)
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
