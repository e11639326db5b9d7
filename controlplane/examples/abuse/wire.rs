//! Connections to the child, good and bad ones. Every byte that they send is counted.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Builder;
use http::{Method, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::child::Child;

pub(crate) const CSRS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// Bytes that the connections of the attacks have sent.
pub(crate) static SENT: AtomicU64 = AtomicU64::new(0);

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Body = BoxBody<Bytes, Infallible>;
pub(crate) type Tls = TlsStream<Counted>;

/// Who connects.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    h1: TlsConnector,
    h2: TlsConnector,
    token: Option<String>,
    /// The well-behaved client is not counted.
    is_counted: bool,
}

impl Target {
    /// A client with the certificate of the admin.
    pub(crate) fn admin(child: &Child) -> Self {
        Self::new(child, true)
    }

    /// A client with the bootstrap token.
    pub(crate) fn bootstrapper(child: &Child) -> Self {
        let token = child.kubeconfig("bootstrap.kubeconfig", "token");
        Self { token: Some(format!("Bearer {token}")), is_counted: true, ..Self::new(child, false) }
    }

    /// The same without credentials.
    pub(crate) fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    fn new(child: &Child, has_certificate: bool) -> Self {
        let value = |key| child.kubeconfig("admin.kubeconfig", key);
        let pem = |key| STANDARD.decode(value(key)).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&pem("certificate-authority-data")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut h1 = if has_certificate {
            let certificate = CertificateDer::from_pem_slice(&pem("client-certificate-data")).unwrap();
            let key = PrivateKeyDer::from_pem_slice(&pem("client-key-data")).unwrap();
            config.with_client_auth_cert(vec![certificate], key).unwrap()
        } else {
            config.with_no_client_auth()
        };
        let mut h2 = h1.clone();
        h1.alpn_protocols = vec![b"http/1.1".to_vec()];
        h2.alpn_protocols = vec![b"h2".to_vec()];
        let address = value("server").strip_prefix("https://").unwrap().parse().unwrap();
        Self { address, h1: Arc::new(h1).into(), h2: Arc::new(h2).into(), token: None, is_counted: false }
    }

    /// The value of the header `authorization`.
    pub(crate) fn authorization(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    pub(crate) async fn tcp(&self) -> Result<Counted, Error> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(Counted { stream, is_counted: self.is_counted })
    }

    pub(crate) async fn h1(&self) -> Result<Tls, Error> {
        Ok(self.h1.connect(self.server_name(), self.tcp().await?).await?)
    }

    pub(crate) async fn silent_h2(&self) -> Result<Tls, Error> {
        Ok(self.h2.connect(self.server_name(), self.tcp().await?).await?)
    }

    fn server_name(&self) -> ServerName<'static> {
        self.address.ip().into()
    }

    /// An HTTP/2 connection; `window` is how much of each answer it takes before it has read it.
    pub(crate) async fn h2(&self, window: Option<u32>) -> Result<Sender, Error> {
        let stream = self.silent_h2().await?;
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(window)
            .handshake(TokioIo::new(stream))
            .await?;
        // The sender sees when the connection closes.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Sender { sender, target: self.clone() })
    }
}

/// One HTTP/2 connection; clones share it.
#[derive(Clone)]
pub(crate) struct Sender {
    sender: SendRequest<Body>,
    target: Target,
}

impl Sender {
    pub(crate) fn request(&self, method: Method, path: &str) -> Builder {
        let request = Request::builder().method(method).uri(format!("https://{}{path}", self.target.address));
        match &self.target.token {
            Some(token) => request.header("authorization", token),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: Builder, body: Body) -> Result<Response<Incoming>, Error> {
        let mut sender = self.sender.clone();
        sender.ready().await?;
        Ok(sender.send_request(request.body(body)?).await?)
    }

    /// Sends the request and reads its answer.
    pub(crate) async fn answer(&self, request: Builder, body: Body) -> Result<(u16, Bytes), Error> {
        let response = self.send(request, body).await?;
        let code = response.status().as_u16();
        Ok((code, response.into_body().collect().await?.to_bytes()))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<(u16, Bytes), Error> {
        self.answer(self.request(Method::GET, path), whole("")).await
    }

    pub(crate) async fn post(&self, kind: &str, body: impl Into<Bytes>) -> Result<(u16, Bytes), Error> {
        let request = self.request(Method::POST, CSRS).header("content-type", kind);
        self.answer(request, whole(body)).await
    }
}

pub(crate) fn whole(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).boxed()
}

/// A connection whose sent bytes are counted.
pub(crate) struct Counted {
    stream: TcpStream,
    is_counted: bool,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = written
            && self.is_counted
        {
            SENT.fetch_add(count as u64, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
