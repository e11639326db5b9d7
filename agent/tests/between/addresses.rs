//! The name of the API server has two addresses, and the first one is bad. The second must be reached: the first request is
//! answered, and a certificate is issued.
//!
//! The name is in a hosts file that only the program sees; that needs unshare(1) with mounts of one's own.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};

use certrotate_controlplane::{ControlPlane, Options};
use futures_util::future::join_all;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::ended;
use crate::manner::Manner;
use crate::stub::Stub;

/// Whether this machine has what these tests need.
fn is_possible() -> bool {
    let mounts = Command::new("unshare").args(["-rm", "true"]).stderr(Stdio::null()).status();
    let possible = mounts.is_ok_and(|status| status.success())
        && std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !possible {
        eprintln!("SKIPPED: a server with two addresses; it needs unshare(1) and IPv6 on loopback");
    }
    possible
}

/// What the first address does.
#[derive(Debug)]
enum First {
    /// Nothing listens there.
    Refuses,
    /// The queue of connections is full, so the kernel drops every further one.
    Swallows,
    Misbehaves(Manner),
}

/// Keeps the first address bad until it is dropped.
#[expect(dead_code, reason = "the fields hold sockets open")]
enum Bad {
    Nothing,
    Full(TcpListener, Vec<TcpStream>),
    Stub(Stub),
}

async fn occupy(address: SocketAddr, first: First) -> Bad {
    let socket = TcpSocket::new_v6().expect("a socket");
    match first {
        First::Refuses => Bad::Nothing,
        First::Swallows => {
            socket.bind(address).expect("the port is free for IPv6");
            let listener = socket.listen(0).expect("it listens");
            // The queue takes one connection more than its length.
            let filling = TcpStream::connect(address).await.expect("there is room for one");
            Bad::Full(listener, vec![filling])
        }
        First::Misbehaves(manner) => {
            socket.bind(address).expect("the port is free for IPv6");
            Bad::Stub(Stub::serve(socket.listen(16).expect("it listens"), manner, (-1, 9)))
        }
    }
}

/// Runs the program with a name that has both addresses: the exit status, and the log.
async fn run(first: First) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let options = Options { dir: Some(dir.path().join("plane")), ..Options::default() };
    let plane = ControlPlane::start(options).await.expect("the control plane starts");
    let port = plane.address().port();
    let bad = occupy(SocketAddr::from((Ipv6Addr::LOCALHOST, port)), first).await;

    let server = format!("https://{}", plane.address());
    let named = format!("https://api.cluster.test:{port}\n    tls-server-name: localhost");
    let text = plane.bootstrap_kubeconfig().replace(&server, &named);
    let (hosts, bootstrap, log) =
        (dir.path().join("hosts"), dir.path().join("bootstrap"), dir.path().join("log"));
    std::fs::write(&bootstrap, text).expect("the scratch is writable");
    std::fs::write(&hosts, "127.0.0.1 localhost\n::1 api.cluster.test\n127.0.0.1 api.cluster.test\n")
        .expect("the scratch is writable");
    let child = in_hosts(&hosts, &bootstrap, &log, &dir.path().join("pki"));
    let status = ended(child).await;
    drop(bad);
    plane.shutdown().await;
    (status, std::fs::read_to_string(log).expect("the log is text"))
}

fn in_hosts(hosts: &Path, bootstrap: &Path, log: &Path, pki: &Path) -> std::process::Child {
    Command::new("unshare")
        .args(["-rm", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""])
        .arg(hosts)
        .args([
            env!("CARGO_BIN_EXE_certrotate"),
            "run",
            "-v",
            "--node-name",
            "node-1",
            "--once",
            "--timeout",
            "40s",
        ])
        .arg("--bootstrap-kubeconfig")
        .arg(bootstrap)
        .arg("--cert-dir")
        .arg(pki)
        .stdin(Stdio::null())
        .stderr(std::fs::File::create(log).expect("the scratch is writable"))
        .spawn()
        .expect("unshare is there")
}

#[tokio::test]
async fn f91_second_address_is_used_whatever_the_first_one_does() {
    if !is_possible() {
        return;
    }
    let cases = [
        First::Refuses,
        First::Swallows,
        First::Misbehaves(Manner::NoTls),
        First::Misbehaves(Manner::Plain),
        // Its certificate is from another CA.
        First::Misbehaves(Manner::Silent),
    ];
    let runs = cases.into_iter().map(async |first| {
        let what = format!("{first:?}");
        let (status, log) = run(first).await;
        assert_eq!(status, Some(0), "{what}: {log}");
    });
    join_all(runs).await;
}
