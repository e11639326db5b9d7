//! Vault's PKI secrets engine as the issuer, as its API documentation describes `POST /v1/:mount/sign/:role`, against a stub.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use certrotate_core::{
    Call, ExitReason, Input, IssuerFault, OpId, RequestRecord, San, Template, Usages, issuer::Credential,
};
use certrotate_examples::{
    Answer, Exchange, Issuer, Live, LocalCa, Node, Outgoing, Reply, Request, Stub, client_config,
    conformance, issued, quick_config,
};
use certrotate_keys::{KeyStore, SigningRequest, Staged};
use certrotate_x509::csr;
use rustls::RootCertStore;
use serde_json::{Value, json};
use threads::drive;

#[path = "threads.rs"]
#[expect(dead_code, reason = "its main function is that of another example")]
mod threads;

const TOKEN: &str = "hvs.a-token-of-the-example";
const DEADLINE: Duration = Duration::from_secs(30);

/// One role of a PKI secrets engine.
struct Vault {
    server: SocketAddr,
    roots: Arc<RootCertStore>,
    path: &'static str,
}

impl Issuer for Vault {
    fn call(&self, keys: &KeyStore, op: OpId, call: Call, _: Credential) -> Outgoing {
        let request = match call {
            Call::Create { key } => match keys.signing_request(key) {
                Ok(request) => request,
                Err(gone) => return Outgoing::failed(op, gone.into()),
            },
            // Vault keeps no request. Core creates it again, with the same key.
            Call::Get { .. } => return Outgoing::failed(op, IssuerFault::NotFound),
            Call::Watch { .. } => return Outgoing::failed(op, IssuerFault::WatchEnded),
        };
        match self.sign(keys.clone(), op, request) {
            Ok(exchange) => Outgoing::Exchange(Box::new(exchange)),
            Err(fault) => Outgoing::failed(op, fault),
        }
    }
}

impl Vault {
    fn sign(&self, keys: KeyStore, op: OpId, request: SigningRequest) -> Result<Exchange, IssuerFault> {
        let ttl = request.template.duration.map(|span| format!("{}s", span.ms() / 1000));
        let common_name = &request.template.subject.common_name;
        let body = json!({"csr": request.csr_pem, "common_name": common_name, "ttl": ttl, "format": "pem"})
            .to_string();
        let (server, path, length) = (self.server, self.path, body.len());
        let head = format!("POST {path} HTTP/1.0\r\nHost: {server}\r\nX-Vault-Token: {TOKEN}\r\n");
        let text = format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
        let config = client_config(&self.roots, None).map_err(|_| IssuerFault::NoCredential)?;
        Exchange::new(server, config, text.as_bytes(), move |reply| {
            let mut staged = Staged::default();
            let result = reply.and_then(|reply| read(&reply, &request, &keys, &mut staged));
            Answer { input: Input::CallAnswered { op, result }, staged }
        })
    }
}

/// Translates an answer. A failure has its reasons in `errors`.
fn read(
    reply: &Reply,
    request: &SigningRequest,
    keys: &KeyStore,
    staged: &mut Staged,
) -> Result<RequestRecord, IssuerFault> {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let (retry_after, reasons) = (reply.retry_after, &body["errors"]);
    println!("vault: {} {reasons}", reply.status);
    match reply.status {
        200 => {}
        400 => return Err(IssuerFault::Invalid),
        // A wrong token and a missing policy have the same status.
        403 => return Err(IssuerFault::NotPermitted),
        429 => return Err(IssuerFault::Throttled { retry_after }),
        // 503: sealed, or down for maintenance.
        500..=599 => return Err(IssuerFault::Unavailable { retry_after }),
        // 404 is a wrong path, and no statement about the request.
        _ => return Err(IssuerFault::Unexpected),
    }
    let leaf = body["data"]["certificate"].as_str().ok_or(IssuerFault::Unexpected)?;
    let issuers = body["data"]["ca_chain"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let chain: Vec<&str> = std::iter::once(leaf).chain(issuers).collect();
    Ok(RequestRecord {
        key: csr::read(request.csr_pem.as_bytes()).ok().map(|facts| facts.key),
        signer: request.template.signer.clone(),
        usages: request.template.usages,
        requester: String::new(),
        state: issued(chain.join("\n").as_bytes(), keys, staged),
    })
}

/// Answers as Vault does: sealed first, then without a policy, then with a role that does not allow the name.
fn vault(ca: &LocalCa, request: &Request, answered: &Mutex<Vec<u16>>) -> (u16, String) {
    let mut answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let signed = body["csr"].as_str().and_then(|csr| ca.sign_client(csr).ok());
    let (status, reason) = match (answered.len(), &signed) {
        (0, _) => (503, "Vault is sealed"),
        (1, _) => (403, "permission denied"),
        (2, _) | (_, None) => (400, "common name not allowed by this role"),
        _ if request.target != "POST /v1/pki/sign/web" || request.token != TOKEN => {
            (403, "permission denied")
        }
        _ => (200, ""),
    };
    answered.push(status);
    let data = json!({"certificate": signed, "issuing_ca": ca.pem(), "ca_chain": [ca.pem()]});
    (status, if status == 200 { json!({"data": data}) } else { json!({"errors": [reason]}) }.to_string())
}

fn main() -> Result<(), Box<dyn Error>> {
    conformance(|config, kit| drive(config, &kit, channel()))?;

    let (ca, answered) = (Arc::new(LocalCa::new(Duration::from_secs(20))?), Arc::new(Mutex::new(Vec::new())));
    let (home, live) = (tempfile::tempdir()?, Live::default());
    let (signer, seen) = (Arc::clone(&ca), Arc::clone(&answered));
    let stub = Stub::start(&ca, "x-vault-token", move |request| vault(&signer, request, &seen))?;
    let issuer = Vault { server: stub.address(), roots: Arc::clone(stub.roots()), path: "/v1/pki/sign/web" };
    let template = Template::new("web", Usages::DIGITAL_SIGNATURE | Usages::CLIENT_AUTH)
        .with_common_name("web.example.org")
        .with_san(San::Dns("web.example.org".to_owned()));
    let node = Node::new("web", home.path(), template.clone(), issuer, live.clone())?;
    let (answers, inbox) = channel();
    let driver = thread::spawn({
        let (config, answers) = (quick_config(template)?, answers.clone());
        move || drive(config, &node, (answers, inbox))
    });
    live.wait(2, DEADLINE)?;
    answers.send(Input::Shutdown.into())?;
    assert_eq!(driver.join().map_err(|_| "the loop panicked")?, Some(ExitReason::Shutdown));
    let statuses = answered.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(statuses.starts_with(&[503, 403, 400, 200, 200]), "{statuses:?}");
    println!("vault: two certificates in turn, after a sealed Vault, a missing policy and a refused name");
    Ok(())
}
