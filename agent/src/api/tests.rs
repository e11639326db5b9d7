mod stub;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use certrotate_controlplane::Spoil;
use certrotate_core::config::Template;
use certrotate_core::facts::Chain;
use certrotate_core::id::{Generation, KeyHandle, OpId, RunId};
use certrotate_core::input::{Input, MadeKey};
use certrotate_core::issuer::{Call, Credential, IssuerFault, RequestRecord, RequestState};
use certrotate_core::time::Span;
use certrotate_x509::request_name;

use super::KubeApi;
use crate::client_ca::ClientCaFile;
use crate::connection::LiveClient;
use crate::connection::tests::{Server, identity, server};
use crate::edges::Tcp;
use crate::fault_texts::FaultTexts;
use crate::file_client::FileClient;
use crate::identity::LiveIdentity;
use crate::keystore::{KeyStore, identity as stored_identity};
use crate::kubeconfig::Endpoint;
use crate::limits::MAX_ANSWER;
use crate::offload::Offload;
use crate::ports::Issuer as _;
use stub::Stub;

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(20);
const OP: OpId = OpId { run: RunId(1), seq: 1 };

struct Client {
    api: KubeApi,
    keys: KeyStore,
    live: LiveIdentity,
    made: MadeKey,
}

fn client(endpoint: Endpoint, bootstrap: Option<PathBuf>, client_ca: Option<ClientCaFile>) -> Client {
    let keys = KeyStore::new(Template::kubelet_client("node-1"));
    let (made, staged) = keys.make(None).unwrap();
    keys.accept(staged, &Input::KeyMade { op: OP, result: Ok(made) }).unwrap();
    let live = LiveIdentity::default();
    let api = KubeApi::new(
        bootstrap.map(|path| FileClient::new(path, Arc::new(Tcp), Offload::default())),
        (LiveClient::new(endpoint, live.clone()), None),
        keys.clone(),
        client_ca,
        FaultTexts::default(),
    );
    Client { api, keys, live, made }
}

fn of(server: &Server) -> Client {
    let client_ca = ClientCaFile::open(&server.plane.dir().unwrap().join("ca.crt")).unwrap();
    client(server.endpoint.clone(), server.plane.bootstrap_kubeconfig_path(), Some(client_ca))
}

impl Client {
    async fn call(&self, call: Call, credential: Credential) -> Result<RequestRecord, IssuerFault> {
        let calling = self.api.call(call, credential);
        let (result, staged) = tokio::time::timeout(LONG, calling).await.expect("it ends");
        self.keys.accept(staged, &Input::CallAnswered { op: OP, result: result.clone() }).unwrap();
        result
    }

    async fn create(&self) -> Result<RequestRecord, IssuerFault> {
        self.call(Call::Create { key: self.made.key }, Credential::Bootstrap).await
    }

    async fn get(&self) -> Result<RequestRecord, IssuerFault> {
        self.call(Call::Get { request: self.made.request }, Credential::Bootstrap).await
    }

    async fn watch(&self) -> Result<RequestRecord, IssuerFault> {
        self.call(Call::Watch { request: self.made.request }, Credential::Bootstrap).await
    }
}

#[tokio::test]
async fn request_is_created_watched_and_its_certificate_read() {
    let server = server().await;
    let client = of(&server);
    server.plane.faults().pause_approving(true);
    let made = client.create().await.unwrap();
    let template = Template::kubelet_client("node-1");
    assert_eq!(
        (made.key, made.signer, made.usages),
        (Some(client.made.key_digest), template.signer, template.usages)
    );
    assert_eq!(made.state, RequestState::Pending);

    let resume = async {
        // The watch is there when its request has been counted: create, list, watch.
        while server.plane.stats().requests < 3 {
            tokio::task::yield_now().await;
        }
        server.plane.faults().clear();
    };
    let (issued, ()) = tokio::join!(client.watch(), resume);
    let issued = issued.unwrap();
    let RequestState::Issued { cert, facts } = &issued.state else { panic!("{issued:?}") };
    assert!(facts.chain == Chain::Trusted && facts.key == client.made.key_digest);
    assert!(
        stored_identity(&client.keys, Generation(1), client.made.key, *cert).is_ok(),
        "those very bytes are kept"
    );
    let looked = client.get().await.unwrap();
    assert!(matches!(looked.state, RequestState::Issued { .. }));
}

#[tokio::test]
async fn f39_repeated_create_reports_already_exists() {
    let server = server().await;
    let client = of(&server);
    client.create().await.unwrap();
    assert_eq!(client.create().await, Err(IssuerFault::AlreadyExists));
    assert_eq!(server.plane.stats().csrs_created, 1);
}

#[tokio::test]
async fn every_failure_status_maps_to_its_fault_and_retry_after() {
    let server = server().await;
    let client = of(&server);
    let retry_after = Some(Span::from_secs(7));
    for (code, asked, fault) in [
        (400, None, IssuerFault::Invalid),
        (401, None, IssuerFault::NotAuthenticated),
        (403, None, IssuerFault::NotPermitted),
        (404, None, IssuerFault::Unexpected),
        (409, None, IssuerFault::AlreadyExists),
        (413, None, IssuerFault::Invalid),
        (418, None, IssuerFault::Unexpected),
        (422, None, IssuerFault::Invalid),
        (429, Some(7), IssuerFault::Throttled { retry_after }),
        (429, None, IssuerFault::Throttled { retry_after: None }),
        (500, None, IssuerFault::Unavailable { retry_after: None }),
        (503, Some(7), IssuerFault::Unavailable { retry_after }),
    ] {
        server.plane.faults().answer(code, asked.map(Duration::from_secs), Some(1));
        assert_eq!(client.create().await, Err(fault), "{code}");
    }
    assert!(client.create().await.is_ok(), "and nothing is left of it");
}

#[tokio::test]
async fn watch_outcomes_are_distinguished() {
    let server = server().await;
    let client = of(&server);
    let faults = server.plane.faults();
    assert_eq!(client.watch().await, Err(IssuerFault::NotFound), "it was never there");
    faults.pause_approving(true);
    client.create().await.unwrap();

    faults.forbid_watches(true);
    assert_eq!(client.watch().await, Err(IssuerFault::NotPermitted));
    faults.forbid_watches(false);

    let requests = server.plane.stats().requests;
    let name = request_name(&client.made.request);
    let forget = async {
        while server.plane.stats().requests < requests + 2 {
            tokio::task::yield_now().await;
        }
        assert!(faults.forget(&name));
    };
    let (watched, ()) = tokio::join!(client.watch(), forget);
    assert_eq!(watched, Err(IssuerFault::NotFound), "deleted while it was watched");
}

#[tokio::test]
async fn f47_watch_closed_by_server_returns_watch_ended() {
    let server = server().await;
    let client = of(&server);
    let faults = server.plane.faults();
    faults.pause_approving(true).close_watches_after_one_event(true);
    client.create().await.unwrap();
    let requests = server.plane.stats().requests;
    let admin = async {
        while server.plane.stats().requests < requests + 2 {
            tokio::task::yield_now().await;
        }
        // Approval is one event; the certificate would be the next.
        faults.pause_approving(false);
    };
    let (watched, ()) = tokio::join!(client.watch(), admin);
    assert_eq!(watched, Err(IssuerFault::WatchEnded));
}

#[tokio::test]
async fn denied_and_failed_conditions_are_read() {
    let server = server().await;
    let faults = server.plane.faults();
    for failed in [false, true] {
        let client = of(&server);
        faults.clear();
        if failed {
            faults.fail_all(true);
        } else {
            faults.deny_all(true);
        }
        let made = client.create().await.unwrap();
        let decided = if failed { RequestState::Failed } else { RequestState::Denied };
        let seen = if made.state == decided { made } else { client.watch().await.unwrap() };
        assert_eq!(seen.state, decided);
    }
}

#[tokio::test]
async fn certificate_of_another_ca_is_read_as_untrusted() {
    let server = server().await;
    let client = of(&server);
    server.plane.faults().spoil(Spoil::ForeignCa);
    client.create().await.unwrap();
    let issued = client.watch().await.unwrap().state;
    assert!(matches!(issued, RequestState::Issued { facts, .. } if facts.chain == Chain::Untrusted));
}

#[tokio::test]
async fn f68_w41_live_call_uses_live_identity_or_fails() {
    let server = server().await;
    let client = of(&server);
    let as_live = Credential::Live(Generation(1));
    let get = Call::Get { request: client.made.request };
    assert_eq!(client.call(get, as_live).await, Err(IssuerFault::NoCredential));
    client.live.go_live(identity(&server.plane, 1, LONG * 10));
    let create = Call::Create { key: client.made.key };
    client.call(create, as_live).await.unwrap();
    assert_eq!(server.plane.stats().csrs[0].requestor, "system:node:node-1");
}

#[tokio::test]
async fn f05_bootstrap_kubeconfig_is_read_for_each_call() {
    let server = server().await;
    let path = server.dir.path().join("bootstrap");
    let client = client(server.endpoint.clone(), Some(path.clone()), None);
    assert_eq!(client.create().await, Err(IssuerFault::NoCredential), "missing");
    std::fs::write(&path, "{").unwrap();
    assert_eq!(client.create().await, Err(IssuerFault::NoCredential), "malformed");
    let good = server.plane.bootstrap_kubeconfig();
    std::fs::write(&path, good.replace(server.plane.bootstrap_token(), "abcdef.0123456789abcdef")).unwrap();
    assert_eq!(client.create().await, Err(IssuerFault::NotAuthenticated), "another cluster's");
    std::fs::write(&path, good).unwrap();
    assert!(client.create().await.is_ok());
}

#[tokio::test]
async fn missing_bootstrap_kubeconfig_is_no_credential() {
    let server = server().await;
    let client = client(server.endpoint.clone(), None, None);
    assert_eq!(client.create().await, Err(IssuerFault::NoCredential));
}

#[tokio::test]
async fn closed_connection_and_lost_answer_are_unreachable() {
    let server = server().await;
    let client = of(&server);
    server.plane.faults().refuse_connections(true);
    assert_eq!(client.create().await, Err(IssuerFault::Unreachable));
    server.plane.faults().clear().drop_answers(1);
    assert_eq!(client.create().await, Err(IssuerFault::Unreachable));
    assert_eq!(client.create().await, Err(IssuerFault::AlreadyExists), "F15: it had arrived");
}

#[tokio::test]
async fn request_not_in_memory_is_not_sent() {
    let server = server().await;
    let client = of(&server);
    let create = Call::Create { key: KeyHandle(99) };
    assert_eq!(client.call(create, Credential::Bootstrap).await, Err(IssuerFault::HandleGone));
    assert_eq!(server.plane.stats().requests, 0);
}

#[tokio::test]
async fn malformed_answers_are_faults() {
    let big = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}",
        MAX_ANSWER + 1,
        "x".repeat(MAX_ANSWER + 1)
    );
    let status =
        |code: &str, body: &str| format!("HTTP/1.1 {code} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    for (what, answer, fault) in [
        ("an HTML page", status("200", "<html>login</html>"), IssuerFault::Unexpected),
        ("not UTF-8 in spirit", status("200", "\u{0}\u{1}"), IssuerFault::Unexpected),
        ("an empty body", status("200", ""), IssuerFault::Unexpected),
        ("another object", status("200", "{\"kind\":\"Pod\"}"), IssuerFault::Unexpected),
        ("too large", big, IssuerFault::Unexpected),
        (
            "a proxy's 502",
            status("502", "<html>bad gateway</html>"),
            IssuerFault::Unavailable { retry_after: None },
        ),
        ("an empty status", status("503", "{}"), IssuerFault::Unavailable { retry_after: None }),
        (
            "a status that lies",
            status("401", "{\"code\":200,\"message\":\"fine\"}"),
            IssuerFault::NotAuthenticated,
        ),
        (
            "a redirect",
            "HTTP/1.1 302 X\r\nlocation: https://elsewhere\r\ncontent-length: 0\r\n\r\n".into(),
            IssuerFault::Unexpected,
        ),
        (
            "half an answer",
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".into(),
            IssuerFault::Unreachable,
        ),
        ("no HTTP", "220 smtp ready\r\n".into(), IssuerFault::Unreachable),
        ("nothing", String::new(), IssuerFault::Unreachable),
    ] {
        let stub = Stub::start(answer.into_bytes()).await;
        let client = client(stub.endpoint(), Some(stub.kubeconfig()), None);
        assert_eq!(client.create().await, Err(fault), "{what}");
        assert!(client.watch().await.is_err(), "{what}");
    }
}

#[tokio::test]
async fn call_has_user_agent_and_token() {
    let stub = Stub::start(Vec::new()).await;
    let client = client(stub.endpoint(), Some(stub.kubeconfig()), None);
    assert_eq!(client.get().await, Err(IssuerFault::Unreachable));
    let heard = stub.heard();
    assert!(heard.contains(concat!("user-agent: certrotate/", env!("CARGO_PKG_VERSION"))), "{heard}");
    assert!(heard.contains("authorization: Bearer abcdef.0123456789abcdef"), "{heard}");
    let path = format!(
        "GET /apis/certificates.k8s.io/v1/certificatesigningrequests/{}",
        request_name(&client.made.request)
    );
    assert!(heard.contains(&path), "{heard}");
}
