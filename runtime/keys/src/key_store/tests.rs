use certrotate_core::config::Template;
use certrotate_core::disk::{
    BundleFound, BundleHeader, Content, CurrentLink, DiskDone, DiskFault, Entry, Found, Inventory, Name,
};
use certrotate_core::facts::CertFacts;
use certrotate_core::id::{CertHandle, FileNumber, Generation, KeyHandle, OpId, RunId};
use certrotate_core::input::Input;
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::{Span, WallTime};
use certrotate_core::view::Handle;
use certrotate_x509::{Bundle, CertChain, KeyType, PendingRequest, SecretKey, pending};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use time::OffsetDateTime;

use super::KeyStore;
use crate::{Full, HandleGone, MAX_HANDLES, Staged, Staging, Vault as _};

const OP: OpId = OpId { run: RunId(1), seq: 1 };

/// A bundle with a key and an issued certificate for it. (Self-signed: no test here checks the path.)
fn bundle() -> Bundle {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
    params.distinguished_name.push(DnType::CommonName, "system:node:node-1");
    params.key_usages.push(KeyUsagePurpose::DigitalSignature);
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    params.not_before = OffsetDateTime::from_unix_timestamp(0).unwrap();
    params.not_after = OffsetDateTime::from_unix_timestamp(100).unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let (chain, facts) = CertChain::read(pem.as_bytes(), None).unwrap();
    let header = BundleHeader { generation: Generation(1), issued: WallTime::from_unix_secs(0) };
    Bundle { header, key: SecretKey::from_pem(key.serialize_pem().as_bytes()).unwrap(), chain, facts }
}

fn store() -> KeyStore {
    KeyStore::new(Template::kubelet_client("node-1"))
}

/// The answer of a scan that read this bundle.
fn scanned(key: KeyHandle, cert: CertHandle, (header, facts): (BundleHeader, CertFacts)) -> Input {
    let name = Name::Bundle { issued: header.issued, generation: header.generation, file: FileNumber(1) };
    let found = Found::Bundle(Box::new(BundleFound {
        header,
        key,
        key_digest: facts.key,
        cert,
        facts,
        private: true,
    }));
    let entries = vec![Entry { name, found }];
    let inventory = Inventory { current: CurrentLink::Absent, entries, more: false, outside: Vec::new() };
    Input::DiskAnswered { op: OP, result: Ok(DiskDone::Scanned(Box::new(inventory))) }
}

/// Scans this bundle, up to the answer.
fn scan(staging: &Staging, bundle: Bundle) -> (KeyHandle, CertHandle, Input) {
    let about = (bundle.header, bundle.facts.clone());
    let (key, cert) = staging.keep_bundle(bundle);
    (key, cert, scanned(key, cert, about))
}

fn keep(store: &KeyStore) -> (KeyHandle, CertHandle) {
    let staging = Staging::new(store.clone());
    let (key, cert, input) = scan(&staging, bundle());
    store.accept(staging.take(), &input).unwrap();
    (key, cert)
}

fn make(store: &KeyStore, duration: Option<Span>) -> KeyHandle {
    let (made, staged) = store.make(duration).unwrap();
    store.accept(staged, &Input::KeyMade { op: OP, result: Ok(made) }).unwrap();
    made.key
}

fn lends(store: &KeyStore, key: KeyHandle, cert: CertHandle) -> Result<(), HandleGone> {
    store.lend(key, cert, |key, chain, _| {
        assert!(!key.pkcs8_der().is_empty() && chain.ders().len() == 1);
    })
}

#[test]
fn key_is_made_with_request_for_template_and_lifetime() {
    let store = store();
    let key = make(&store, Some(Span::from_secs(600)));
    let request = store.signing_request(key).unwrap();
    assert_eq!(request.template.duration, Some(Span::from_secs(600)));
    assert_eq!(request.template.subject, Template::kubelet_client("node-1").subject);
    assert!(request.name.starts_with("node-csr-") && request.csr_pem.contains("CERTIFICATE REQUEST"));
    let other = make(&store, None);
    assert_ne!(store.signing_request(other).unwrap().name, request.name, "a fresh key each time (S10)");
}

#[test]
fn new_template_is_requested_by_every_clone() {
    let store = store();
    let other = store.clone();
    store.set_template(&Template::kubelet_client("node-2"));
    let request = other.signing_request(make(&other, None)).unwrap();
    assert_eq!(request.template.subject, Template::kubelet_client("node-2").subject);
}

#[test]
fn only_rsa_is_slow() {
    for (key_type, slow) in [(KeyType::P256, false), (KeyType::Ed25519, false), (KeyType::Rsa2048, true)] {
        assert_eq!(store().with_key_type(key_type).is_slow(), slow, "{key_type:?}");
    }
}

#[test]
fn listed_keys_and_chains_are_erased_and_no_others() {
    let store = store();
    let (one, two) = (make(&store, None), make(&store, None));
    let (key, cert) = keep(&store);
    store.erase(&[Handle::Key(one), Handle::Cert(cert), Handle::Key(KeyHandle(u64::MAX))]);
    assert_eq!(store.handles().into_iter().collect::<Vec<_>>(), [Handle::Key(two), Handle::Key(key)]);
    assert_eq!(store.signing_request(one), Err(HandleGone(Handle::Key(one))));
    assert_eq!(lends(&store, key, cert), Err(HandleGone(Handle::Cert(cert))));
}

#[test]
fn staged_keys_outlive_the_steps_before_their_answer() {
    let store = store();
    let staging = Staging::new(store.clone());
    let (key, cert, input) = scan(&staging, bundle());
    // A step in between erases what it lists; a handle without an answer is never among them.
    store.erase(&[Handle::Key(KeyHandle(u64::MAX))]);
    store.accept(staging.take(), &input).unwrap();
    assert_eq!(lends(&store, key, cert), Ok(()));
}

#[test]
fn dropped_answer_leaves_no_key() {
    let store = store();
    let (_, staged) = store.make(None).unwrap();
    drop(staged);
    assert!(store.handles().is_empty());
}

#[test]
fn s11_key_that_its_input_does_not_name_is_erased() {
    let store = store();
    let staging = Staging::new(store.clone());
    // The scan read a bundle, and failed after it.
    staging.keep_bundle(bundle());
    staging.keep_pending(PendingRequest::make(&Template::kubelet_client("node-1")).unwrap());
    let failed = Input::DiskAnswered { op: OP, result: Err(DiskFault::Io) };
    store.accept(staging.take(), &failed).unwrap();
    assert!(store.handles().is_empty(), "core lists for erasure only what an input named");
}

#[test]
fn store_is_bounded_and_says_what_to_do() {
    let store = store();
    let (made, _) = store.make(None).unwrap();
    for _ in 0..MAX_HANDLES / 2 {
        let staging = Staging::new(store.clone());
        let key = staging.keep_pending(
            PendingRequest::with_key(
                SecretKey::generate_as(KeyType::Ed25519).unwrap(),
                &Template::kubelet_client("node-1"),
            )
            .unwrap(),
        );
        let input = Input::KeyMade { op: OP, result: Ok(certrotate_core::input::MadeKey { key, ..made }) };
        store.accept(staging.take(), &input).unwrap();
    }
    let before = store.handles().len();
    let staging = Staging::new(store.clone());
    let mut entries = Vec::new();
    for _ in 0..=MAX_HANDLES / 4 {
        let (.., Input::DiskAnswered { result: Ok(DiskDone::Scanned(mut one)), .. }) =
            scan(&staging, bundle())
        else {
            unreachable!()
        };
        entries.append(&mut one.entries);
    }
    let inventory = Inventory { current: CurrentLink::Absent, entries, more: false, outside: Vec::new() };
    let input = Input::DiskAnswered { op: OP, result: Ok(DiskDone::Scanned(Box::new(inventory))) };
    assert_eq!(store.accept(staging.take(), &input), Err(Full));
    assert_eq!(store.handles().len(), before, "the old keys stay");
    insta::assert_snapshot!(Full, @"the key store already has 1024 keys and certificates, and takes no more; report it: the driver does not erase those that Step::erase lists");
}

#[test]
fn staging_that_is_never_taken_is_bounded() {
    let staging = Staging::new(store());
    let key = || SecretKey::generate_as(KeyType::Ed25519).unwrap();
    for _ in 0..MAX_HANDLES + 1 {
        staging.keep_pending(PendingRequest::with_key(key(), &Template::kubelet_client("n")).unwrap());
    }
    assert_eq!(staging.take().keys.len(), MAX_HANDLES);
}

#[test]
fn handle_is_never_reused() {
    let store = store();
    let first = make(&store, None);
    store.erase(&[Handle::Key(first)]);
    let (key, cert) = keep(&store);
    assert!(first.0 < key.0 && key.0 < cert.0);
}

#[test]
fn file_bytes_are_those_of_the_key() {
    let (store, made) = (store(), WallTime::from_unix_secs(1_800_000_000));
    let key = make(&store, None);
    let staging = Staging::new(store.clone());
    let bytes = staging.content(&Content::Pending { generation: Generation(3), key, made }).unwrap();
    let (header, request) = pending::decode(&bytes).unwrap();
    assert_eq!((header.generation, header.made), (Generation(3), made));
    assert_eq!(request.csr_pem(), store.signing_request(key).unwrap().csr_pem);

    let (key, cert) = keep(&store);
    let content = Content::Bundle { generation: Generation(3), key, cert, issued: made };
    let bundle = certrotate_x509::bundle::decode(&staging.content(&content).unwrap(), None).unwrap();
    assert_eq!(bundle.header, BundleHeader { generation: Generation(3), issued: made });
    store.erase(&[Handle::Key(key)]);
    assert!(staging.content(&content).is_none(), "erased: there is nothing to write");
}

#[test]
fn key_of_a_bundle_has_no_request() {
    let store = store();
    let (key, _) = keep(&store);
    let gone = HandleGone(Handle::Key(key));
    assert_eq!(store.signing_request(key), Err(gone));
    let content = Content::Pending { generation: Generation(1), key, made: WallTime::from_unix_secs(0) };
    assert_eq!(store.content(&content).unwrap_err(), gone);
}

#[test]
fn missing_handle_is_the_fault_of_that_name() {
    let gone = HandleGone(Handle::Key(KeyHandle(7)));
    assert_eq!(DiskFault::from(gone), DiskFault::HandleGone);
    assert_eq!(IssuerFault::from(gone), IssuerFault::HandleGone);
    insta::assert_snapshot!(gone, @"key 7 is not in memory; restart to read it from disk, and report it: the driver erased it too early");
    insta::assert_snapshot!(HandleGone(Handle::Cert(CertHandle(8))), @"certificate 8 is not in memory; restart to read it from disk, and report it: the driver erased it too early");
}

#[test]
fn s11_debug_shows_counts_only() {
    let store = store();
    make(&store, None);
    keep(&store);
    let staging = Staging::new(store.clone());
    staging.keep_pending(PendingRequest::make(&Template::kubelet_client("node-1")).unwrap());
    insta::assert_snapshot!(format!("{store:?} {:?}", Staged::default()), @"KeyStore { keys: 2, chains: 1, .. } Staged { keys: 0, chains: 0, .. }");
    let shown = format!("{staging:?}");
    assert!(!shown.contains("PRIVATE") && !shown.contains("pkcs8"), "{shown}");
}
