//! The certificates API of Kubernetes: core's calls as requests, and its answers as core's.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use certrotate_core::facts::Usages;
use certrotate_core::id::OpId;
use certrotate_core::input::Input;
use certrotate_core::issuer::{Call, Credential, IssuerFault, RequestRecord, RequestState};
use certrotate_keys::{KeyStore, SigningRequest, Staged};
use certrotate_x509::{CertChain, csr, request_name};
use rustls::RootCertStore;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::exchange::{Exchange, Reply, client_config};
use crate::live::Live;
use crate::node::Issuer;
use crate::parts::Outgoing;

/// The path of the requests.
pub const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// How a call authenticates.
#[derive(Clone, Debug)]
pub enum Login {
    /// By a bootstrap token.
    Token(String),
    /// By the live identity of this slot.
    Identity(Live),
}

/// The API as one node uses it.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    /// The address of the server; its certificate names the IP address.
    pub server: SocketAddr,
    /// The CA of the server.
    pub roots: Arc<RootCertStore>,
    /// The login before the first certificate.
    pub bootstrap: Login,
    /// The login afterwards. A serving identity names the slot of the client identity here.
    pub live: Login,
}

impl Issuer for Kubernetes {
    fn call(&self, keys: &KeyStore, op: OpId, call: Call, credential: Credential) -> Outgoing {
        let (method, path, body) = match call {
            Call::Create { key } => match keys.signing_request(key) {
                Ok(request) => ("POST", REQUESTS.to_owned(), object(&request).to_string()),
                Err(gone) => return Outgoing::failed(op, gone.into()),
            },
            Call::Get { request } => ("GET", format!("{REQUESTS}/{}", request_name(&request)), String::new()),
            // This client does not watch. Core polls instead.
            Call::Watch { .. } => return Outgoing::failed(op, IssuerFault::WatchEnded),
        };
        let login = match credential {
            Credential::Bootstrap => &self.bootstrap,
            Credential::Live(_) => &self.live,
        };
        let keys = keys.clone();
        let read = move |reply: Result<Reply, IssuerFault>| {
            let mut staged = Staged::default();
            let result = reply.and_then(|reply| read(&reply, &keys, &mut staged));
            Answer { input: Input::CallAnswered { op, result }, staged }
        };
        match self.exchange(login, method, &path, &body, read) {
            Ok(exchange) => Outgoing::Exchange(Box::new(exchange)),
            Err(fault) => Outgoing::failed(op, fault),
        }
    }
}

impl Kubernetes {
    /// Begins a request of the API.
    ///
    /// # Errors
    ///
    /// There is no live identity to log in with.
    pub fn exchange<T>(
        &self,
        login: &Login,
        method: &str,
        path: &str,
        body: &str,
        read: impl FnOnce(Result<Reply, IssuerFault>) -> T + Send + 'static,
    ) -> Result<Exchange<T>, IssuerFault> {
        let (identity, authorization) = match login {
            Login::Token(token) => (None, format!("Authorization: Bearer {token}\r\n")),
            Login::Identity(live) if live.current().is_some() => {
                (Some(Arc::new(live.clone()) as _), String::new())
            }
            Login::Identity(_) => return Err(IssuerFault::NoCredential),
        };
        let config = client_config(&self.roots, identity).map_err(|_| IssuerFault::NoCredential)?;
        let (server, length) = (self.server, body.len());
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {server}\r\n{authorization}Accept: application/json\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        Exchange::new(server, config, request.as_bytes(), read)
    }
}

/// Returns the object of a request.
fn object(request: &SigningRequest) -> Value {
    let template = &request.template;
    json!({
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": request.name},
        "spec": {
            "request": BASE64_STANDARD.encode(&request.csr_pem),
            "signerName": template.signer,
            "usages": template.usages.names().collect::<Vec<_>>(),
            "expirationSeconds": template.duration.map(|span| span.ms() / 1000),
        },
    })
}

/// Reads the server's answer: the object, or the fault.
fn read(reply: &Reply, keys: &KeyStore, staged: &mut Staged) -> Result<RequestRecord, IssuerFault> {
    let retry_after = reply.retry_after;
    match reply.status {
        200 | 201 => {}
        400 | 422 => return Err(IssuerFault::Invalid),
        401 => return Err(IssuerFault::NotAuthenticated),
        403 => return Err(IssuerFault::NotPermitted),
        404 => return Err(IssuerFault::NotFound),
        409 => return Err(IssuerFault::AlreadyExists),
        429 => return Err(IssuerFault::Throttled { retry_after }),
        500..=599 => return Err(IssuerFault::Unavailable { retry_after }),
        _ => return Err(IssuerFault::Unexpected),
    }
    let object: Value = serde_json::from_slice(&reply.body).map_err(|_| IssuerFault::Unexpected)?;
    let (spec, status) = (&object["spec"], &object["status"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let bytes = |value: &Value| BASE64_STANDARD.decode(value.as_str()?).ok();
    let has = |kind: &str| {
        let conditions = status["conditions"].as_array();
        conditions.is_some_and(|all| all.iter().any(|condition| condition["type"] == kind))
    };
    let usages = spec["usages"].as_array().into_iter().flatten();
    let usages = usages.map(|usage| usage.as_str().and_then(Usages::named).unwrap_or(Usages::OTHER));
    Ok(RequestRecord {
        key: bytes(&spec["request"]).and_then(|pem| csr::read(&pem).ok()).map(|facts| facts.key),
        signer: text(&spec["signerName"]),
        usages: usages.fold(Usages::NONE, Usages::with),
        requester: text(&spec["username"]),
        state: match bytes(&status["certificate"]) {
            _ if has("Denied") => RequestState::Denied,
            _ if has("Failed") => RequestState::Failed,
            Some(pem) if has("Approved") => issued(&pem, keys, staged),
            None if has("Approved") => RequestState::Approved,
            _ => RequestState::Pending,
        },
    })
}

/// Reads an issued chain and stages it.
pub fn issued(pem: &[u8], keys: &KeyStore, staged: &mut Staged) -> RequestState {
    match CertChain::read(pem, None) {
        Ok((chain, facts)) => {
            RequestState::Issued { cert: keys.stage_chain(staged, chain, facts.clone()), facts }
        }
        Err(_) => RequestState::IssuedUnreadable,
    }
}
