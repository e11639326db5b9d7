//! A client that costs little: one HTTP/2 connection, answers looked through rather than parsed.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request as HttpRequest};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::json;
use tokio_rustls::TlsConnector;

const CSRS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// Where the control plane is.
#[derive(Clone)]
pub(crate) struct Server {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    token: String,
}

/// A request that was made beforehand.
#[derive(Clone)]
pub(crate) struct Request {
    name: String,
    pem: String,
}

impl Request {
    /// As the kubelet of this node would make it, with a key of its own.
    pub(crate) fn of_node(number: usize) -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:nodes");
        params.distinguished_name.push(rcgen::DnType::CommonName, format!("system:node:node-{number}"));
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.serialize_request(&key).unwrap().pem().unwrap();
        Self { name: format!("node-csr-{number}"), pem: STANDARD.encode(pem) }
    }

    /// The same request under another name.
    pub(crate) fn named(&self, name: &str) -> Self {
        Self { name: name.to_owned(), pem: self.pem.clone() }
    }

    fn body(&self) -> String {
        json!({
            "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"name": self.name},
            "spec": {
                "request": self.pem, "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
                "usages": ["digital signature", "client auth"],
            },
        })
        .to_string()
    }
}

/// One connection; clones share it.
#[derive(Clone)]
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    base: String,
    authorization: String,
}

impl Server {
    pub(crate) fn new(address: SocketAddr, ca: &str, token: &str) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Self { address, tls: Arc::new(tls), token: token.to_owned() }
    }
}

impl Client {
    pub(crate) async fn connect(server: &Server) -> Self {
        let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::clone(&server.tls)).connect(name, stream).await.unwrap();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        // The sender sees when the connection closes.
        tokio::spawn(async move { drop(connection.await) });
        Self {
            sender,
            base: format!("https://{}", server.address),
            authorization: format!("Bearer {}", server.token),
        }
    }

    async fn send(&self, method: Method, path: &str, body: String) -> http::Response<Incoming> {
        let request = HttpRequest::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", &self.authorization)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let mut sender = self.sender.clone();
        sender.ready().await.unwrap();
        sender.send_request(request).await.unwrap()
    }

    pub(crate) async fn create(&self, request: &Request) {
        let response = self.send(Method::POST, CSRS, request.body()).await;
        assert_eq!(response.status(), 201);
        response.into_body().collect().await.unwrap();
    }

    /// Creates a request and watches it until its certificate is there.
    pub(crate) async fn issue(&self, request: &Request) {
        self.create(request).await;
        let path = format!("{CSRS}?watch=true&fieldSelector=metadata.name%3D{}", request.name);
        let mut body = self.send(Method::GET, &path, String::new()).await.into_body();
        loop {
            let frame = body.frame().await.expect("the watch lasts").unwrap();
            if has(frame.data_ref().unwrap(), b"\"certificate\":") {
                return;
            }
        }
    }

    /// Returns how many have a certificate, counted up to `most`: the last in the order of names, since they are signed in turn.
    pub(crate) async fn count_issued(&self, most: usize) -> usize {
        let path = format!("{CSRS}?limit={most}");
        let mut body = self.send(Method::GET, &path, String::new()).await.into_body();
        let (mut count, mut rest) = (0, Vec::new());
        while let Some(frame) = body.frame().await {
            rest.extend_from_slice(frame.unwrap().data_ref().unwrap());
            count += occurrences(&rest, b"\"certificate\":");
            let keep = rest.len().min(13);
            rest.drain(..rest.len() - keep);
        }
        count
    }

    /// Reads the whole list: how many bytes it is.
    pub(crate) async fn list_all(&self) -> usize {
        let mut body = self.send(Method::GET, CSRS, String::new()).await.into_body();
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            bytes += frame.unwrap().data_ref().unwrap().len();
        }
        bytes
    }
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn occurrences(text: &[u8], part: &[u8]) -> usize {
    text.windows(part.len()).filter(|window| *window == part).count()
}
