//! A signer for tests: CAs, leaves and chains with every fault that a test wants.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each test file is a crate and uses a part"
)]

use certrotate_core::config::{ConfigSpec, Template};
use certrotate_core::facts::CertFacts;
use certrotate_core::judge::{Refusal, judge_issued};
use certrotate_core::time::{Span, WallTime};
use certrotate_x509::{CertChain, ClientCa, PendingRequest};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm,
};
use time::OffsetDateTime;

/// The present of all tests: 2026-11-24T12:00:00Z.
pub const NOW: WallTime = WallTime::from_unix_secs(1_795_521_600);
pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;

/// The present and `secs` more.
pub fn at(secs: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW.unix_secs() + secs).expect("a time of this millennium")
}

/// The same for core.
pub fn wall(secs: i64) -> WallTime {
    WallTime::from_unix_secs(NOW.unix_secs() + secs)
}

/// A public key for rcgen: a P-256 SubjectPublicKeyInfo.
pub struct Public(pub Vec<u8>);

impl PublicKeyData for Public {
    fn der_bytes(&self) -> &[u8] {
        &self.0[self.0.len() - 65..]
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// A CA, valid from one day before the present for a year.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    (params.not_before, params.not_after) = (at(-DAY), at(365 * DAY));
    params
}

impl Authority {
    pub fn root(name: &str) -> Self {
        Self::root_with(name, |_| {}, KeyPair::generate().unwrap())
    }

    pub fn root_with(name: &str, change: impl FnOnce(&mut CertificateParams), key: KeyPair) -> Self {
        let mut params = ca_params(name);
        change(&mut params);
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// An intermediate.
    pub fn below(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        self.below_with(name, &KeyPair::generate().unwrap(), change)
    }

    /// An intermediate with this key.
    pub fn below_with(&self, name: &str, key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = ca_params(name);
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        let key = KeyPair::from_pem(&key.serialize_pem()).unwrap();
        Self(CertifiedIssuer::signed_by(params, key, &self.0).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn client_ca(&self) -> ClientCa {
        ClientCa::read(self.pem().as_bytes()).unwrap()
    }

    /// A leaf for the key of `spki`.
    pub fn issue(&self, spki: &[u8], params: &CertificateParams) -> rcgen::Certificate {
        params.signed_by(&Public(spki.to_vec()), &self.0).unwrap()
    }
}

/// What a good signer makes of node-1's request: one hour, backdated five minutes.
pub fn good() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("system:nodes", "system:node:node-1");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    (params.not_before, params.not_after) = (at(-300), at(HOUR));
    params
}

pub fn name(organization: &str, common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, organization);
    name.push(DnType::CommonName, common_name);
    name
}

/// A node with its request, the CA that it trusts, and core's judgement.
pub struct Node {
    pub pending: PendingRequest,
    pub root: Authority,
}

impl Node {
    pub fn new() -> Self {
        let pending = PendingRequest::make(&Template::kubelet_client("node-1")).unwrap();
        Self { pending, root: Authority::root("root") }
    }

    pub fn spki(&self) -> &[u8] {
        self.pending.key().spki_der()
    }

    /// A good certificate with one `change`, in PEM.
    pub fn issued(&self, change: impl FnOnce(&mut CertificateParams)) -> String {
        self.issued_by(&self.root, change)
    }

    pub fn issued_by(&self, authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> String {
        let mut params = good();
        change(&mut params);
        authority.issue(self.spki(), &params).pem()
    }

    /// Reads and judges, as the agent and core do.
    pub fn judge(&self, pem: impl AsRef<[u8]>) -> Result<CertFacts, Refusal> {
        let mut config = ConfigSpec::new(self.pending.template().clone());
        config.chain_required = true;
        let (_, facts) =
            CertChain::read(pem.as_ref(), Some(&self.root.client_ca())).map_err(|_| Refusal::Unreadable)?;
        let asked = wall(0);
        judge_issued(
            &config,
            &self.pending.key_digest(),
            &facts,
            asked.plus(Span::from_secs(1)),
            asked,
            Span::ZERO,
        )?;
        Ok(facts)
    }

    /// The text of the refusal; our own key's digest is replaced, as it is new in every test.
    pub fn refused(&self, pem: impl AsRef<[u8]>) -> String {
        let text = self.judge(pem).expect_err("it is refused").to_string();
        text.replace(&format!("{:.16}", self.pending.key_digest()), "[ours]")
    }
}
