//! Approver, signer and cleaner of the embedded control plane, with the CA from files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use certrotate_controlplane::{
    Ages, Approval, CaFiles, ClientIdentity, Clock, ControlPlane, Handle, Options, SigningFiles,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, SignatureAlgorithm};
use serde_json::{Value, json};

use crate::client::{CSRS, Client, Version, certificate, conditions, issue, request, settled};

const SERVING: &str = "kubernetes.io/kubelet-serving";
const HOUR: u64 = 3600;

/// A CA in two files, valid for so long from now on.
fn write_ca(files: &CaFiles, name: &str, kind: &'static SignatureAlgorithm, life: Duration) {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = (SystemTime::now() - Duration::from_secs(HOUR)).into();
    params.not_after = (SystemTime::now() + life).into();
    let key = KeyPair::generate_for(kind).unwrap();
    std::fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
}

fn ca_files(dir: &Path, name: &str) -> CaFiles {
    CaFiles { certificate: dir.join(format!("{name}.crt")), key: dir.join(format!("{name}.key")) }
}

fn openssl(dir: &Path, arguments: &[&str]) -> String {
    let output =
        Command::new("openssl").current_dir(dir).args(arguments).output().expect("openssl on the PATH");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn signed_by(files: &CaFiles, options: Options) -> Handle {
    let signing_files = SigningFiles { all: Some(files.clone()), ..SigningFiles::default() };
    ControlPlane::start(Options { signing_files, ..options }).await.unwrap()
}

async fn user_of(plane: &Handle, identity: &ClientIdentity) -> (u16, Value) {
    let answer = Client::new(plane, Some(identity), None, Version::Two).get("/whoami").await;
    (answer.code, answer.body["user"].clone())
}

async fn identity(plane: &Handle, name: &str, node: &str) -> ClientIdentity {
    let (key, object) = issue(&Client::bootstrap(plane), name, node).await;
    ClientIdentity { certificate: certificate(&object), key: key.serialize_pem().into() }
}

/// Whether openssl finds that the CA in the file has signed the certificate.
fn verify(dir: &Path, ca: &Path, identity: &ClientIdentity) -> bool {
    let leaf: PathBuf = dir.join("leaf.pem");
    std::fs::write(&leaf, &identity.certificate).unwrap();
    let mut command = Command::new("openssl");
    command.args(["verify", "-purpose", "sslclient", "-CAfile"]).arg(ca).arg(leaf);
    command.output().expect("openssl on the PATH").status.success()
}

#[tokio::test]
async fn a_ca_of_any_common_kind_signs_and_the_api_lets_its_certificates_in() {
    let dir = tempfile::tempdir().unwrap();
    let long = Duration::from_secs(24 * HOUR);
    let files = |name: &str| ca_files(dir.path(), name);
    write_ca(&files("p256"), "p256", &rcgen::PKCS_ECDSA_P256_SHA256, long);
    write_ca(&files("p384"), "p384", &rcgen::PKCS_ECDSA_P384_SHA384, long);
    write_ca(&files("ed25519"), "ed25519", &rcgen::PKCS_ED25519, long);
    // As kubeadm makes it, and in the other two forms that openssl writes keys in.
    let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=kubernetes", "-days", "2"];
    openssl(dir.path(), &[&new[..], &["-keyout", "rsa.key", "-out", "rsa.crt"]].concat());
    openssl(dir.path(), &["rsa", "-in", "rsa.key", "-traditional", "-out", "pkcs1.key"]);
    std::fs::copy(dir.path().join("rsa.crt"), dir.path().join("pkcs1.crt")).unwrap();
    openssl(dir.path(), &["ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "sec1.key"]);
    let from = ["req", "-x509", "-key", "sec1.key", "-subj", "/CN=sec1", "-days", "2", "-out", "sec1.crt"];
    openssl(dir.path(), &from);
    for (name, algorithm) in [
        ("p256", "ecdsa-with-SHA256"),
        ("p384", "ecdsa-with-SHA384"),
        ("ed25519", "ED25519"),
        ("rsa", "sha256WithRSAEncryption"),
        ("pkcs1", "sha256WithRSAEncryption"),
        ("sec1", "ecdsa-with-SHA256"),
    ] {
        let plane = signed_by(&files(name), Options::default()).await;
        let identity = identity(&plane, "a", "n").await;
        assert!(verify(dir.path(), &files(name).certificate, &identity), "{name}");
        let text = openssl(dir.path(), &["x509", "-in", "leaf.pem", "-noout", "-text"]);
        assert!(text.contains(&format!("Signature Algorithm: {algorithm}")), "{name}: {text}");
        assert_eq!(user_of(&plane, &identity).await, (200, json!("system:node:n")), "{name}");
    }
}

#[tokio::test]
async fn a_ca_rolls_over_without_a_restart_and_both_generations_are_let_in() {
    let dir = tempfile::tempdir().unwrap();
    let (files, long) = (ca_files(dir.path(), "ca"), Duration::from_secs(24 * HOUR));
    write_ca(&files, "old", &rcgen::PKCS_ECDSA_P256_SHA256, long);
    let plane = signed_by(&files, Options::default()).await;
    assert!(plane.roll_over_ca().unwrap_err().to_string().contains("replace the files"));
    let old = identity(&plane, "old", "n").await;
    std::fs::copy(&files.certificate, dir.path().join("old.crt")).unwrap();
    write_ca(&files, "new", &rcgen::PKCS_ECDSA_P384_SHA384, long);
    let new = identity(&plane, "new", "n").await;
    assert!(verify(dir.path(), &dir.path().join("old.crt"), &old));
    assert!(verify(dir.path(), &files.certificate, &new));
    assert!(!verify(dir.path(), &files.certificate, &old));
    for identity in [&old, &new] {
        assert_eq!(user_of(&plane, identity).await.0, 200);
    }
}

#[tokio::test]
async fn a_ca_of_our_own_making_rolls_over_too_and_a_restart_remembers_it() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("plane");
    let options = Options { dir: Some(dir.clone()), ..Options::default() };
    let plane = ControlPlane::start(options.clone()).await.unwrap();
    let old = identity(&plane, "old", "n").await;
    assert_eq!(plane.signing_ca_pem(), plane.ca_pem());
    let mut kept = vec![plane.ca_pem().to_owned()];
    for name in ["new", "newer"] {
        plane.roll_over_ca().unwrap();
        let new = identity(&plane, name, "n").await;
        std::fs::write(base.path().join("now.crt"), plane.signing_ca_pem()).unwrap();
        assert!(verify(base.path(), &base.path().join("now.crt"), &new));
        assert!(!verify(base.path(), &base.path().join("now.crt"), &old));
        assert!(verify(base.path(), &dir.join("ca.crt"), &new));
        assert_eq!(user_of(&plane, &new).await.0, 200);
        kept.insert(1, plane.signing_ca_pem());
    }
    assert_eq!(std::fs::read_to_string(dir.join("ca.crt")).unwrap(), kept.concat());
    let signing = plane.signing_ca_pem();
    plane.shutdown().await;
    let again = ControlPlane::start(options).await.unwrap();
    assert_eq!((again.signing_ca_pem(), again.ca_pem()), (signing, &*kept[0]));
    assert_eq!(user_of(&again, &old).await.0, 200);
    let next = identity(&again, "next", "m").await;
    assert!(verify(base.path(), &base.path().join("now.crt"), &next));
    assert_eq!(std::fs::read_to_string(dir.join("ca.crt")).unwrap(), kept.concat());
}

#[tokio::test]
async fn a_signer_with_files_of_its_own_runs_and_the_others_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let files = ca_files(dir.path(), "serving");
    write_ca(&files, "serving", &rcgen::PKCS_ECDSA_P256_SHA256, Duration::from_secs(24 * HOUR));
    let signing_files = SigningFiles { kubelet_serving: Some(files.clone()), ..SigningFiles::default() };
    let plane = ControlPlane::start(Options { signing_files, ..Options::default() }).await.unwrap();
    let admin = Client::admin(&plane);
    let (_, client) = request("client", "n");
    assert_eq!(admin.post(&client).await.code, 201);
    assert_eq!(admin.decide("client", "Approved").await.code, 200);
    let mut params = CertificateParams::new(vec!["n.example".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
    params.distinguished_name.push(DnType::CommonName, "system:node:n");
    let pem = params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
    let (_, mut serving) = request("serving", "n");
    serving["spec"]["request"] = json!(crate::client::base64(pem.as_bytes()));
    serving["spec"]["signerName"] = json!(SERVING);
    serving["spec"]["usages"] = json!(["digital signature", "server auth"]);
    assert_eq!(admin.post(&serving).await.code, 201);
    assert_eq!(admin.decide("serving", "Approved").await.code, 200);
    let issued = settled(&admin, "serving", |object| object["status"]["certificate"].is_string()).await;
    std::fs::write(dir.path().join("leaf.pem"), certificate(&issued)).unwrap();
    let ca = files.certificate.to_str().unwrap();
    openssl(dir.path(), &["verify", "-purpose", "sslserver", "-CAfile", ca, "leaf.pem"]);
    // It was approved before the one that is issued.
    let left = admin.get(&format!("{CSRS}/client")).await.body;
    assert!(left["status"]["certificate"].is_null());
}

/// A clock that a test moves forward, starting at the real time.
fn moving_clock() -> (Arc<AtomicU64>, Clock) {
    let ahead = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&ahead);
    let clock = Clock::new(move || SystemTime::now() + Duration::from_secs(seen.load(Ordering::Relaxed)));
    (ahead, clock)
}

#[tokio::test]
async fn w44_unsigned_request_shows_why_until_the_ca_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let files = ca_files(dir.path(), "ca");
    write_ca(&files, "short", &rcgen::PKCS_ECDSA_P256_SHA256, Duration::from_secs(HOUR));
    let (ahead, clock) = moving_clock();
    let plane = signed_by(&files, Options { clock, ..Options::default() }).await;
    ahead.fetch_add(2 * HOUR, Ordering::Relaxed);
    let bootstrap = Client::bootstrap(&plane);
    let (_, object) = request("late", "n");
    assert_eq!(bootstrap.post(&object).await.code, 201);
    let told = settled(&bootstrap, "late", |object| conditions(object).len() == 2).await;
    let condition = &told["status"]["conditions"][1];
    assert_eq!(
        (&condition["type"], &condition["reason"]),
        (&json!("SigningDelayed"), &json!("SignerExpired"))
    );
    assert!(condition["message"].as_str().unwrap().contains("replace it"));
    write_ca(&files, "long", &rcgen::PKCS_ECDSA_P256_SHA256, Duration::from_secs(24 * HOUR));
    let issued = settled(&bootstrap, "late", |object| object["status"]["certificate"].is_string()).await;
    assert_eq!(conditions(&issued), ["Approved", "SigningDelayed"]);
    assert_eq!(issued["status"]["conditions"][1]["status"], "False");
}

#[tokio::test]
async fn w43_held_node_name_is_denied_until_the_certificate_expires() {
    let (ahead, clock) = moving_clock();
    let cluster_signing_duration = Duration::from_secs(2 * HOUR);
    let options = Options { clock, cluster_signing_duration, refuse_taken_names: true, ..Options::default() };
    let plane = ControlPlane::start(options).await.unwrap();
    let bootstrap = Client::bootstrap(&plane);
    let held = identity(&plane, "first", "n").await;
    let ask = async |client: &Client, name: &str, node: &str| {
        assert_eq!(client.post(&request(name, node).1).await.code, 201);
        let decided = settled(client, name, |object| !conditions(object).is_empty()).await;
        decided["status"]["conditions"][0].clone()
    };
    let refused = ask(&bootstrap, "thief", "n").await;
    assert_eq!((&refused["type"], &refused["reason"]), (&json!("Denied"), &json!("NodeNameTaken")));
    assert_eq!(ask(&bootstrap, "other", "m").await["type"], "Approved");
    let node = Client::new(&plane, Some(&held), None, Version::Two);
    assert_eq!(ask(&node, "renewal", "n").await["type"], "Approved");
    // The requests are long gone when the last certificate ends.
    ahead.fetch_add(HOUR + 1, Ordering::Relaxed);
    plane.faults().clear();
    let mut changes = plane.changes();
    changes.wait_for(|_| plane.stats().csrs.is_empty()).await.unwrap();
    assert_eq!(ask(&bootstrap, "late", "n").await["type"], "Denied");
    ahead.fetch_add(2 * HOUR, Ordering::Relaxed);
    assert_eq!(ask(&bootstrap, "free", "n").await["type"], "Approved");
}

#[tokio::test]
async fn w43_a_held_name_is_remembered_over_a_restart_and_a_person_can_free_it() {
    let base = tempfile::tempdir().unwrap();
    let dir = Some(base.path().join("plane"));
    let options = Options { dir, refuse_taken_names: true, ..Options::default() };
    let plane = ControlPlane::start(options.clone()).await.unwrap();
    identity(&plane, "first", "n").await;
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    // The Lease is there before the certificate is.
    let held = Client::admin(&plane).get(leases).await.body["items"][0].clone();
    assert_eq!(held["spec"]["holderIdentity"], "system:node:n");
    assert!(plane.faults().forget("first"));
    plane.shutdown().await;

    let plane = ControlPlane::start(options).await.unwrap();
    let bootstrap = Client::bootstrap(&plane);
    assert_eq!(bootstrap.post(&request("thief", "n").1).await.code, 201);
    let refused = settled(&bootstrap, "thief", |object| !conditions(object).is_empty()).await;
    assert_eq!(refused["status"]["conditions"][0]["reason"], "NodeNameTaken");
    let name = held["metadata"]["name"].as_str().unwrap();
    assert_eq!(Client::admin(&plane).delete(&format!("{leases}/{name}")).await.code, 200);
    identity(&plane, "freed", "n").await;
}

#[tokio::test]
async fn the_cleaner_deletes_at_its_age_and_can_be_told_not_to() {
    for ages in [Some(Ages::default()), None] {
        let (ahead, clock) = moving_clock();
        let options = Options { clock, ages, approve: Approval::Manual, ..Options::default() };
        let plane = ControlPlane::start(options).await.unwrap();
        assert_eq!(Client::bootstrap(&plane).post(&request("old", "n").1).await.code, 201);
        ahead.fetch_add(25 * HOUR, Ordering::Relaxed);
        let mut changes = plane.changes();
        changes.mark_unchanged();
        // Every object is handled again: it is denied, unless it is deleted first.
        plane.faults().deny_all(true);
        changes.changed().await.unwrap();
        let left: Vec<_> = plane.stats().csrs.into_iter().map(|csr| csr.condition).collect();
        assert_eq!(left, if ages.is_some() { vec![] } else { vec!["Denied".to_owned()] });
    }
}
