//! A small client of the API over real TLS.

use std::sync::Arc;
use std::time::Duration;

use certrotate_controlplane::{ClientIdentity, Handle};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

pub(crate) const CSRS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
pub(crate) const KUBELET: &str = "kubernetes.io/kube-apiserver-client-kubelet";

/// A body that comes in pieces.
pub(crate) type UnfinishedBody = http_body_util::combinators::BoxBody<Bytes, std::convert::Infallible>;

/// A client with one credential.
#[derive(Clone)]
pub(crate) struct Client {
    http: Http<HttpsConnector<HttpConnector>, Full<Bytes>>,
    streaming: Http<HttpsConnector<HttpConnector>, UnfinishedBody>,
    base: String,
    token: Option<String>,
}

/// The answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Version {
    One,
    Two,
}

impl Client {
    pub(crate) fn new(
        plane: &Handle,
        identity: Option<&ClientIdentity>,
        token: Option<&str>,
        version: Version,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(plane.ca_pem().as_bytes()).unwrap()).unwrap();
        let config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots);
        let config = match identity {
            None => config.with_no_client_auth(),
            Some(identity) => {
                let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
                config.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // A head and a small body are two writes: the second would wait for the acknowledgement of the first.
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_only();
        let connector = match version {
            Version::One => connector.enable_http1().wrap_connector(tcp),
            Version::Two => connector.enable_http2().wrap_connector(tcp),
        };
        let streaming = Http::builder(TokioExecutor::new()).build(connector.clone());
        let http = Http::builder(TokioExecutor::new()).build(connector);
        let base = format!("https://{}", plane.address());
        Self { http, streaming, base, token: token.map(str::to_owned) }
    }

    pub(crate) fn bootstrap(plane: &Handle) -> Self {
        Self::new(plane, None, Some(plane.bootstrap_token()), Version::Two)
    }

    pub(crate) fn admin(plane: &Handle) -> Self {
        let identity = user(plane, "admin", &["system:masters"]);
        Self::new(plane, Some(&identity), None, Version::Two)
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: impl Into<Bytes>,
    ) -> Result<http::Response<Incoming>, hyper_util::client::legacy::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        self.http.request(request.body(Full::new(body.into())).unwrap()).await
    }

    /// POST of a body in pieces.
    pub(crate) async fn stream(&self, path: &str, body: UnfinishedBody) -> http::Response<Incoming> {
        let mut request = Request::post(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.streaming.request(request.body(body).unwrap()).await.unwrap()
    }

    async fn answer(&self, method: Method, path: &str, kind: &str, body: impl Into<Bytes>) -> Answer {
        read(self.send(method, path, kind, body).await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.answer(Method::GET, path, "", "").await
    }

    /// GET with one more header.
    pub(crate) async fn with_header(&self, path: &str, name: &str, value: &str) -> Answer {
        let request = Request::builder().uri(format!("{}{path}", self.base)).header(name, value);
        let response = self.http.request(request.body(Full::default()).unwrap()).await.unwrap();
        read(response).await
    }

    /// GET as kubectl's printer asks.
    pub(crate) async fn table(&self, path: &str) -> Answer {
        let request = Request::builder()
            .uri(format!("{}{path}", self.base))
            .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
        let response = self.http.request(request.body(Full::default()).unwrap()).await.unwrap();
        read(response).await
    }

    pub(crate) async fn post(&self, body: &Value) -> Answer {
        self.answer(Method::POST, CSRS, "application/json", body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.answer(Method::PUT, path, "application/json", body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.answer(Method::PATCH, path, "application/merge-patch+json", body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.answer(Method::DELETE, path, "", "").await
    }

    pub(crate) async fn raw(&self, method: Method, path: &str, kind: &str, body: impl Into<Bytes>) -> Answer {
        self.answer(method, path, kind, body).await
    }

    /// Opens a watch; the query starts after `watch=true`.
    pub(crate) async fn watch(&self, query: &str) -> Events {
        let response = self.send(Method::GET, &format!("{CSRS}?watch=true{query}"), "", "").await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Events { body: response.into_body(), buffer: Vec::new() }
    }

    /// Appends a condition through the approval endpoint.
    pub(crate) async fn decide(&self, name: &str, kind: &str) -> Answer {
        let mut object = self.get(&format!("{CSRS}/{name}")).await.body;
        let condition = json!({"type": kind, "status": "True", "reason": "Test"});
        let list = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        object["status"]["conditions"] = list.into_iter().chain([condition]).collect();
        self.put(&format!("{CSRS}/{name}/approval"), &object).await
    }
}

async fn read(response: http::Response<Incoming>) -> Answer {
    let (code, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { code, headers, body }
}

/// The events of a watch.
pub(crate) struct Events {
    body: Incoming,
    buffer: Vec<u8>,
}

impl Events {
    /// Type and object of the next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<_> = self.buffer.drain(..=end).collect();
                let mut event: Value = serde_json::from_slice(&line).unwrap();
                return Some((event["type"].as_str().unwrap().to_owned(), event["object"].take()));
            }
            let frame = tokio::time::timeout(Duration::from_secs(20), self.body.frame()).await.unwrap()?;
            self.buffer.extend_from_slice(frame.unwrap().data_ref().unwrap());
        }
    }

    /// Type and name of the next event.
    pub(crate) async fn brief(&mut self) -> Option<(String, String)> {
        let (kind, object) = self.next().await?;
        Some((kind, object["metadata"]["name"].as_str().unwrap_or_default().to_owned()))
    }
}

/// A client certificate that is good for an hour from now.
pub(crate) fn user(plane: &Handle, name: &str, groups: &[&str]) -> ClientIdentity {
    let now = std::time::SystemTime::now();
    plane.client_identity(name, groups, now, now + Duration::from_secs(3600)).unwrap()
}

/// A key, and the request object that a kubelet would post for `node`.
pub(crate) fn request(name: &str, node: &str) -> (rcgen::KeyPair, Value) {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:nodes");
    params.distinguished_name.push(rcgen::DnType::CommonName, format!("system:node:{node}"));
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    let object = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": base64(pem.as_bytes()), "signerName": KUBELET,
            "usages": ["digital signature", "client auth"],
        },
    });
    (key, object)
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The certificate of an issued object, PEM.
pub(crate) fn certificate(object: &Value) -> String {
    use base64::Engine as _;
    let text = object["status"]["certificate"].as_str().expect("a certificate");
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

/// Posts a request for `node` and waits for its certificate.
pub(crate) async fn issue(client: &Client, name: &str, node: &str) -> (rcgen::KeyPair, Value) {
    let (key, object) = request(name, node);
    assert_eq!(client.post(&object).await.code, 201);
    (key, settled(client, name, |object| object["status"]["certificate"].is_string()).await)
}

/// Watches the object until `done`.
pub(crate) async fn settled(client: &Client, name: &str, done: impl Fn(&Value) -> bool) -> Value {
    let mut events = client.watch(&format!("&fieldSelector=metadata.name%3D{name}")).await;
    loop {
        let (_, object) = events.next().await.expect("the watch lasts");
        if done(&object) {
            return object;
        }
    }
}

/// The condition types of an object.
pub(crate) fn conditions(object: &Value) -> Vec<&str> {
    object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| c["type"].as_str().unwrap())
        .collect()
}
