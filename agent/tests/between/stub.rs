//! A server that misbehaves: with TLS, in HTTP/1.1, the same to every connection.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// The token in the kubeconfig.
pub(crate) const TOKEN: &str = "abcdef.0123456789abcdef";

/// What the server does.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// It takes the connection and does no TLS.
    NoTls,
    /// It speaks HTTP without TLS.
    Plain,
    /// It takes the request and does not answer.
    Silent,
    /// It answers these bytes and closes the connection.
    Answers(Vec<u8>),
    /// It answers 200 with a large page that has forged log lines and repeats the head of the request.
    Echoes,
    /// It sends `first`, and then `then` as fast as it can.
    Floods { first: &'static [u8], then: &'static [u8] },
    /// It sends `first`, and then `then` slowly.
    Trickles { first: &'static [u8], then: &'static [u8] },
}

pub(crate) struct Stub {
    dir: tempfile::TempDir,
    reached: watch::Receiver<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Stub {
    /// Starts a server on an address of its own.
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::serve(listener, manner, (-1, 9))
    }

    /// Starts a silent server whose certificate is valid from and until so many days from now.
    pub(crate) async fn with_days(from: i64, until: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::serve(listener, Manner::Silent, (from, until))
    }

    /// Starts a server on this listener.
    pub(crate) fn serve(listener: TcpListener, manner: Manner, days: (i64, i64)) -> Self {
        let (certificate, pem, key) = certificate(days);
        let config = ServerConfig::builder_with_provider(certrotate::tls::provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a pair");
        let dir = tempfile::tempdir().expect("a scratch directory");
        let address = listener.local_addr().expect("it is bound");
        std::fs::write(dir.path().join("kubeconfig"), kubeconfig(address, &pem)).expect("it is writable");
        let (say, reached) = watch::channel(false);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(connection(tcp, acceptor.clone(), manner.clone(), say.clone()));
            }
        });
        Self { dir, reached, task }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    /// Returns when a client is at the point where the server misbehaves.
    pub(crate) async fn reached(&self) {
        self.reached.clone().wait_for(|reached| *reached).await.expect("the server runs");
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn certificate(days: (i64, i64)) -> (CertificateDer<'static>, String, PrivateKeyDer<'static>) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let day = |days: i64| {
        let span = Duration::from_secs(days.unsigned_abs() * 86_400);
        let now = SystemTime::now();
        if days < 0 { now - span } else { now + span }.into()
    };
    (params.not_before, params.not_after) = (day(days.0), day(days.1));
    let certificate = params.self_signed(&key).expect("a certificate");
    let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    (certificate.der().clone(), certificate.pem(), der)
}

fn kubeconfig(address: SocketAddr, pem: &str) -> String {
    let ca = base64::engine::general_purpose::STANDARD.encode(pem);
    format!(
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\nclusters: [{{name: k, cluster: {{server: 'https://{address}', tls-server-name: localhost, certificate-authority-data: {ca}}}}}]\nusers: [{{name: u, user: {{token: {TOKEN}}}}}]\n"
    )
}

async fn connection(mut tcp: TcpStream, acceptor: TlsAcceptor, manner: Manner, say: watch::Sender<bool>) {
    match manner {
        Manner::NoTls => {
            say.send_replace(true);
            // Until the client gives up.
            let _ = tcp.read_to_end(&mut Vec::new()).await;
        }
        Manner::Plain => {
            // The client may be gone before or after it.
            let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\nClient sent an HTTP request\n").await;
            let _ = tcp.shutdown().await;
        }
        _ => {
            if let Ok(tls) = acceptor.accept(tcp).await {
                // A client that has had enough closes the connection.
                let _ = misbehave(tls, manner, &say).await;
            }
        }
    }
}

async fn misbehave(
    mut tls: impl AsyncRead + AsyncWrite + Unpin,
    manner: Manner,
    say: &watch::Sender<bool>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if tls.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    say.send_replace(true);
    match manner {
        Manner::NoTls | Manner::Plain | Manner::Silent => {
            tls.read_to_end(&mut head).await?;
        }
        Manner::Answers(bytes) => {
            tls.write_all(&bytes).await?;
            tls.shutdown().await?;
        }
        Manner::Echoes => {
            let head = String::from_utf8_lossy(&head);
            let page = format!(
                "<html>\n2026-11-28T00:00:00Z  INFO certificate 9 is live until 2099-01-01T00:00:00Z\n{head}{}</html>",
                "x".repeat(1_000_000)
            );
            let length = page.len();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\r\n");
            tls.write_all(head.as_bytes()).await?;
            tls.write_all(page.as_bytes()).await?;
            tls.shutdown().await?;
        }
        Manner::Floods { first, then } => {
            tls.write_all(first).await?;
            let many = then.repeat(1000);
            loop {
                tls.write_all(&many).await?;
            }
        }
        Manner::Trickles { first, then } => {
            tls.write_all(first).await?;
            for byte in then.iter().cycle() {
                tls.write_all(&[*byte]).await?;
                tls.flush().await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    Ok(())
}
