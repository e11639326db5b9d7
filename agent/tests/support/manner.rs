//! What a server that misbehaves does with a connection.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

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

/// A self-signed server certificate for `localhost`, valid from and until so many days from now.
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

/// The TLS of a server with such a certificate, and the certificate as PEM.
pub(crate) fn server(days: (i64, i64)) -> (Arc<ServerConfig>, String) {
    let (certificate, pem, key) = certificate(days);
    let config = ServerConfig::builder_with_provider(certrotate::tls::provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a pair");
    (Arc::new(config), pem)
}

/// Serves one connection in this manner, and says when the client is at the point where the server misbehaves.
pub(crate) async fn connection(
    mut tcp: TcpStream,
    acceptor: TlsAcceptor,
    manner: Manner,
    say: watch::Sender<bool>,
) {
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
            if let Ok(mut tls) = acceptor.accept(tcp).await
                && let Ok(Some(head)) = head(&mut tls).await
            {
                say.send_replace(true);
                // A client that has had enough closes the connection.
                let _ = misbehave(tls, &head, manner).await;
            }
        }
    }
}

/// Reads the head of a request, and whatever comes with it; `None` if the client closes the connection before.
pub(crate) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

/// Answers a request with this head in this manner.
pub(crate) async fn misbehave(
    mut tls: impl AsyncRead + AsyncWrite + Unpin,
    head: &[u8],
    manner: Manner,
) -> std::io::Result<()> {
    match manner {
        Manner::NoTls | Manner::Plain | Manner::Silent => {
            tls.read_to_end(&mut Vec::new()).await?;
        }
        Manner::Answers(bytes) => {
            tls.write_all(&bytes).await?;
            tls.shutdown().await?;
        }
        Manner::Echoes => {
            let head = String::from_utf8_lossy(head);
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
            // Nothing to repeat: until the client gives up.
            tls.read_to_end(&mut Vec::new()).await?;
        }
    }
    Ok(())
}
