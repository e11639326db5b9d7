//! A server in memory. It answers its n-th request as the script says, and keeps every request.

use std::fmt;

use certrotate_core::id::LeafDigest;
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::{Span, WallTime};
use certrotate_x509::{CertChain, csr};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
};
use time::OffsetDateTime;

/// The lifetime of a certificate. Its rest after the renewal point outlasts every failing disk
/// here.
pub const LIFETIME: Span = Span::from_hours(7 * 24);

/// The decision about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A certificate as requested.
    Good,
    /// A certificate for another node, which core must refuse.
    OtherSubject,
    /// Denied, without a certificate.
    Denied,
}

/// A request, as the server shows it to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The certificate signing request, PEM.
    pub csr_pem: String,
    /// Whether it was denied.
    pub denied: bool,
    /// The issued chain, PEM.
    pub chain_pem: Option<String>,
}

struct Request {
    name: String,
    shown: Shown,
    leaf: Option<LeafDigest>,
}

/// The server.
pub struct Plane {
    issuer: CertifiedIssuer<'static, KeyPair>,
    script: Vec<Verdict>,
    requests: Vec<Request>,
}

impl Plane {
    /// Makes a server with this script of verdicts.
    ///
    /// # Panics
    ///
    /// The system has no randomness for the CA key.
    #[must_use]
    pub fn new(script: &[Verdict]) -> Self {
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.distinguished_name.push(DnType::CommonName, "realfs");
        let key = KeyPair::generate().expect("the system has randomness");
        let issuer = CertifiedIssuer::self_signed(root, key).expect("the parameters are complete");
        Self { issuer, script: script.to_vec(), requests: Vec::new() }
    }

    /// Returns whether the server has given every verdict of the script.
    #[must_use]
    pub fn is_through(&self) -> bool {
        self.requests.len() >= self.script.len()
    }

    /// The number of requests that the server has received.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.len()
    }

    /// The number of requests in the script.
    #[must_use]
    pub fn planned(&self) -> usize {
        self.script.len()
    }

    /// Adds a request with this verdict to the script.
    pub fn plan(&mut self, verdict: Verdict) {
        self.script.push(verdict);
    }

    /// The number of requests with neither a certificate nor a denial.
    #[must_use]
    pub fn open(&self) -> usize {
        self.requests.iter().filter(|request| !request.shown.denied && request.leaf.is_none()).count()
    }

    /// The position of the request that this acceptable certificate answers, counted from 1.
    #[must_use]
    pub fn good(&self, leaf: &LeafDigest) -> Option<usize> {
        let place = self.requests.iter().position(|request| request.leaf.as_ref() == Some(leaf))?;
        (self.script.get(place).copied().unwrap_or(Verdict::Good) == Verdict::Good).then_some(place + 1)
    }

    /// The last acceptable certificate.
    #[must_use]
    pub fn last_good(&self) -> Option<LeafDigest> {
        self.requests.iter().rev().filter_map(|request| request.leaf).find(|leaf| self.good(leaf).is_some())
    }

    /// Creates an object with this name.
    ///
    /// # Errors
    ///
    /// The name is taken, or the text is no certificate signing request.
    pub fn create(&mut self, name: &str, csr_pem: &str) -> Result<Shown, IssuerFault> {
        if self.find(name).is_some() {
            return Err(IssuerFault::AlreadyExists);
        }
        csr::read(csr_pem.as_bytes()).map_err(|_| IssuerFault::Invalid)?;
        let shown = Shown { csr_pem: csr_pem.to_owned(), denied: false, chain_pem: None };
        self.requests.push(Request { name: name.to_owned(), shown: shown.clone(), leaf: None });
        Ok(shown)
    }

    /// Returns the object with this name. The first call for an open request decides it.
    ///
    /// # Errors
    ///
    /// There is no such object.
    pub fn get(&mut self, name: &str, now: WallTime) -> Result<Shown, IssuerFault> {
        let place = self.find(name).ok_or(IssuerFault::NotFound)?;
        let request = &self.requests[place];
        if !request.shown.denied && request.leaf.is_none() {
            let verdict = self.script.get(place).copied().unwrap_or(Verdict::Good);
            let issued =
                (verdict != Verdict::Denied).then(|| self.issue(&request.shown.csr_pem, verdict, now));
            let request = &mut self.requests[place];
            match issued {
                Some((pem, leaf)) => (request.shown.chain_pem, request.leaf) = (Some(pem), Some(leaf)),
                None => request.shown.denied = true,
            }
        }
        Ok(self.requests[place].shown.clone())
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.requests.iter().position(|request| request.name == name)
    }

    fn issue(&self, csr_pem: &str, verdict: Verdict, now: WallTime) -> (String, LeafDigest) {
        let asked = csr::read(csr_pem.as_bytes()).expect("it was read when it came");
        let common_name = match verdict {
            Verdict::OtherSubject => "system:node:somebody-else".to_owned(),
            Verdict::Good | Verdict::Denied => asked.subject.common_name.clone(),
        };
        let date = |at: WallTime| OffsetDateTime::from_unix_timestamp(at.unix_secs()).expect("a near year");
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name = DistinguishedName::new();
        for organization in &asked.subject.organizations {
            leaf.distinguished_name.push(DnType::OrganizationName, organization.clone());
        }
        leaf.distinguished_name.push(DnType::CommonName, common_name);
        leaf.key_usages.push(KeyUsagePurpose::DigitalSignature);
        leaf.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        leaf.not_before = date(now);
        leaf.not_after = date(now.plus(LIFETIME));
        let leaf =
            leaf.signed_by(&Public(asked.spki_der), &self.issuer).expect("the parameters are complete");
        let pem = leaf.pem();
        let (_, facts) = CertChain::read(pem.as_bytes(), None).expect("it was just made");
        (pem, facts.leaf)
    }
}

impl fmt::Debug for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plane").field("requests", &self.requests.len()).finish_non_exhaustive()
    }
}

/// The point at the end of a P-256 SubjectPublicKeyInfo: rcgen needs no more of a key.
struct Public(Vec<u8>);

/// The length of an uncompressed point of P-256, in bytes.
const POINT: usize = 65;

impl PublicKeyData for Public {
    fn der_bytes(&self) -> &[u8] {
        &self.0[self.0.len() - POINT..]
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}
