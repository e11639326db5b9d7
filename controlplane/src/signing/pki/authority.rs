//! The certificate authority of the control plane.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PublicKeyData, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::extensions::ParsedExtension;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use crate::base::error::Error;
use crate::base::random::random;
use crate::base::time::{seconds_down, seconds_up};
use crate::signing::pki::ca_key::{CaKey, Signed};
use crate::signing::pki::leaf::{Issuer, Leaf, assemble};
use crate::signing::pki::pkcs10::AlternativeName;
use crate::signing::pki::{der, usages};

/// A clock that is somewhat behind the authority's must not find its certificate not yet valid.
const HEAD_START: Duration = Duration::from_secs(24 * 60 * 60);

/// A certificate with its key, both PEM. Its `Debug` form shows the certificate only.
#[derive(Clone)]
pub struct ClientIdentity {
    /// The certificate, one PEM block.
    pub certificate: String,
    /// The private key (PKCS#8), zeroised on drop.
    pub key: Zeroizing<String>,
}

impl std::fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let certificate = &self.certificate;
        f.debug_struct("ClientIdentity").field("certificate", certificate).finish_non_exhaustive()
    }
}

/// A CA certificate and its key.
#[derive(Debug)]
pub(crate) struct Authority {
    pem: String,
    /// The intermediates between its certificates and the root, PEM; empty for a root.
    chain: String,
    der: CertificateDer<'static>,
    key: CaKey,
    subject: Vec<u8>,
    key_id: Vec<u8>,
    /// First and last second of validity.
    validity: (i64, i64),
}

impl Authority {
    /// A new one with a P-256 key.
    pub(crate) fn create(now: SystemTime, lifetime: Duration) -> Result<Self, Error> {
        Self::create_named("certrotate-ca", now, lifetime)
    }

    /// One that follows another: its name is its own, so that chains lead to the right one.
    pub(crate) fn succeed(now: SystemTime, lifetime: Duration) -> Result<Self, Error> {
        let tail: String = random::<4>()?.iter().map(|byte| format!("{byte:02x}")).collect();
        Self::create_named(&format!("certrotate-ca-{tail}"), now, lifetime)
    }

    fn create_named(common_name: &str, now: SystemTime, lifetime: Duration) -> Result<Self, Error> {
        let key = new_key()?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, common_name);
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(SerialNumber::from_slice(&random::<16>()?));
        params.not_before = date(seconds_down(now.checked_sub(HEAD_START).unwrap_or(now)))?;
        params.not_after = date(seconds_up(now + lifetime))?;
        let certificate = params.self_signed(&*key).map_err(crypto)?;
        Self::load(&certificate.pem(), Zeroizing::new(key.serialize_pem()))
    }

    /// Reads the certificate in `pem` that belongs to the key, with its issuers; others are ignored,
    /// so that a file may hold an older authority too.
    pub(crate) fn load(pem: &str, key_pem: Zeroizing<String>) -> Result<Self, Error> {
        let key = CaKey::read(key_pem)?;
        let public_key = key.public_key();
        let blocks = certificates(pem)?;
        for (index, block) in blocks.iter().enumerate() {
            let certificate = parse(&block.contents)?;
            if public_key.as_deref() == Some(certificate.public_key().raw) {
                return Self::from_parts(&certificate, chain(&blocks, index)?, key);
            }
        }
        Err(Error::Crypto("the CA key does not belong to the CA certificate".to_owned()))
    }

    fn from_parts(certificate: &X509Certificate<'_>, chain: String, key: CaKey) -> Result<Self, Error> {
        may_sign(certificate)?;
        let key_id = certificate.extensions().iter().find_map(|e| match e.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        });
        let validity = certificate.validity();
        let der = certificate.as_raw();
        Ok(Self {
            pem: pem(der),
            chain,
            der: CertificateDer::from(der.to_vec()),
            key,
            subject: certificate.subject().as_raw().to_vec(),
            key_id: key_id.unwrap_or_default(),
            validity: (validity.not_before.timestamp(), validity.not_after.timestamp()),
        })
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The intermediate certificates that belong behind a leaf, PEM.
    pub(crate) fn chain(&self) -> &str {
        &self.chain
    }

    pub(crate) fn key_pem(&self) -> &Zeroizing<String> {
        self.key.pem()
    }

    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Subject, DER.
    pub(crate) fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// First and last second of validity, since the epoch.
    pub(crate) fn validity(&self) -> (i64, i64) {
        self.validity
    }

    /// Signs what `leaf` says, DER.
    pub(crate) fn sign(&self, leaf: &Leaf<'_>) -> Result<Vec<u8>, Error> {
        let Signed { body, algorithm, signature } = self.key.sign(|algorithm| {
            leaf.to_be_signed(&Issuer { subject: &self.subject, key_id: &self.key_id, algorithm })
        })?;
        Ok(assemble(body, algorithm, &signature))
    }

    /// A certificate and key for the HTTPS server: valid as long as the authority, since a test may move the clock.
    pub(crate) fn server_identity(
        &self,
        listen: IpAddr,
    ) -> Result<(CertificateDer<'static>, Zeroizing<Vec<u8>>), Error> {
        let mut names = vec![
            AlternativeName::Dns("localhost".to_owned()),
            ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            ip(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        if !names.contains(&ip(listen)) {
            names.push(ip(listen));
        }
        let usages = usages::parse(["digital signature", "server auth"]).map_err(Error::Crypto)?;
        let key = new_key()?;
        let certificate = self.sign(&Leaf {
            serial: random()?,
            subject: &der::name("certrotate-controlplane", &[]),
            public_key: &key.subject_public_key_info(),
            names: &names,
            usages: &usages,
            not_before: self.validity.0,
            not_after: self.validity.1,
            ca: false,
        })?;
        Ok((CertificateDer::from(certificate), Zeroizing::new(key.serialize_der())))
    }

    /// A client certificate and key, valid in the given span (seconds since the epoch), cut to the authority's end.
    pub(crate) fn client_identity(
        &self,
        user: &str,
        groups: &[String],
        (not_before, not_after): (i64, i64),
    ) -> Result<ClientIdentity, Error> {
        let usages = usages::parse(["digital signature", "client auth"]).map_err(Error::Crypto)?;
        let key = new_key()?;
        let certificate = self.sign(&Leaf {
            serial: random()?,
            subject: &der::name(user, groups),
            public_key: &key.subject_public_key_info(),
            names: &[],
            usages: &usages,
            not_before,
            not_after: not_after.min(self.validity.1),
            ca: false,
        })?;
        let key = Zeroizing::new(key.serialize_pem());
        Ok(ClientIdentity { certificate: pem(&certificate), key })
    }
}

/// The certificates of a PEM text, DER.
pub(crate) fn ders(pem: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    Ok(certificates(pem)?.into_iter().map(|block| CertificateDer::from(block.contents)).collect())
}

/// Returns the certificates of a PEM text and ignores other blocks.
fn certificates(pem: &str) -> Result<Vec<Pem>, Error> {
    let blocks: Result<Vec<_>, _> = Pem::iter_from_buffer(pem.as_bytes()).collect();
    let blocks = blocks.map_err(|_| Error::Crypto("the CA certificate is not PEM".to_owned()))?;
    Ok(blocks.into_iter().filter(|block| block.label == "CERTIFICATE").collect())
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, Error> {
    match X509Certificate::from_der(der) {
        Ok((_, certificate)) => Ok(certificate),
        Err(_) => Err(Error::Crypto("the CA certificate does not parse".to_owned())),
    }
}

/// The certificates above the one at `index`, up to but without the root, PEM.
fn chain(blocks: &[Pem], index: usize) -> Result<String, Error> {
    let mut text = String::new();
    let mut current = parse(&blocks[index].contents)?;
    // No chain is longer than there are certificates, whatever their names say.
    for _ in blocks {
        if current.subject().as_raw() == current.issuer().as_raw() {
            break;
        }
        text.push_str(&pem(current.as_raw()));
        let mut above = None;
        for block in blocks {
            let candidate = parse(&block.contents)?;
            if candidate.subject().as_raw() == current.issuer().as_raw() {
                above = Some(candidate);
                break;
            }
        }
        match above {
            Some(above) => current = above,
            None => break,
        }
    }
    Ok(text)
}

/// Refuses a certificate that is not a CA's: no verifier accepts its signatures.
fn may_sign(certificate: &X509Certificate<'_>) -> Result<(), Error> {
    let is_ca = certificate.basic_constraints().ok().flatten().is_some_and(|basic| basic.value.ca);
    let signs = certificate.key_usage().ok().flatten().is_none_or(|usage| usage.value.key_cert_sign());
    if is_ca && signs {
        Ok(())
    } else {
        Err(Error::Crypto("the CA certificate is not one that may sign certificates".to_owned()))
    }
}

/// The PEM form of a certificate.
pub(crate) fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}

fn ip(address: IpAddr) -> AlternativeName {
    AlternativeName::Ip(match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    })
}

fn date(unix_seconds: i64) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::from_unix_timestamp(unix_seconds).map_err(|e| Error::Crypto(e.to_string()))
}

/// A new P-256 key.
pub(crate) fn new_key() -> Result<Zeroizing<KeyPair>, Error> {
    KeyPair::generate().map(Zeroizing::new).map_err(crypto)
}

fn crypto(error: rcgen::Error) -> Error {
    Error::Crypto(error.to_string())
}
