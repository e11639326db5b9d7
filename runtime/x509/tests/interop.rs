//! Interoperation: openssl, Python and rustls read our files, and we read theirs. These tests need
//! `openssl` and `python3` on the PATH and fail without them.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

use std::path::{Path, PathBuf};
use std::process::Command;

use certrotate_core::config::Template;
use certrotate_core::disk::BundleHeader;
use certrotate_core::facts::San;
use certrotate_core::id::Generation;
use certrotate_x509::{CertChain, KeyError, KeyType, PendingRequest, SecretKey, bundle, csr, pending};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;

use kit::{NOW, Node};

mod kit;

/// Runs a program in `dir` and returns its output; it must succeed.
fn run(dir: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap_or_else(|error| panic!("{program} must be on the PATH for this test: {error}"));
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    text.into_owned()
}

struct Files {
    dir: TempDir,
    node: Node,
    chain: CertChain,
}

/// `bundle.pem`, `ca.pem` and `csr.pem`, with an intermediate between leaf and root.
fn files() -> Files {
    let (dir, node) = (TempDir::new().unwrap(), Node::new());
    let intermediate = node.root.below("intermediate", |_| {});
    let text = node.issued_by(&intermediate, |_| {}) + &intermediate.pem();
    let (chain, _) = CertChain::read(text.as_bytes(), None).unwrap();
    let header = BundleHeader { generation: Generation(7), issued: NOW };
    let file = bundle::encode(&chain, node.pending.key(), header);
    std::fs::write(dir.path().join("bundle.pem"), &*file).unwrap();
    std::fs::write(dir.path().join("ca.pem"), node.root.pem()).unwrap();
    std::fs::write(dir.path().join("csr.pem"), node.pending.csr_pem()).unwrap();
    Files { dir, node, chain }
}

fn path(files: &Files, name: &str) -> PathBuf {
    files.dir.path().join(name)
}

#[test]
fn openssl_reads_certificate_and_key_of_a_bundle() {
    let files = files();
    let dir = files.dir.path();
    let text = run(dir, "openssl", &["x509", "-in", "bundle.pem", "-noout", "-subject", "-serial"]);
    assert!(text.contains("O = system:nodes, CN = system:node:node-1"), "{text}");
    assert!(text.contains(&format!("serial={}", files.chain.leaf_serial_hex().to_uppercase())), "{text}");
    let of_key = run(dir, "openssl", &["pkey", "-in", "bundle.pem", "-pubout"]);
    let of_leaf = run(dir, "openssl", &["x509", "-in", "bundle.pem", "-noout", "-pubkey"]);
    assert_eq!(of_key, of_leaf);
}

#[test]
fn openssl_verifies_the_chain_of_a_bundle() {
    let files = files();
    let now = NOW.unix_secs().to_string();
    let arguments = ["verify", "-attime", &now, "-purpose", "sslclient", "-x509_strict"];
    let of_files = ["-CAfile", "ca.pem", "-untrusted", "bundle.pem", "bundle.pem"];
    let text = run(files.dir.path(), "openssl", &[&arguments[..], &of_files].concat());
    assert!(text.contains("bundle.pem: OK"), "{text}");
}

#[test]
fn python_loads_a_bundle() {
    let files = files();
    let program = "import ssl; ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain('bundle.pem')";
    run(files.dir.path(), "python3", &["-c", program]);
}

#[test]
fn rustls_loads_a_bundle() {
    let files = files();
    let certificates = CertificateDer::pem_file_iter(path(&files, "bundle.pem")).unwrap();
    let certificates: Vec<_> = certificates.map(Result::unwrap).collect();
    assert_eq!(certificates, files.chain.ders());
    let key = PrivateKeyDer::from_pem_file(path(&files, "bundle.pem")).unwrap();
    let ours = PrivatePkcs8KeyDer::from(files.node.pending.key().pkcs8_der());
    assert_eq!(key, PrivateKeyDer::Pkcs8(ours));
}

#[test]
fn openssl_verifies_a_request_and_sees_what_a_kubelet_asks_for() {
    let files = files();
    let arguments = ["req", "-in", "csr.pem", "-verify", "-noout", "-subject", "-text"];
    let text = run(files.dir.path(), "openssl", &arguments);
    assert!(text.contains("verify OK"), "{text}");
    assert!(text.contains("subject=O = system:nodes, CN = system:node:node-1\n"), "{text}");
    assert!(text.contains("ecdsa-with-SHA256") && text.contains("NIST CURVE: P-256"), "{text}");
    assert!(!text.contains("Key Usage"), "{text}");
}

#[test]
fn openssl_sees_every_organization_and_name_of_a_request() {
    let mut template = Template::kubelet_client("node-1");
    template.subject.organizations = vec!["system:nodes".into(), "b_2".into(), "a".into()];
    template.sans = vec![San::Dns("node-1.example".into()), San::Ip([10, 0, 0, 1].into())];
    let request = PendingRequest::make(&template).unwrap();
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("pending"), &*pending::encode(&request, Generation(1), NOW)).unwrap();
    let text =
        run(dir.path(), "openssl", &["req", "-in", "pending", "-verify", "-noout", "-subject", "-text"]);
    assert!(text.contains("verify OK"), "{text}");
    assert!(text.contains("O = system:nodes, O = b_2, O = a, CN = system:node:node-1\n"), "{text}");
    assert!(text.contains("DNS:node-1.example, IP Address:10.0.0.1"), "{text}");
}

#[test]
fn openssl_verifies_a_request_of_every_key_type_and_reads_its_key() {
    let dir = TempDir::new().unwrap();
    for (key_type, signature) in [
        (KeyType::P256, "ecdsa-with-SHA256"),
        (KeyType::P384, "ecdsa-with-SHA384"),
        (KeyType::Ed25519, "Signature Algorithm: ED25519"),
        (KeyType::Rsa2048, "sha256WithRSAEncryption"),
        (KeyType::Rsa4096, "sha256WithRSAEncryption"),
    ] {
        let request = PendingRequest::make_with(key_type, &Template::kubelet_client("node-1")).unwrap();
        let file = pending::encode(&request, Generation(1), NOW);
        assert_eq!(pending::decode(&file).unwrap().1.request(), request.request(), "{key_type}");
        std::fs::write(dir.path().join("pending"), &*file).unwrap();
        let text = run(dir.path(), "openssl", &["req", "-in", "pending", "-verify", "-noout", "-text"]);
        assert!(text.contains("verify OK") && text.contains(signature), "{key_type}: {text}");
        let of_request = run(dir.path(), "openssl", &["req", "-in", "pending", "-noout", "-pubkey"]);
        let of_key = run(dir.path(), "openssl", &["pkey", "-in", "pending", "-pubout"]);
        assert_eq!(of_key, of_request, "{key_type}");
    }
}

#[test]
fn keys_that_openssl_makes_are_read() {
    let dir = TempDir::new().unwrap();
    let read = |name| SecretKey::from_pem(&std::fs::read(dir.path().join(name)).unwrap()).unwrap();
    for (algorithm, option, old_form) in [
        ("EC", Some("ec_paramgen_curve:P-256"), Some("EC PRIVATE KEY")),
        ("EC", Some("ec_paramgen_curve:P-384"), Some("EC PRIVATE KEY")),
        ("EC", Some("ec_paramgen_curve:P-521"), Some("EC PRIVATE KEY")),
        ("ED25519", None, None),
        ("RSA", Some("rsa_keygen_bits:2048"), Some("RSA PRIVATE KEY")),
        ("RSA", Some("rsa_keygen_bits:4096"), Some("RSA PRIVATE KEY")),
    ] {
        let mut arguments = vec!["genpkey", "-algorithm", algorithm, "-out", "pkcs8.pem"];
        arguments.extend(option.iter().flat_map(|option| ["-pkeyopt", option]));
        run(dir.path(), "openssl", &arguments);
        let key = read("pkcs8.pem");
        if let Some(label) = old_form {
            run(dir.path(), "openssl", &["pkey", "-in", "pkcs8.pem", "-traditional", "-out", "old.pem"]);
            assert!(std::fs::read_to_string(dir.path().join("old.pem")).unwrap().contains(label));
            assert_eq!(read("old.pem").digest(), key.digest(), "{algorithm} {option:?}");
        }
        std::fs::write(dir.path().join("ours.pem"), key.to_pem().as_bytes()).unwrap();
        let ours = run(dir.path(), "openssl", &["pkey", "-in", "ours.pem", "-check", "-noout"]);
        assert!(ours.contains("Key is valid"), "{algorithm} {option:?}: {ours}");
        let of_ours = run(dir.path(), "openssl", &["pkey", "-in", "ours.pem", "-pubout"]);
        let of_theirs = run(dir.path(), "openssl", &["pkey", "-in", "pkcs8.pem", "-pubout"]);
        assert_eq!(of_ours, of_theirs, "{algorithm} {option:?}");
    }
}

#[test]
fn rsa_identity_of_a_kubelet_is_read_from_a_bundle() {
    let dir = TempDir::new().unwrap();
    let subject = "/O=system:nodes/CN=system:node:node-1";
    let arguments = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj",
        subject,
    ];
    run(dir.path(), "openssl", &arguments);
    let read = |name| std::fs::read(dir.path().join(name)).unwrap();
    let key = SecretKey::from_pem(&read("key.pem")).unwrap();
    let (chain, facts) = CertChain::read(&read("cert.pem"), None).unwrap();
    assert_eq!(facts.key, key.digest());
    let header = BundleHeader { generation: Generation(7), issued: NOW };
    let file = bundle::encode(&chain, &key, header);
    assert_eq!(bundle::decode(&file, None).expect("intact").key.digest(), key.digest());
}

#[test]
fn keys_that_are_not_read_are_refused() {
    let dir = TempDir::new().unwrap();
    for (algorithm, option) in [("EC", "ec_paramgen_curve:P-224"), ("RSA", "rsa_keygen_bits:1024")] {
        run(
            dir.path(),
            "openssl",
            &["genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out", "key.pem"],
        );
        let refused = SecretKey::from_pem(&std::fs::read(dir.path().join("key.pem")).unwrap());
        assert_eq!(refused.err(), Some(KeyError::Unreadable), "{option}");
    }
}

#[test]
fn a_request_that_openssl_makes_in_gos_form_is_read() {
    // Go puts several organizations into one set.
    let dir = TempDir::new().unwrap();
    let subject = "/O=system:nodes+O=other/CN=system:node:node-1";
    let names = "subjectAltName=DNS:node-1.example,IP:10.0.0.1";
    run(
        dir.path(),
        "openssl",
        &[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "key.pem",
            "-multivalue-rdn",
            "-subj",
            subject,
            "-addext",
            names,
            "-out",
            "csr.pem",
        ],
    );
    let facts = csr::read(&std::fs::read(dir.path().join("csr.pem")).unwrap()).unwrap();
    assert_eq!(facts.subject.common_name, "system:node:node-1");
    let mut organizations = facts.subject.organizations;
    organizations.sort_unstable();
    assert_eq!((organizations, facts.subject.others), (vec!["other".into(), "system:nodes".into()], vec![]));
    assert_eq!(facts.sans, [San::Dns("node-1.example".into()), San::Ip([10, 0, 0, 1].into())]);
}
