use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use certrotate_controlplane::{ControlPlane, Handle, Options};
use certrotate_core::id::Generation;
use certrotate_x509::{CertChain, SecretKey};
use http_body_util::{BodyExt as _, Empty};
use hyper::http::{Request, StatusCode};

use super::{ConnectionError, FixedClient, LiveClient};
use crate::clock::{Clock as _, SystemClock};
use crate::identity::{Identity, LiveIdentity};
use crate::keystore;
use crate::kubeconfig::{Endpoint, Kubeconfig};

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(20);

/// A running control plane and how to reach it.
pub(crate) struct Server {
    pub(crate) plane: Handle,
    pub(crate) endpoint: Endpoint,
    pub(crate) bootstrap: Kubeconfig,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) async fn server() -> Server {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { dir: Some(dir.path().join("plane")), ..Options::default() };
    let plane = ControlPlane::start(options).await.unwrap();
    let bootstrap = Kubeconfig::read(&plane.bootstrap_kubeconfig_path().unwrap()).unwrap();
    Server { plane, endpoint: bootstrap.endpoint().unwrap(), bootstrap, dir }
}

/// A node's identity, valid for so long from now.
pub(crate) fn identity(plane: &Handle, generation: u32, valid: Duration) -> Identity {
    let (now, generation) = (SystemTime::now(), Generation(generation));
    let issued =
        plane.client_identity("system:node:node-1", &["system:nodes"], now - LONG, now + valid).unwrap();
    let (chain, facts) = CertChain::read(issued.certificate.as_bytes(), None).unwrap();
    let key = SecretKey::from_pem(issued.key.as_bytes()).unwrap();
    keystore::pair(generation, &key, &chain, &facts).unwrap()
}

/// Who the server says that this request came from: the status and the serial.
async fn whoami(client: &LiveClient) -> Result<(StatusCode, String), String> {
    let response = client.request(get("/whoami")).await.map_err(|error| error.to_string())?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    let answer: serde_json::Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    Ok((status, answer["serial"].as_str().unwrap_or_default().to_lowercase()))
}

fn get(path: &str) -> Request<super::Body> {
    let empty = Empty::new().map_err(|never| match never {}).boxed_unsync();
    Request::get(path).body(empty).unwrap()
}

/// Waits until the connections are these: they end by themselves, in other tasks.
async fn settle(client: &LiveClient, expected: &[(u32, usize)]) {
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(generation, count)| (Generation(*generation), *count)).collect();
    let settled = async {
        while client.connections().open() != expected {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(LONG, settled).await;
    assert!(in_time.is_ok(), "expected {expected:?}, found {:?}", client.connections().open());
}

/// Both protocols.
fn clients(server: &Server, live: &LiveIdentity) -> [LiveClient; 2] {
    let client = || LiveClient::new(server.endpoint.clone(), live.clone());
    [client(), client().without_http2()]
}

#[tokio::test]
async fn f66_switch_moves_new_requests_and_ends_idle_connections() {
    let server = server().await;
    let live = LiveIdentity::default();
    for client in clients(&server, &live) {
        live.go_live(identity(&server.plane, 1, LONG * 10));
        let first = live.current_now().unwrap().summary().serial.clone();
        for _ in 0..3 {
            assert_eq!(whoami(&client).await.unwrap(), (StatusCode::OK, first.clone()));
        }
        settle(&client, &[(1, 1)]).await;

        live.go_live(identity(&server.plane, 2, LONG * 10));
        settle(&client, &[]).await;
        let second = live.current_now().unwrap().summary().serial.clone();
        assert_ne!(first, second);
        assert_eq!(whoami(&client).await.unwrap(), (StatusCode::OK, second), "F75: nothing is resumed");
        settle(&client, &[(2, 1)]).await;
    }
}

#[tokio::test]
async fn f69_request_during_switch_is_answered_on_old_connection() {
    let server = server().await;
    let live = LiveIdentity::default();
    for client in clients(&server, &live) {
        live.go_live(identity(&server.plane, 1, LONG * 10));
        let first = live.current_now().unwrap().summary().serial.clone();
        server.plane.faults().delay(Duration::from_secs(2));
        let asking = client.clone();
        let under_way = tokio::spawn(async move { whoami(&asking).await });
        settle(&client, &[(1, 1)]).await;
        // The connection is open; the server counts the request before it holds the answer back.
        let arrived = async {
            while !server.plane.stats().requests_by_serial.keys().any(|serial| serial.to_lowercase() == first)
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, arrived).await.expect("the request arrives");

        live.go_live(identity(&server.plane, 2, LONG * 10));
        server.plane.faults().clear();
        let second = live.current_now().unwrap().summary().serial.clone();
        assert_eq!(whoami(&client).await.unwrap().1, second, "new requests do not wait for the old one");
        let answer = tokio::time::timeout(LONG, under_way).await.expect("it is answered").unwrap();
        assert_eq!(answer.unwrap(), (StatusCode::OK, first));
        settle(&client, &[(2, 1)]).await;
    }
}

#[tokio::test]
async fn f67_connection_is_cut_before_its_certificate_expires() {
    let server = server().await;
    let live = LiveIdentity::default();
    for client in clients(&server, &live) {
        server.plane.faults().delay(LONG * 10);
        live.go_live(identity(&server.plane, 1, Duration::from_secs(2)));
        let end = live.current_now().unwrap().not_after();
        let answer = tokio::time::timeout(LONG, whoami(&client)).await.expect("it is cut");
        assert!(answer.is_err(), "{answer:?}");
        assert!(SystemClock.wall() < end, "cut at the end or after it");
        assert!(matches!(client.request(get("/whoami")).await, Err(ConnectionError::NoIdentity)));
        settle(&client, &[]).await;
        server.plane.faults().clear();
    }
    assert_eq!(server.plane.stats().expired_uses, 0);
}

#[tokio::test]
async fn w40_withdrawn_identity_is_not_used_by_open_connections() {
    let server = server().await;
    let live = LiveIdentity::default();
    for client in clients(&server, &live) {
        live.go_live(identity(&server.plane, 1, LONG * 10));
        whoami(&client).await.unwrap();
        server.plane.faults().delay(LONG * 10);
        let asking = client.clone();
        let under_way = tokio::spawn(async move { whoami(&asking).await });
        settle(&client, &[(1, 1)]).await;
        live.withdraw();
        let answer = tokio::time::timeout(LONG, under_way).await.expect("it is cut").unwrap();
        assert!(answer.is_err(), "{answer:?}");
        settle(&client, &[]).await;
        server.plane.faults().clear();
    }
}

#[tokio::test]
async fn w41_nothing_is_sent_without_an_identity() {
    let server = server().await;
    let clock = Arc::new(AtomicI64::new(0));
    let shown = Arc::clone(&clock);
    let live = LiveIdentity::new(move || {
        certrotate_core::time::WallTime::from_unix_secs(shown.load(Ordering::Relaxed))
    });
    let client = LiveClient::new(server.endpoint.clone(), live.clone());
    assert!(matches!(client.request(get("/whoami")).await, Err(ConnectionError::NoIdentity)));
    live.go_live(identity(&server.plane, 1, LONG));
    assert!(
        matches!(client.request(get("/whoami")).await, Err(ConnectionError::NoIdentity)),
        "not valid yet"
    );
    clock.store(i64::MAX / 1000, Ordering::Relaxed);
    assert!(matches!(client.request(get("/whoami")).await, Err(ConnectionError::NoIdentity)), "over");
    assert_eq!(server.plane.stats().requests, 0);
}

#[tokio::test]
async fn f74_request_after_broken_connection_opens_another() {
    let server = server().await;
    let live = LiveIdentity::default();
    for client in clients(&server, &live) {
        live.go_live(identity(&server.plane, 1, LONG * 10));
        whoami(&client).await.unwrap();
        server.plane.faults().refuse_connections(true);
        let refused = async { while whoami(&client).await.is_ok() {} };
        tokio::time::timeout(LONG, refused).await.expect("the server refuses");
        server.plane.faults().clear();
        whoami(&client).await.unwrap();
    }
}

#[tokio::test]
async fn bootstrap_token_is_sent_and_not_shown_by_debug() {
    let server = server().await;
    let client = FixedClient::new(&server.endpoint, server.bootstrap.secret().unwrap()).unwrap();
    let response = client.request(get("/whoami")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!format!("{client:?}").contains(server.plane.bootstrap_token()));
}

#[tokio::test]
async fn server_of_another_ca_is_refused_with_reason() {
    let (one, other) = (server().await, server().await);
    let endpoint = Endpoint { roots: other.endpoint.roots.clone(), ..one.endpoint.clone() };
    let client = FixedClient::new(&endpoint, one.bootstrap.secret().unwrap()).unwrap();
    let error = client.request(get("/whoami")).await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(one.plane.stats().requests, 0, "the token was not sent");
}

#[tokio::test]
async fn tls_server_name_of_the_kubeconfig_is_verified() {
    let server = server().await;
    for (name, good) in [("localhost", true), ("elsewhere.example", false)] {
        let endpoint = Endpoint { tls_server_name: Some(name.into()), ..server.endpoint.clone() };
        let client = FixedClient::new(&endpoint, server.bootstrap.secret().unwrap()).unwrap();
        assert_eq!(client.request(get("/whoami")).await.is_ok(), good, "{name}");
    }
}

#[tokio::test]
async fn f92_silent_address_is_named_and_its_connection_not_reused() {
    let server = server().await;
    let live = LiveIdentity::default();
    live.go_live(identity(&server.plane, 1, LONG * 10));
    for client in clients(&server, &live) {
        server.plane.faults().delay(LONG * 10);
        let asking = client.clone();
        let under_way = tokio::spawn(async move { whoami(&asking).await });
        settle(&client, &[(1, 1)]).await;
        let mut request = get("/whoami");
        request.extensions_mut().insert(super::Deadline(Duration::from_millis(500)));
        let error = client.request(request).await.unwrap_err().to_string();
        let address = server.plane.address().to_string();
        assert!(error.starts_with(&format!("{address} took the request and did not answer")), "{error}");
        server.plane.faults().clear();
        whoami(&client).await.unwrap();
        // The first request is still on the first connection, which has room for more in HTTP/2.
        settle(&client, &[(1, 2)]).await;
        under_way.abort();
    }
}

/// A client with the bootstrap credential that has begun to connect.
fn early(server: &Server) -> FixedClient {
    let client = FixedClient::new(&server.endpoint, server.bootstrap.secret().unwrap()).unwrap();
    client.open_early();
    client
}

/// Waits until the client has so many connections.
async fn settle_at(client: &FixedClient, count: usize) {
    let open = || client.connector.connections.open().values().sum::<usize>();
    let settled = async {
        while open() != count {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(LONG, settled).await;
    assert!(in_time.is_ok(), "expected {count}, found {}", open());
}

#[tokio::test]
async fn early_connection_carries_the_first_request() {
    let server = server().await;
    let client = early(&server);
    settle_at(&client, 1).await;
    for _ in 0..2 {
        assert_eq!(client.request(get("/whoami")).await.unwrap().status(), StatusCode::OK);
        settle_at(&client, 1).await;
    }
}

#[tokio::test]
async fn first_request_waits_for_a_connection_that_is_being_opened() {
    let server = server().await;
    let client = early(&server);
    assert_eq!(client.request(get("/whoami")).await.unwrap().status(), StatusCode::OK);
    settle_at(&client, 1).await;
}

#[tokio::test]
async fn early_connection_without_a_request_is_closed() {
    let server = server().await;
    let client = early(&server);
    settle_at(&client, 1).await;
    settle_at(&client, 0).await;
    assert_eq!(client.request(get("/whoami")).await.unwrap().status(), StatusCode::OK, "on another one");
}

#[tokio::test]
async fn failed_early_connection_fails_one_request_only() {
    let mut server = server().await;
    server.endpoint.tls_server_name = Some("elsewhere.example".to_owned());
    let client = early(&server);
    let error = client.request(get("/whoami")).await.unwrap_err().to_string();
    let again = client.request(get("/whoami")).await.unwrap_err().to_string();
    assert_eq!(error, again, "it connects again, and meets the same");
}
