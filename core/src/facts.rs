//! What a certificate says, as plain values. `certrotate-x509` reads them from DER; [`crate::judge`]
//! decides on them; the model makes them up.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::ops::{BitOr, BitOrAssign};

use crate::id::{KeyDigest, LeafDigest};
use crate::time::WallTime;

/// Who a certificate is for (RFC 5280, section 4.1.2.6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Subject {
    /// The common name. Empty where there is none.
    pub common_name: String,
    /// The organizations. Order does not matter.
    pub organizations: Vec<String>,
    /// The further attributes, a second common name among them. Order does not matter.
    #[cfg_attr(feature = "serde", serde(default))]
    pub others: Vec<Attribute>,
}

/// An attribute of a subject beside its common name and its organizations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Attribute {
    /// Its type: an object identifier in dotted form, such as `2.5.4.11`.
    pub oid: String,
    /// Its value; `None` if that is not readable text. No template requests such an attribute.
    pub text: Option<String>,
}

impl Attribute {
    /// The type of a common name, which has a field of its own.
    pub const COMMON_NAME: &'static str = "2.5.4.3";
    /// The type of an organization, which has a field of its own.
    pub const ORGANIZATION: &'static str = "2.5.4.10";
    /// A country: two letters (ISO 3166).
    pub const COUNTRY: &'static str = "2.5.4.6";
    /// A locality.
    pub const LOCALITY: &'static str = "2.5.4.7";
    /// A state or province.
    pub const PROVINCE: &'static str = "2.5.4.8";
    /// A street address.
    pub const STREET: &'static str = "2.5.4.9";
    /// An organizational unit.
    pub const ORGANIZATIONAL_UNIT: &'static str = "2.5.4.11";
    /// A serial number of the subject.
    pub const SERIAL_NUMBER: &'static str = "2.5.4.5";
    /// A user id (RFC 4519, section 2.39).
    pub const USER_ID: &'static str = "0.9.2342.19200300.100.1.1";
    /// A label of a domain (RFC 4519, section 2.4).
    pub const DOMAIN_COMPONENT: &'static str = "0.9.2342.19200300.100.1.25";

    /// Returns an attribute of this type.
    #[must_use]
    pub fn new(oid: &str, text: &str) -> Self {
        Self { oid: String::from(oid), text: Some(String::from(text)) }
    }

    /// Whether it has a text, and its type is an object identifier: three to 20 numbers, the first two in their range (X.660).
    pub(crate) fn is_requestable(&self) -> bool {
        let numbers = self.oid.split('.').take(21).map(|text| match text.as_bytes() {
            [b'0'] => Some(0),
            [b'1'..=b'9', ..] if text.bytes().all(|digit| digit.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        });
        let Some(numbers) = numbers.collect::<Option<Vec<u32>>>() else { return false };
        matches!(numbers[..], [0..=2, 0..40, _, ..]) && numbers.len() <= 20 && self.text.is_some()
    }
}

/// A subject alternative name (RFC 5280, section 4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum San {
    /// A DNS name.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
    /// An e-mail address.
    Email(String),
    /// A URI.
    Uri(String),
    /// Any other kind, or one that cannot be read.
    Other,
}

/// What a key may be used for: key usage and extended key usage (RFC 5280, sections 4.2.1.3 and
/// 4.2.1.12) in one set.
///
/// The names are those of RFC 5280 in lower-case words. Requests and pending files have them.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Usages(u32);

macro_rules! usages {
    ($($(#[$doc:meta])* $name:ident = $bit:literal, $text:literal;)*) => {
        impl Usages {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
            /// Every single usage with its name.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, $text)),*];
        }
    };
}

usages! {
    /// Key usage digitalSignature.
    DIGITAL_SIGNATURE = 0, "digital signature";
    /// Key usage contentCommitment (nonRepudiation).
    CONTENT_COMMITMENT = 1, "content commitment";
    /// Key usage keyEncipherment.
    KEY_ENCIPHERMENT = 2, "key encipherment";
    /// Key usage dataEncipherment.
    DATA_ENCIPHERMENT = 3, "data encipherment";
    /// Key usage keyAgreement.
    KEY_AGREEMENT = 4, "key agreement";
    /// Key usage keyCertSign.
    CERT_SIGN = 5, "cert sign";
    /// Key usage cRLSign.
    CRL_SIGN = 6, "crl sign";
    /// Key usage encipherOnly.
    ENCIPHER_ONLY = 7, "encipher only";
    /// Key usage decipherOnly.
    DECIPHER_ONLY = 8, "decipher only";
    /// Extended key usage anyExtendedKeyUsage.
    ANY = 9, "any";
    /// Extended key usage serverAuth.
    SERVER_AUTH = 10, "server auth";
    /// Extended key usage clientAuth.
    CLIENT_AUTH = 11, "client auth";
    /// Extended key usage codeSigning.
    CODE_SIGNING = 12, "code signing";
    /// Extended key usage emailProtection.
    EMAIL_PROTECTION = 13, "email protection";
    /// Extended key usage timeStamping.
    TIMESTAMPING = 14, "timestamping";
    /// Extended key usage OCSPSigning.
    OCSP_SIGNING = 15, "ocsp signing";
    /// Any extended key usage that is not named here.
    OTHER = 16, "other";
}

impl Usages {
    /// No usage.
    pub const NONE: Self = Self(0);

    /// What either set has.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What this set has and `other` has not.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether this set has all of `other`.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of the usages in the set, in the order of [`Usages::ALL`].
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().filter(move |(usage, _)| self.has(*usage)).map(|(_, name)| *name)
    }

    /// The usage of that name, if it is one of [`Usages::ALL`].
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(usage, _)| *usage)
    }
}

impl BitOr for Usages {
    type Output = Self;

    /// What either set has; the same as [`Usages::with`], which also works in constants.
    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl BitOrAssign for Usages {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Display for Usages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (index, name) in self.names().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Usages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Usages({self})")
    }
}

/// Whether a path from the leaf to the configured CA exists.
///
/// The leaf's own path counts, not some other certificate's; roots that come with the answer are not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Chain {
    /// No client CA is configured.
    Unchecked,
    /// There is a path (RFC 5280, section 6) to the client CA, for client authentication.
    Trusted,
    /// There is none.
    Untrusted,
    /// There is one by names and keys, and no verifier accepts it.
    Rejected(PathFault),
}

/// Why a path that ends at the client CA is rejected, as Go's `crypto/x509` rejects it. Of several faults, the first in this
/// order is the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum PathFault {
    /// A signature on it is based on SHA-1, MD5 or MD2.
    WeakSignature,
    /// A signature or a key on it is of a kind that is not supported.
    SignatureAlgorithm,
    /// An issuer is no CA, or its key usage lacks keyCertSign.
    NoCa,
    /// A certificate has an unknown critical extension, or a critical name constraint on directory names.
    CriticalExtension,
    /// There are more intermediates than an issuer's path length allows.
    PathLength,
    /// The extended key usages of an issuer lack client authentication.
    IssuerUsage,
    /// An issuer's name constraints exclude a subject alternative name.
    NameConstraints,
}

/// The facts of one certificate chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CertFacts {
    /// Which leaf it is.
    pub leaf: LeafDigest,
    /// The leaf's public key.
    pub key: KeyDigest,
    /// The leaf's subject.
    pub subject: Subject,
    /// The leaf's subject alternative names.
    pub sans: Vec<San>,
    /// The leaf's usages.
    pub usages: Usages,
    /// Whether the leaf is a CA (basicConstraints, RFC 5280, section 4.2.1.9).
    pub ca: bool,
    /// The latest notBefore in the chain; where the path ends at a known CA, including that one's.
    pub not_before: WallTime,
    /// The earliest notAfter in the chain; where the path ends at a known CA, including that one's.
    /// X.509 includes this second; certrotate does not.
    pub not_after: WallTime,
    /// The path to the client CA.
    pub chain: Chain,
}

#[cfg(test)]
mod tests;
