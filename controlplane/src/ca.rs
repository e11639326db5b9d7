//! The certificate authority of the control plane.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rcgen::{PublicKeyData, SerialNumber, SigningKey};
use ring::rand::{SecureRandom, SystemRandom};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::pem::Pem;
use zeroize::Zeroizing;

use crate::der;
use crate::error::Error;
use crate::leaf::{Issuer, Leaf, assemble};
use crate::pkcs10::AlternativeName;
use crate::usages;

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
pub(crate) struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    key: Zeroizing<KeyPair>,
    subject: Vec<u8>,
    key_id: Vec<u8>,
    /// Last second of validity.
    not_after: i64,
}

impl Authority {
    /// A new one with a P-256 key.
    pub(crate) fn create(now: SystemTime, lifetime: Duration) -> Result<Self, Error> {
        let key = new_key()?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, "certrotate-ca");
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(SerialNumber::from_slice(&random::<16>()?));
        params.not_before = date(der::seconds_down(now.checked_sub(HEAD_START).unwrap_or(now)))?;
        params.not_after = date(der::seconds_up(now + lifetime))?;
        let certificate = params.self_signed(&*key).map_err(crypto)?;
        Self::from_parts(certificate.pem(), key)
    }

    /// The one that [`Self::pem`] and [`Self::key_pem`] gave.
    pub(crate) fn load(pem: &str, key_pem: &str) -> Result<Self, Error> {
        let key = KeyPair::from_pem(key_pem).map_err(crypto)?;
        Self::from_parts(pem.to_owned(), Zeroizing::new(key))
    }

    fn from_parts(pem: String, key: Zeroizing<KeyPair>) -> Result<Self, Error> {
        let bad = || Error::Crypto("the CA certificate does not parse".to_owned());
        let block = Pem::iter_from_buffer(pem.as_bytes()).next().and_then(Result::ok).ok_or_else(bad)?;
        let certificate = block.parse_x509().map_err(|_| bad())?;
        if certificate.public_key().subject_public_key.data.as_ref() != key.der_bytes() {
            return Err(Error::Crypto("the CA key does not belong to the CA certificate".to_owned()));
        }
        let key_id = certificate.extensions().iter().find_map(|e| match e.parsed_extension() {
            x509_parser::extensions::ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        });
        let subject = certificate.subject().as_raw().to_vec();
        let not_after = certificate.validity().not_after.timestamp();
        let key_id = key_id.unwrap_or_default();
        let der = CertificateDer::from(block.contents.clone());
        Ok(Self { pem, der, key, subject, key_id, not_after })
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    pub(crate) fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.key.serialize_pem())
    }

    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Subject, DER.
    pub(crate) fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// Last second of validity, since the epoch.
    pub(crate) fn not_after(&self) -> i64 {
        self.not_after
    }

    /// Signs what `leaf` says, DER.
    pub(crate) fn sign(&self, leaf: &Leaf<'_>) -> Result<Vec<u8>, Error> {
        let issuer = Issuer { subject: &self.subject, key_id: &self.key_id };
        let to_be_signed = leaf.to_be_signed(&issuer);
        let signature = self.key.sign(&to_be_signed).map_err(crypto)?;
        Ok(assemble(to_be_signed, &signature))
    }

    /// A certificate and key for the HTTPS server: valid as long as the authority, since a test may move the clock.
    pub(crate) fn server_identity(&self) -> Result<(CertificateDer<'static>, Zeroizing<Vec<u8>>), Error> {
        let names = [
            AlternativeName::Dns("localhost".to_owned()),
            ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            ip(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        let usages = usages::parse(["digital signature", "server auth"]).map_err(Error::Crypto)?;
        let key = new_key()?;
        let certificate = self.sign(&Leaf {
            serial: random()?,
            subject: &der::name("certrotate-controlplane", &[]),
            public_key: &key.subject_public_key_info(),
            names: &names,
            usages: &usages,
            not_before: self.not_before()?,
            not_after: self.not_after,
            ca: false,
        })?;
        Ok((CertificateDer::from(certificate), Zeroizing::new(key.serialize_der())))
    }

    fn not_before(&self) -> Result<i64, Error> {
        let (_, certificate) = x509_parser::parse_x509_certificate(&self.der)
            .map_err(|_| Error::Crypto("the CA certificate does not parse".to_owned()))?;
        Ok(certificate.validity().not_before.timestamp())
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
            not_after: not_after.min(self.not_after),
            ca: false,
        })?;
        let key = Zeroizing::new(key.serialize_pem());
        Ok(ClientIdentity { certificate: pem(&certificate), key })
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

/// Random bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Error::Crypto("the system gave no random bytes".to_owned()))?;
    Ok(bytes)
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
