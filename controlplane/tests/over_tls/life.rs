//! Starting, restarting and ending; hostile and slow clients.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use crate::client::{CSRS, Client, issue, request};
use certrotate_controlplane::{Approval, ControlPlane, Error, Handle, Options};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

fn options(dir: &tempfile::TempDir) -> Options {
    Options { dir: Some(dir.path().join("plane")), ..Options::default() }
}

#[tokio::test]
async fn a_restart_keeps_ca_token_port_admin_and_objects() {
    let dir = tempfile::tempdir().unwrap();
    let plane = ControlPlane::start(options(&dir)).await.unwrap();
    let (ca, token, address) =
        (plane.ca_pem().to_owned(), plane.bootstrap_token().to_owned(), plane.address());
    let admin = plane.admin_kubeconfig().to_owned();
    let (_, issued) = issue(&Client::bootstrap(&plane), "a", "n").await;
    plane.shutdown().await;
    let again = ControlPlane::start(options(&dir)).await.unwrap();
    assert_eq!((again.ca_pem(), again.bootstrap_token(), again.address()), (&*ca, &*token, address));
    assert_eq!(again.admin_kubeconfig(), admin);
    let client = Client::bootstrap(&again);
    let kept = client.get(&format!("{CSRS}/a")).await.body;
    assert_eq!(kept, issued);
    assert!(client.post(&request("b", "n").1).await.code == 201);
    let version = client.get(&format!("{CSRS}/b")).await.body["metadata"]["resourceVersion"].clone();
    let number = |v: &Value| v.as_str().unwrap().parse::<u64>().unwrap();
    assert!(number(&version) > number(&kept["metadata"]["resourceVersion"]), "versions never go back");
}

#[tokio::test]
async fn objects_survive_an_end_without_notice() {
    let dir = tempfile::tempdir().unwrap();
    let manual = Options { approve: Approval::Manual, ..options(&dir) };
    let plane = ControlPlane::start(manual.clone()).await.unwrap();
    let (_, object) = request("a", "n");
    assert_eq!(Client::bootstrap(&plane).post(&object).await.code, 201);
    drop(plane);
    // The tasks end when the runtime next runs them, and the lock with the handle.
    tokio::task::yield_now().await;
    let again = ControlPlane::start(manual).await.unwrap();
    assert_eq!(again.stats().csrs[0].condition, "Pending");
    assert_eq!(again.stats().open_csrs, 1);
}

#[tokio::test]
async fn two_control_planes_on_one_directory_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = ControlPlane::start(options(&dir)).await.unwrap();
    let error = ControlPlane::start(options(&dir)).await.unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let first = ControlPlane::start(Options::default()).await.unwrap();
    let port = first.address().port();
    let error = ControlPlane::start(Options { port, ..Options::default() }).await.unwrap_err();
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

#[tokio::test]
async fn files_are_private_and_kubeconfigs_are_yaml_that_carries_what_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let plane = ControlPlane::start(options(&dir)).await.unwrap();
    let root = plane.dir().unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(root), 0o700);
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(std::fs::read_to_string(root.join("ca.crt")).unwrap(), plane.ca_pem());
    let read = |path: Option<std::path::PathBuf>| -> Value {
        serde_saphyr::from_str(&std::fs::read_to_string(path.unwrap()).unwrap()).unwrap()
    };
    let admin = read(plane.admin_kubeconfig_path());
    let bootstrap = read(plane.bootstrap_kubeconfig_path());
    let ca = crate::client::base64(plane.ca_pem().as_bytes());
    for config in [&admin, &bootstrap] {
        let cluster = &config["clusters"][0]["cluster"];
        assert_eq!(cluster["server"].as_str().unwrap(), format!("https://{}", plane.address()));
        assert_eq!(cluster["certificate-authority-data"].as_str().unwrap(), ca);
        assert_eq!(config["contexts"][0]["context"]["user"], config["users"][0]["name"]);
        assert_eq!(config["current-context"].as_str(), Some("certrotate"));
    }
    assert_eq!(bootstrap["users"][0]["user"]["token"].as_str(), Some(plane.bootstrap_token()));
    assert!(admin["users"][0]["user"]["client-key-data"].is_string());
}

#[tokio::test]
async fn no_debug_form_shows_a_secret() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let identity = crate::client::user(&plane, "u", &[]);
    let shown = format!("{plane:?} {identity:?} {:?} {:?}", plane.faults(), plane.stats());
    assert!(!shown.contains("PRIVATE KEY") && !shown.contains(plane.bootstrap_token()), "{shown}");
}

#[tokio::test]
async fn a_shutdown_ends_watches_and_frees_the_port() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let address = plane.address();
    let mut events = Client::bootstrap(&plane).watch("").await;
    let ended = tokio::spawn(async move { events.next().await });
    tokio::time::timeout(Duration::from_secs(4), plane.shutdown()).await.expect("within the grace");
    assert!(ended.await.unwrap().is_none());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn silent_and_talkative_strangers_keep_nobody_waiting() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut strangers = Vec::new();
    for round in 0..40 {
        let mut stream = TcpStream::connect(plane.address()).await.unwrap();
        if round % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        }
        strangers.push(stream);
    }
    let client = Client::bootstrap(&plane);
    let (_, object) = issue(&client, "a", "n").await;
    assert!(object["status"]["certificate"].is_string());
    assert_eq!(strangers.len(), 40);
}

/// A TLS connection of a client that speaks HTTP/1.1 by hand.
async fn by_hand(plane: &Handle) -> TlsStream<TcpStream> {
    by_hand_with(plane, None).await
}

/// A TLS connection without a byte of its protocol.
async fn by_hand_with(plane: &Handle, protocol: Option<&str>) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(plane.ca_pem().as_bytes()).unwrap()).unwrap();
    let mut config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    config.alpn_protocols = protocol.map(|protocol| protocol.as_bytes().to_vec()).into_iter().collect();
    let stream = TcpStream::connect(plane.address()).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn heads_and_bodies_that_do_not_end_keep_nobody_waiting() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut slow = Vec::new();
    for round in 0..40 {
        let mut stream = by_hand(&plane).await;
        let head = format!("POST {CSRS} HTTP/1.1\r\nAuthorization: Bearer {}\r\n", plane.bootstrap_token());
        let rest = "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"kind\":";
        let sent = if round % 2 == 0 { head } else { head + rest };
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        slow.push(stream);
    }
    let client = Client::bootstrap(&plane);
    let (_, object) = issue(&client, "a", "n").await;
    assert!(object["status"]["certificate"].is_string());
    assert_eq!(plane.stats().csrs_created, 1, "an incomplete request was not accepted");
    assert_eq!(slow.len(), 40);
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused_with_431() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut stream = by_hand(&plane).await;
    let head = format!("GET /version HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100 * 1024));
    // The server may have closed the connection before all of it is sent.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_watch_that_is_not_read_keeps_nobody_waiting_and_misses_nothing() {
    const CHANGES: usize = 1_500;
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let client = Client::admin(&plane);
    assert_eq!(client.post(&request("watched", "n").1).await.code, 201);
    let path = format!("{CSRS}/watched");
    let begin = client.get(&path).await.body["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let reader = Client::admin(&plane);
    let mut events = reader.watch(&format!("&resourceVersion={begin}")).await;
    for change in 0..CHANGES {
        let patch =
            json!({"metadata": {"annotations": {"change": change.to_string(), "size": "x".repeat(2_000)}}});
        assert_eq!(client.patch(&path, &patch).await.code, 200);
    }
    for change in 0..CHANGES {
        let (kind, object) = events.next().await.unwrap();
        assert_eq!(
            (&*kind, &object["metadata"]["annotations"]["change"]),
            ("MODIFIED", &json!(change.to_string()))
        );
    }
}

#[tokio::test]
async fn other_loopback_address_is_served_and_any_other_is_refused() {
    for listen in ["127.0.0.5", "::1"] {
        let listen: std::net::IpAddr = listen.parse().unwrap();
        let plane = match ControlPlane::start(Options { listen, ..Options::default() }).await {
            // Not every machine has IPv6.
            Err(Error::Bind { .. }) if listen.is_ipv6() => continue,
            plane => plane.unwrap(),
        };
        assert_eq!(plane.address().ip(), listen);
        assert_eq!(Client::admin(&plane).get("/version").await.code, 200);
    }
    for listen in ["0.0.0.0", "10.0.0.1", "::"] {
        let listen = listen.parse().unwrap();
        let error = ControlPlane::start(Options { listen, ..Options::default() }).await.unwrap_err();
        assert!(error.to_string().starts_with("--listen: "), "{error}");
    }
}

/// Reads until the server closes the connection, and answers after how long it did.
async fn closed(mut stream: impl AsyncReadExt + Unpin) -> Duration {
    let start = std::time::Instant::now();
    let mut rest = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(40), stream.read_to_end(&mut rest)).await;
    // A reset ends it as well.
    let _how = end.expect("the server closes a silent connection");
    start.elapsed()
}

#[tokio::test]
async fn silent_connection_is_closed_on_every_protocol() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let tcp = TcpStream::connect(plane.address()).await.unwrap();
    let mut hello = TcpStream::connect(plane.address()).await.unwrap();
    hello.write_all(b"\x16\x03\x01").await.unwrap();
    let silent = [
        by_hand(&plane).await,
        by_hand_with(&plane, Some("http/1.1")).await,
        by_hand_with(&plane, Some("h2")).await,
    ];
    let mut begun = by_hand_with(&plane, Some("h2")).await;
    begun.write_all(PREFACE).await.unwrap();
    let (slow, mut drip) = tokio::io::split(by_hand_with(&plane, Some("http/1.1")).await);
    let dripping = tokio::spawn(async move {
        while drip.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let tls = async {
        let [a, b, c] = silent.map(closed);
        tokio::join!(a, b, c, closed(begun), closed(slow))
    };
    let times = tokio::join!(closed(tcp), closed(hello), tls);
    dripping.abort();
    let (a, b, (c, d, e, f, g)) = times;
    assert!([a, b, c, d, e, f, g].iter().all(|time| time.as_secs() >= 5), "not at once: {times:?}");
}

#[tokio::test]
async fn flood_of_strangers_locks_no_user_out() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let address = plane.address();
    let flood = tokio::spawn(async move {
        let mut strangers = std::collections::VecDeque::new();
        loop {
            strangers.extend(TcpStream::connect(address).await.ok());
            if strangers.len() > 400 {
                strangers.pop_front();
            }
            tokio::task::yield_now().await;
        }
    });
    let busy = Client::admin(&plane);
    for _ in 0..20 {
        assert_eq!(busy.get(CSRS).await.code, 200);
        // A client of its own has a connection of its own.
        assert_eq!(Client::bootstrap(&plane).get(CSRS).await.code, 200);
    }
    flood.abort();
}
