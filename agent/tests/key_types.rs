//! Every type of key, from the request to mutual TLS with the certificate: the renewal is made as the node.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use certrotate::node::{Node, NodeOptions};
use certrotate_controlplane::{ControlPlane, Handle, Options};
use certrotate_core::id::Generation;
use certrotate_x509::KeyType;

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(180);

async fn plane(dir: &Path, lifetime: Duration) -> Handle {
    let options =
        Options { dir: Some(dir.join("plane")), cluster_signing_duration: lifetime, ..Options::default() };
    ControlPlane::start(options).await.expect("the control plane starts")
}

/// Runs a node until this generation, or a later one, is live.
async fn until_live(plane: &Handle, dir: &Path, key_type: KeyType, generation: u32) {
    let options = NodeOptions {
        bootstrap_kubeconfig: plane.bootstrap_kubeconfig_path(),
        client_ca_file: plane.dir().map(|dir| dir.join("ca.crt")),
        key_type,
        ..NodeOptions::new("node-1", dir.join("pki"))
    };
    let node = Node::new(&options, Box::new(|_| {})).expect("the options are good");
    let (control, mut live) = (node.control(), node.live().subscribe());
    let running = tokio::spawn(node.run());
    let wanted =
        live.wait_for(|now| now.as_ref().is_some_and(|it| it.generation() >= Generation(generation)));
    tokio::time::timeout(LONG, wanted).await.expect("it goes live").expect("it runs");
    control.shutdown();
    tokio::time::timeout(LONG, running).await.expect("it ends").expect("no panic");
}

/// What openssl says of the key in the live bundle.
fn key_in(dir: &Path) -> String {
    let bundle = dir.join("pki/kubelet-client-current.pem");
    let output = Command::new("openssl").args(["pkey", "-noout", "-text_pub", "-in"]).arg(bundle).output();
    let output = output.expect("openssl must be on the PATH for this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn node_renews_with_every_key_type() {
    let each = KeyType::ALL.map(|key_type| async move {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let dir = scratch.path();
        let is_rsa = matches!(key_type, KeyType::Rsa2048 | KeyType::Rsa3072 | KeyType::Rsa4096);
        // A busy machine needs seconds for an RSA key, and the certificate must be valid until then.
        let plane = plane(dir, Duration::from_secs(if is_rsa { 60 } else { 10 })).await;
        until_live(&plane, dir, key_type, 2).await;
        let shown = key_in(dir);
        let expected = match key_type {
            KeyType::P256 => "P-256",
            KeyType::P384 => "P-384",
            KeyType::Ed25519 => "ED25519",
            KeyType::Rsa2048 => "(2048 bit",
            KeyType::Rsa3072 => "(3072 bit",
            KeyType::Rsa4096 => "(4096 bit",
            other => panic!("a new key type without a check: {other}"),
        };
        assert!(shown.contains(expected), "{key_type}: {shown}");
        let stats = plane.stats();
        assert_eq!((stats.csrs_created, stats.unauthorized), (2, 0), "{key_type}");
        // On a busy machine an RSA key takes longer than the certificate is still valid: then the bootstrap credential is used.
        let as_itself = stats.csrs.iter().any(|csr| csr.requestor == "system:node:node-1");
        assert!(is_rsa || as_itself, "{key_type}: as itself");
    });
    futures_util::future::join_all(each).await;
}

#[tokio::test]
async fn changed_key_type_applies_to_the_next_key() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let dir = scratch.path();
    let plane = plane(dir, Duration::from_secs(10)).await;
    until_live(&plane, dir, KeyType::P256, 1).await;
    // The start finds a P-256 identity and uses it; its type is no reason for a request.
    until_live(&plane, dir, KeyType::Ed25519, 1).await;
    assert_eq!(plane.stats().csrs_created, 1);
    assert!(key_in(dir).contains("P-256"));
    until_live(&plane, dir, KeyType::Ed25519, 2).await;
    assert!(key_in(dir).contains("ED25519"));
    assert_eq!((plane.stats().csrs_created, plane.stats().unauthorized), (2, 0));
}
