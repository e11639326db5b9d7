//! From symbols to DER, by rcgen.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use time::OffsetDateTime;

use super::case::{Basic, Case, Cert, Holder, KeyUse, Name, Purpose, Sans, Trust};
use super::{NODE, NOW};

/// A case as the agent gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// `status.certificate`: PEM.
    pub answer: String,
    /// The client CA file, where the node has one.
    pub client_ca: Option<Arc<str>>,
    /// SHA-256 of the node's public key (a DER SubjectPublicKeyInfo).
    pub key: [u8; 32],
}

/// Makes certificates and keeps them: equal symbols give the same certificate.
#[derive(Debug, Default)]
pub struct Renderer {
    made: HashMap<Cert, Arc<str>>,
}

impl Renderer {
    /// Makes the certificates of a case.
    ///
    /// # Panics
    ///
    /// rcgen cannot make them; a case never causes this.
    pub fn render(&mut self, case: &Case) -> Rendered {
        let answer = case.answer().iter().map(|cert| self.pem(cert).to_string()).collect();
        let client_ca = (case.trust == Trust::ClientCa).then(|| self.pem(&case.root()));
        Rendered { answer, client_ca, key: *NODE_KEY }
    }

    fn pem(&mut self, cert: &Cert) -> Arc<str> {
        Arc::clone(self.made.entry(*cert).or_insert_with(|| certificate(cert).into()))
    }
}

/// Fixed keys: making some takes time and luck, and nothing is protected by these.
static KEYS: LazyLock<Vec<(Holder, KeyPair)>> = LazyLock::new(|| {
    let holders = [
        Holder::Node,
        Holder::Stranger,
        Holder::Root,
        Holder::Intermediate,
        Holder::OtherRoot,
        Holder::Impostor,
    ];
    holders.into_iter().zip(1..).map(|(holder, seed)| (holder, key_of_seed(seed))).collect()
});

static NODE_KEY: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let digest =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key(Holder::Node).subject_public_key_info());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
});

fn key(holder: Holder) -> &'static KeyPair {
    let found = KEYS.iter().find(|(known, _)| *known == holder);
    &found.expect("every holder has a key").1
}

/// An Ed25519 key in PKCS#8 (RFC 8410, section 7): a fixed beginning and the 32 bytes of its seed.
fn key_of_seed(seed: u8) -> KeyPair {
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend([seed; 32]);
    let key = KeyPair::try_from(&PrivatePkcs8KeyDer::from(der));
    key.expect("every 32 bytes are the seed of a key")
}

fn certificate(cert: &Cert) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(cert.holder, cert.name);
    params.subject_alt_names = match cert.sans {
        Sans::None => vec![],
        Sans::Dns => vec![SanType::DnsName(NODE.try_into().expect("it is ASCII"))],
        Sans::Ip => vec![SanType::IpAddress([10, 0, 0, 1].into())],
    };
    params.extended_key_usages = match cert.purpose {
        Purpose::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
        Purpose::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
        Purpose::Both => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        Purpose::None => vec![],
        Purpose::Any => vec![ExtendedKeyUsagePurpose::Any],
    };
    params.key_usages = match cert.key_use {
        KeyUse::Sign => vec![KeyUsagePurpose::DigitalSignature],
        KeyUse::SignEncipher => vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment],
        KeyUse::SignCertify => vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign],
        KeyUse::None => vec![],
    };
    params.is_ca = match cert.basic {
        Basic::Absent => IsCa::NoCa,
        Basic::No => IsCa::ExplicitNoCa,
        Basic::Yes => IsCa::Ca(BasicConstraints::Unconstrained),
    };
    let at = |secs| OffsetDateTime::from_unix_timestamp(NOW + secs).expect("a time of this millennium");
    (params.not_before, params.not_after) = (at(cert.window.from), at(cert.window.until));

    let mut issuer = CertificateParams::default();
    let own_name = cert.name.filter(|_| cert.issuer == cert.holder);
    issuer.distinguished_name = subject(cert.issuer, own_name);
    let issuer = Issuer::new(issuer, key(cert.issuer));
    params.signed_by(key(cert.holder), &issuer).expect("rcgen has all parameters").pem()
}

fn subject(holder: Holder, name: Option<Name>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    let Some(name) = name else {
        let name = match holder {
            Holder::Node | Holder::Stranger => "nobody",
            // The impostor's whole trick.
            Holder::Root | Holder::Impostor => "root",
            Holder::Intermediate => "intermediate",
            Holder::OtherRoot => "other root",
        };
        subject.push(DnType::CommonName, name);
        return subject;
    };
    if name != Name::NoGroup {
        subject.push(DnType::OrganizationName, "system:nodes");
    }
    if name == Name::ExtraGroup {
        // rcgen keeps one value for each type; this number is that of an organization too.
        subject.push(DnType::CustomDnType(vec![2, 5, 4, 10]), "system:masters");
    }
    if name == Name::ExtraAttribute {
        subject.push(DnType::OrganizationalUnitName, "cellar");
    }
    let common_name = match name {
        Name::Exact | Name::ExtraGroup | Name::NoGroup | Name::ExtraAttribute => "system:node:node-1",
        Name::Other => "system:node:node-2",
        Name::Longer => "system:node:node-10",
        Name::Shorter => "system:node:node-",
        Name::OtherCase => "SYSTEM:NODE:NODE-1",
    };
    subject.push(DnType::CommonName, common_name);
    subject
}
