//! End-entity certificates in DER (RFC 5280, 4.1), laid out as Go's `x509.CreateCertificate` does.

use crate::signing::pki::der;
use crate::signing::pki::pkcs10::AlternativeName;
use crate::signing::pki::usages::Usages;

const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 35];
const EXT_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];

/// The content of a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Leaf<'a> {
    pub(crate) serial: [u8; 16],
    /// Distinguished name, DER.
    pub(crate) subject: &'a [u8],
    /// SubjectPublicKeyInfo, DER.
    pub(crate) public_key: &'a [u8],
    pub(crate) names: &'a [AlternativeName],
    pub(crate) usages: &'a Usages,
    /// Seconds since the epoch.
    pub(crate) not_before: i64,
    /// Seconds since the epoch.
    pub(crate) not_after: i64,
    /// The value of CA in the basic constraints; true only as an injected fault.
    pub(crate) ca: bool,
}

/// Who signs it.
pub(crate) struct Issuer<'a> {
    /// Distinguished name, DER.
    pub(crate) subject: &'a [u8],
    /// Subject key identifier; empty if the authority's certificate has none.
    pub(crate) key_id: &'a [u8],
    /// AlgorithmIdentifier of the signature, DER.
    pub(crate) algorithm: &'a [u8],
}

impl Leaf<'_> {
    /// The part that is signed.
    pub(crate) fn to_be_signed(&self, issuer: &Issuer<'_>) -> Vec<u8> {
        let validity = [der::time(self.not_before), der::time(self.not_after)];
        let extensions = der::nest(der::SEQUENCE, &self.extensions(issuer.key_id));
        der::nest(
            der::SEQUENCE,
            &[
                der::tlv(der::constructed(0), &der::unsigned(&[2])),
                der::unsigned(&self.serial),
                issuer.algorithm.to_vec(),
                issuer.subject.to_vec(),
                der::nest(der::SEQUENCE, &validity),
                self.subject.to_vec(),
                self.public_key.to_vec(),
                der::tlv(der::constructed(3), &extensions),
            ],
        )
    }

    fn extensions(&self, issuer_key_id: &[u8]) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        if self.usages.key != 0 {
            all.push(extension(KEY_USAGE, true, &der::named_bits(self.usages.key)));
        }
        if !self.usages.extended.is_empty() {
            let oids: Vec<_> = self.usages.extended.iter().map(|oid| der::tlv(der::OID, oid)).collect();
            all.push(extension(EXT_KEY_USAGE, false, &der::nest(der::SEQUENCE, &oids)));
        }
        let authority = if self.ca { der::tlv(der::BOOLEAN, &[0xff]) } else { Vec::new() };
        all.push(extension(BASIC_CONSTRAINTS, true, &der::tlv(der::SEQUENCE, &authority)));
        if !issuer_key_id.is_empty() {
            let key_id = der::tlv(der::SEQUENCE, &der::tlv(der::context(0), issuer_key_id));
            all.push(extension(AUTHORITY_KEY_IDENTIFIER, false, &key_id));
        }
        if !self.names.is_empty() {
            let names: Vec<_> = self.names.iter().map(general_name).collect();
            let critical = self.subject == der::tlv(der::SEQUENCE, &[]);
            all.push(extension(SUBJECT_ALT_NAME, critical, &der::nest(der::SEQUENCE, &names)));
        }
        all
    }
}

/// The certificate made of the signed part and its signature.
pub(crate) fn assemble(to_be_signed: Vec<u8>, algorithm: Vec<u8>, signature: &[u8]) -> Vec<u8> {
    der::nest(der::SEQUENCE, &[to_be_signed, algorithm, der::bits(signature)])
}

fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![der::tlv(der::OID, oid)];
    if critical {
        parts.push(der::tlv(der::BOOLEAN, &[0xff]));
    }
    parts.push(der::tlv(der::OCTET_STRING, value));
    der::nest(der::SEQUENCE, &parts)
}

fn general_name(name: &AlternativeName) -> Vec<u8> {
    match name {
        AlternativeName::Email(text) => der::tlv(der::context(1), text.as_bytes()),
        AlternativeName::Dns(text) => der::tlv(der::context(2), text.as_bytes()),
        AlternativeName::Uri(text) => der::tlv(der::context(6), text.as_bytes()),
        AlternativeName::Ip(bytes) => der::tlv(der::context(7), bytes),
    }
}
