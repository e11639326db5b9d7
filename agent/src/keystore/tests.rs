use certrotate_core::config::Template;
use certrotate_core::facts::CertFacts;
use certrotate_core::id::{CertHandle, Generation, KeyHandle};
use certrotate_core::view::Handle;
use certrotate_keys::HandleGone;
use certrotate_x509::{CertChain, SecretKey};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use time::OffsetDateTime;

use super::{IdentityError, KeyStore, identity, pair};
use crate::identity::Identity;

/// A key and an issued certificate for it.
pub(crate) struct Issued {
    key: SecretKey,
    chain: CertChain,
    facts: CertFacts,
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
        pair(generation, &self.key, &self.chain, &self.facts).unwrap()
    }
}

#[test]
fn key_and_foreign_certificate_are_never_presented() {
    let (one, two) = (issue("node-1", 0, 100), issue("node-1", 0, 100));
    assert_eq!(pair(Generation(1), &one.key, &two.chain, &two.facts).unwrap_err(), IdentityError::NotAPair);
}

#[test]
fn identity_of_a_missing_handle_names_it() {
    let store = KeyStore::new(Template::kubelet_client("node-1"));
    let missing = identity(&store, Generation(1), KeyHandle(1), CertHandle(2)).unwrap_err();
    assert_eq!(missing, IdentityError::Gone(HandleGone(Handle::Cert(CertHandle(2)))));
}
