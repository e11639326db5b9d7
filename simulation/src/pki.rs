//! Certificates from fixed keys: Ed25519 throughout, whose signatures have no randomness and one length.

use std::sync::Arc;

use certrotate_core::id::LeafDigest;
use certrotate_x509::{CsrFacts, SecretKey};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SerialNumber,
};
use rustls::ServerConfig;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName as TlsName, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use time::OffsetDateTime;

use crate::fault::Defect;
use crate::rng::Rng;

/// The address of the API server. A name would need a lookup.
pub(crate) const HOST: &str = "10.1.0.1";
/// The bytes before the seed in the PKCS#8 form of an Ed25519 key (RFC 8410, section 7).
const ED25519: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// An Ed25519 key in PKCS#8.
fn pkcs8(seed: &[u8; 32]) -> Vec<u8> {
    [&ED25519[..], seed].concat()
}

/// Returns a key as the agent has it.
pub(crate) fn secret_key(rng: &mut Rng) -> SecretKey {
    SecretKey::from_pkcs8_der(&pkcs8(&rng.bytes())).expect("it is an Ed25519 key")
}

fn key_pair(rng: &mut Rng) -> (KeyPair, PrivatePkcs8KeyDer<'static>) {
    let der = PrivatePkcs8KeyDer::from(pkcs8(&rng.bytes()));
    (KeyPair::try_from(&der).expect("it is an Ed25519 key"), der)
}

/// A certificate authority.
pub(crate) struct Authority {
    params: CertificateParams,
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
    der: CertificateDer<'static>,
}

/// The public key of a request.
struct Public<'a>(&'a [u8]);

impl PublicKeyData for Public<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.last_chunk::<32>().map_or(self.0, |point| &point[..])
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

/// An issued certificate.
pub(crate) struct Issued {
    pub(crate) pem: String,
    pub(crate) leaf: LeafDigest,
}

impl Authority {
    pub(crate) fn new(rng: &mut Rng, name: &str) -> Self {
        let (key, _) = key_pair(rng);
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(SerialNumber::from(1_u64));
        // Long: TLS verifies the server by the real clock.
        (params.not_before, params.not_after) = (date(0), date(7_000_000_000));
        let certificate = params.self_signed(&key).expect("the parameters are complete");
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Self { issuer: Issuer::new(params.clone(), key), params, pem, der }
    }

    /// Signs a request; the times are in seconds since 1970.
    pub(crate) fn sign(
        &self,
        request: &CsrFacts,
        serial: u64,
        validity: (i64, i64),
        defect: Option<Defect>,
    ) -> Issued {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for organization in &request.subject.organizations {
            params.distinguished_name.push(DnType::OrganizationName, organization.clone());
        }
        let subject = match defect {
            Some(Defect::Subject) => "system:node:another",
            _ => &request.subject.common_name,
        };
        params.distinguished_name.push(DnType::CommonName, subject);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if defect == Some(Defect::Authority) {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params.serial_number = Some(SerialNumber::from(1_000_000_000 + serial));
        (params.not_before, params.not_after) = (date(validity.0), date(validity.1));
        let other = self.issuer.key().public_key_raw();
        let key = if defect == Some(Defect::Key) { other } else { &request.spki_der };
        let certificate = params.signed_by(&Public(key), &self.issuer).expect("the parameters are complete");
        let pem = match defect {
            Some(Defect::Garbage) => "this is no certificate\n".to_owned(),
            _ => certificate.pem(),
        };
        Issued { pem, leaf: leaf_digest(certificate.der()) }
    }

    /// The TLS settings of a server whose certificate this authority signs.
    pub(crate) fn server(&self, rng: &mut Rng, http2: bool) -> Arc<ServerConfig> {
        let (key, der) = key_pair(rng);
        let mut params = CertificateParams::new([HOST.to_owned()]).expect("it is an address");
        params.serial_number = Some(SerialNumber::from(2_u64));
        (params.not_before, params.not_after) = (date(0), date(7_000_000_000));
        let certificate = params.signed_by(&key, &self.issuer).expect("the parameters are complete");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = AcceptAny(Arc::clone(&provider));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_client_cert_verifier(Arc::new(verifier))
                    .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::from(der))
            })
            .expect("key and certificate belong together");
        config.alpn_protocols = if http2 { vec![b"h2".to_vec()] } else { vec![b"http/1.1".to_vec()] };
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Arc::new(config)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = &self.params.distinguished_name;
        f.debug_struct("Authority").field("name", name).field("der", &self.der.len()).finish_non_exhaustive()
    }
}

/// SHA-256 of a leaf, as the agent's facts have it.
pub(crate) fn leaf_digest(der: &[u8]) -> LeafDigest {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    LeafDigest(bytes)
}

fn date(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).expect("it is before the year 9999")
}

/// Accepts any client certificate whose key signed the handshake, or none: requests are judged, not handshakes.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ClientCertVerifier for AcceptAny {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[TlsName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
