//! Refusals in words: one line of bounded length, whatever a certificate says.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use super::Refusal;
use crate::facts::{Attribute, Chain, PathFault, San, Subject};

/// The most letters that are shown of a foreign text.
const LONGEST: usize = 300;

/// The most names of a kind that are shown.
const MOST: usize = 32;

/// A text from another party, made fit for one line of a log or a terminal. Invisible characters, those that reverse the text
/// after them, and the backslash are escaped.
struct Foreign<'a>(&'a str);

impl fmt::Display for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = self.0.chars();
        for letter in letters.by_ref().take(LONGEST) {
            match letter {
                '\'' | '"' => f.write_char(letter)?,
                _ => write!(f, "{}", letter.escape_debug())?,
            }
        }
        if letters.next().is_some() { f.write_char('…') } else { Ok(()) }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { common_name, organizations, others } = self;
        for organization in organizations.iter().take(MOST) {
            write!(f, "O={}, ", Foreign(organization))?;
        }
        if let Some(more @ 1..) = organizations.len().checked_sub(MOST) {
            write!(f, "{more} more organizations, ")?;
        }
        for attribute in others.iter().take(MOST) {
            write!(f, "{attribute}, ")?;
        }
        if let Some(more @ 1..) = others.len().checked_sub(MOST) {
            write!(f, "{more} more attributes, ")?;
        }
        if common_name.is_empty() { f.write_str("no CN") } else { write!(f, "CN={}", Foreign(common_name)) }
    }
}

/// The names of attribute types, as RFC 4514 and OpenSSL write them.
const TYPES: [(&str, &str); 10] = [
    (Attribute::COMMON_NAME, "CN"),
    (Attribute::ORGANIZATION, "O"),
    (Attribute::COUNTRY, "C"),
    (Attribute::LOCALITY, "L"),
    (Attribute::PROVINCE, "ST"),
    (Attribute::STREET, "STREET"),
    (Attribute::ORGANIZATIONAL_UNIT, "OU"),
    (Attribute::SERIAL_NUMBER, "serialNumber"),
    (Attribute::USER_ID, "UID"),
    (Attribute::DOMAIN_COMPONENT, "DC"),
];

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match TYPES.iter().find(|(oid, _)| *oid == self.oid) {
            Some((_, name)) => f.write_str(name)?,
            None => write!(f, "{}", Foreign(&self.oid))?,
        }
        match &self.text {
            Some(text) => write!(f, "={}", Foreign(text)),
            None => f.write_str(" without a readable text"),
        }
    }
}

fn list(sans: &[San]) -> String {
    if sans.is_empty() {
        return String::from("none");
    }
    let texts: Vec<String> = sans.iter().take(MOST).map(|san| alloc::format!("{san}")).collect();
    match sans.len().checked_sub(MOST) {
        Some(more @ 1..) => alloc::format!("{} and {more} more", texts.join(", ")),
        Some(0) | None => texts.join(", "),
    }
}

impl fmt::Display for San {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{}", Foreign(name)),
            Self::Ip(address) => write!(f, "IP:{address}"),
            Self::Email(address) => write!(f, "email:{}", Foreign(address)),
            Self::Uri(uri) => write!(f, "URI:{}", Foreign(uri)),
            Self::Other => f.write_str("another kind"),
        }
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WeakSignature => {
                "expected signatures with SHA-256 or better, found one with SHA-1, MD5 or MD2; have the signer use another"
            }
            Self::SignatureAlgorithm => {
                "expected signatures by ECDSA (P-256, P-384, P-521), RSA (2048 to 8192 bits) or Ed25519, found another algorithm or key"
            }
            Self::NoCa => "expected CA:TRUE and keyCertSign in each issuer, found an issuer without",
            Self::CriticalExtension => {
                "expected known critical extensions, found an unknown one or a constraint on directory names"
            }
            Self::PathLength => "expected no more intermediates than the CAs allow, found more",
            Self::IssuerUsage => {
                "expected client auth, any or no extended key usage in each issuer, found others"
            }
            Self::NameConstraints => {
                "expected names within the name constraints of the CAs, found one outside them"
            }
        })
    }
}

impl core::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("it cannot be read as a certificate chain in PEM"),
            Self::Key { expected, found } => {
                write!(f, "it is for another key: expected SHA-256 {expected:.16}…, found {found:.16}…")
            }
            Self::Subject { expected, found } => {
                write!(f, "its subject is wrong: expected {expected}, found {found}")
            }
            Self::Sans { expected, found } => write!(
                f,
                "its subject alternative names are wrong: expected {}, found {}",
                list(expected),
                list(found)
            ),
            Self::UsageMissing { expected, found } => {
                write!(f, "a usage is missing: expected {expected}, found {found}")
            }
            Self::UsageForbidden { expected, found } => {
                write!(f, "a usage was not requested: expected {expected}, found {found}")
            }
            Self::Ca => f.write_str("it is a CA: expected basicConstraints CA:FALSE, found CA:TRUE"),
            Self::Chain { found: Chain::Unchecked } => f.write_str(
                "its path was not checked: expected a path to the client CA, found none looked for",
            ),
            Self::Chain { found: Chain::Rejected(fault) } => {
                write!(f, "its path to the client CA is not accepted: {fault}")
            }
            Self::Chain { found: Chain::Untrusted | Chain::Trusted } => {
                f.write_str("it was issued by another CA: expected a path to the client CA, found none")
            }
            Self::NotYetValid { now, not_before } => {
                write!(
                    f,
                    "it is not valid yet: expected a start before {now} (local clock), found {not_before}"
                )
            }
            Self::Expired { now, not_after } => {
                write!(f, "it has expired: expected an end after {now} (local clock), found {not_after}")
            }
            Self::TooShort { left, least, lifetime } => {
                write!(
                    f,
                    "it expires too soon: expected {least} at least of its lifetime of {lifetime}, found {left} left; lifetime_left sets this limit"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
