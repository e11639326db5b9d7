use certrotate_core::config::Template;
use certrotate_core::disk::{BundleHeader, Content};
use certrotate_core::facts::CertFacts;
use certrotate_core::id::{CertHandle, Generation, KeyHandle};
use certrotate_core::time::{Span, WallTime};
use certrotate_core::view::Handle;
use certrotate_store::Vault as _;
use certrotate_x509::{Bundle, CertChain, PendingRequest, SecretKey, pending};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use time::OffsetDateTime;

use super::{IdentityError, KeyStore, Keys as _, Staged, Staging};
use crate::identity::Identity;

/// A key and an issued certificate for it.
pub(crate) struct Issued {
    pub(crate) key: SecretKey,
    pub(crate) chain: CertChain,
    pub(crate) facts: CertFacts,
}

/// Issues to a node, from `start` to `end` in Unix seconds. (Self-signed: no test here checks the path.)
pub(crate) fn issue(node: &str, start: i64, end: i64) -> Issued {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
    params.distinguished_name.push(DnType::CommonName, format!("system:node:{node}"));
    params.key_usages.push(KeyUsagePurpose::DigitalSignature);
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    params.not_before = OffsetDateTime::from_unix_timestamp(start).unwrap();
    params.not_after = OffsetDateTime::from_unix_timestamp(end).unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let (chain, facts) = CertChain::read(pem.as_bytes(), None).unwrap();
    Issued { key: SecretKey::from_pem(key.serialize_pem().as_bytes()).unwrap(), chain, facts }
}

impl Issued {
    pub(crate) fn identity(self, generation: Generation) -> Identity {
        let store = KeyStore::new(Template::kubelet_client("node-1"));
        let (key, cert) = keep(&store, self);
        store.identity(generation, key, cert).unwrap()
    }

    fn bundle(self) -> Bundle {
        let header = BundleHeader { generation: Generation(1), issued: WallTime::from_unix_secs(0) };
        Bundle { header, key: self.key, chain: self.chain, facts: self.facts }
    }
}

/// Keeps it as a scan would.
fn keep(store: &KeyStore, issued: Issued) -> (KeyHandle, CertHandle) {
    let staging = Staging::new(store.clone());
    let handles = staging.keep_bundle(issued.bundle());
    store.accept(staging.take());
    handles
}

fn store() -> KeyStore {
    KeyStore::new(Template::kubelet_client("node-1"))
}

fn make(store: &KeyStore, duration: Option<Span>) -> KeyHandle {
    let (made, staged) = store.make(duration);
    store.accept(staged);
    made.unwrap().key
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
fn keys_that_core_does_not_name_are_erased() {
    let store = store();
    let (one, two) = (make(&store, None), make(&store, None));
    let (key, cert) = keep(&store, issue("node-1", 0, 100));
    store.retain(&[Handle::Key(two), Handle::Cert(cert)]);
    assert_eq!(store.handles().into_iter().collect::<Vec<_>>(), [Handle::Key(two), Handle::Cert(cert)]);
    assert_eq!(store.signing_request(one), None);
    assert_eq!(store.identity(Generation(1), key, cert).unwrap_err(), IdentityError::Unknown);
}

#[test]
fn staged_keys_survive_a_step_in_between() {
    let store = store();
    let staging = Staging::new(store.clone());
    let (key, cert) = staging.keep_bundle(issue("node-1", 0, 100).bundle());
    let pending = staging.keep_pending(PendingRequest::make(&Template::kubelet_client("node-1")).unwrap());
    store.retain(&[]);
    let staged = staging.take();
    store.accept(staged);
    assert!(store.identity(Generation(1), key, cert).is_ok());
    assert!(store.signing_request(pending).is_some());
}

#[test]
fn dropped_answer_leaves_no_key() {
    let store = store();
    let (made, staged) = store.make(None);
    drop(staged);
    assert!(made.is_ok() && store.handles().is_empty());
}

#[test]
fn handle_is_never_reused() {
    let store = store();
    let first = make(&store, None);
    store.retain(&[]);
    let (key, cert) = keep(&store, issue("node-1", 0, 100));
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

    let (key, cert) = keep(&store, issue("node-1", 0, 100));
    let content = Content::Bundle { generation: Generation(3), key, cert, issued: made };
    let bundle = certrotate_x509::bundle::decode(&staging.content(&content).unwrap(), None).unwrap();
    assert_eq!(bundle.header, BundleHeader { generation: Generation(3), issued: made });
    store.retain(&[]);
    assert!(staging.content(&content).is_none(), "erased: there is nothing to write");
}

#[test]
fn key_and_foreign_certificate_are_never_presented() {
    let store = store();
    let (key, _) = keep(&store, issue("node-1", 0, 100));
    let (_, cert) = keep(&store, issue("node-1", 0, 100));
    assert_eq!(store.identity(Generation(1), key, cert).unwrap_err(), IdentityError::NotAPair);
}

#[test]
fn s11_debug_shows_counts_only() {
    let store = store();
    make(&store, None);
    keep(&store, issue("node-1", 0, 100));
    let staging = Staging::new(store.clone());
    staging.keep_pending(PendingRequest::make(&Template::kubelet_client("node-1")).unwrap());
    insta::assert_snapshot!(format!("{store:?} {:?}", Staged::default()));
    let shown = format!("{staging:?}");
    assert!(!shown.contains("PRIVATE") && !shown.contains("pkcs8"), "{shown}");
}
