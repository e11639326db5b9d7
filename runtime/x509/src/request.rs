//! A request without an answer: a new key and the template for its certificate.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{Context, SHA256};
use certrotate_core::config::Template;
use certrotate_core::facts::San;
use certrotate_core::id::{KeyDigest, RequestDigest};
use certrotate_core::time::Span;

use crate::digest::finish;
use crate::error::RequestError;
use crate::key::{KeyType, SecretKey};
use crate::{MAX_INPUT, csr, pem};

/// A key, the certificate request that it signed, and the other fields of the request.
#[derive(Debug)]
pub struct PendingRequest {
    pub(crate) key: SecretKey,
    pub(crate) csr_pem: String,
    pub(crate) template: Template,
    pub(crate) request: RequestDigest,
}

impl PendingRequest {
    /// Makes a P-256 key and a request that it signs.
    ///
    /// # Errors
    ///
    /// As [`PendingRequest::make_with`].
    pub fn make(template: &Template) -> Result<Self, RequestError> {
        Self::make_with(KeyType::default(), template)
    }

    /// Makes a key of this type and a request that it signs.
    ///
    /// # Errors
    ///
    /// The template cannot be requested, or the operating system gives no random bytes.
    pub fn make_with(key_type: KeyType, template: &Template) -> Result<Self, RequestError> {
        Self::with_key(SecretKey::generate_as(key_type)?, template)
    }

    /// Makes a request that this key signs. A key that signed another request must not be used again.
    ///
    /// # Errors
    ///
    /// If the template cannot be requested.
    pub fn with_key(key: SecretKey, template: &Template) -> Result<Self, RequestError> {
        check(template)?;
        let csr_pem = pem::write(pem::REQUEST, &csr::write(template, &key)?).to_string();
        if csr_pem.len().saturating_add(template.signer.len()) > MAX_INPUT {
            return Err(RequestError::TooLarge);
        }
        let request = request_digest(&key.digest(), template);
        Ok(Self { key, csr_pem, template: template.clone(), request })
    }

    /// Returns the private key.
    #[must_use]
    pub const fn key(&self) -> &SecretKey {
        &self.key
    }

    /// Drops the request and returns its key.
    #[must_use]
    pub fn into_key(self) -> SecretKey {
        self.key
    }

    /// Returns the certificate request in PEM: `spec.request` before its second base64.
    #[must_use]
    pub fn csr_pem(&self) -> &str {
        &self.csr_pem
    }

    /// Returns the template of the request.
    #[must_use]
    pub const fn template(&self) -> &Template {
        &self.template
    }

    /// Returns the SHA-256 of the public key.
    #[must_use]
    pub const fn key_digest(&self) -> KeyDigest {
        self.key.digest()
    }

    /// Returns the digest that names the request; see [`request_digest`].
    #[must_use]
    pub const fn request(&self) -> RequestDigest {
        self.request
    }
}

fn check(template: &Template) -> Result<(), RequestError> {
    if template.signer.chars().any(char::is_control) {
        return Err(RequestError::Signer);
    }
    let whole = |asked: Span| asked.ms().is_multiple_of(1000) && asked.ms() / 1000 <= i32::MAX as u64;
    if !template.duration.is_none_or(whole) {
        return Err(RequestError::Duration);
    }
    Ok(())
}

/// Names a request by its content: SHA-256 over these fields, one after the other.
///
/// Every field is its length in bytes as a 32-bit big-endian number and then the bytes; a list is
/// the number of its items, 32-bit big-endian, and then each item as a field.
///
/// 1. the text `certrotate request v1`
/// 2. `key`: SHA-256 of the public key's DER SubjectPublicKeyInfo, 32 bytes
/// 3. the common name (UTF-8)
/// 4. list: the organizations (UTF-8), sorted as bytes, each once
/// 5. the number of other subject attributes, one byte, at most 255; if it is not zero, then also a list: the attributes,
///    sorted as bytes, each once; an item is the dotted object identifier, an equals sign and the text
/// 6. list: the subject alternative names, sorted as bytes, each once; an item is a letter for its
///    kind and its value: `D` and a DNS name, `E` and an e-mail address, `I` and the 4 or 16 bytes of an
///    IP address, `O` and nothing for any other, `U` and a URI
/// 7. list: the names of the usages, in the order of [`Usages::ALL`]
/// 8. the signer's name (UTF-8)
/// 9. the duration in milliseconds, 64-bit big-endian; empty if none is requested
///
/// [`Usages::ALL`]: certrotate_core::facts::Usages::ALL
#[must_use]
pub fn request_digest(key: &KeyDigest, template: &Template) -> RequestDigest {
    let subject = &template.subject;
    let duration = template.duration.map(|asked| asked.ms().to_be_bytes());
    let mut fields = Fields(Context::new(&SHA256));
    fields.bytes(b"certrotate request v1");
    fields.bytes(&key.0);
    fields.bytes(subject.common_name.as_bytes());
    fields.set(subject.organizations.iter().map(|name| name.clone().into_bytes()).collect());
    let others =
        subject.others.iter().map(|it| format!("{}={}", it.oid, it.text.as_deref().unwrap_or_default()));
    let others: BTreeSet<_> = others.map(String::into_bytes).collect();
    fields.bytes(&[u8::try_from(others.len()).unwrap_or(u8::MAX)]);
    if !others.is_empty() {
        fields.set(others.into_iter().collect());
    }
    fields.set(template.sans.iter().map(san_item).collect());
    fields.list(&template.usages.names().collect::<Vec<_>>());
    fields.bytes(template.signer.as_bytes());
    fields.bytes(duration.as_ref().map_or(&[][..], |bytes| bytes));
    RequestDigest(finish(fields.0))
}

/// Returns the name of the CertificateSigningRequest: `node-csr-` and the digest in hexadecimal, 73
/// characters. A kubelet's first request has this prefix too (`pkg/kubelet/certificate/bootstrap`).
#[must_use]
pub fn request_name(request: &RequestDigest) -> String {
    format!("node-csr-{request}")
}

struct Fields(Context);

impl Fields {
    fn number(&mut self, number: usize) {
        // A longer field was refused before.
        self.0.update(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.update(bytes);
    }

    fn list(&mut self, items: &[impl AsRef<[u8]>]) {
        self.number(items.len());
        for item in items {
            self.bytes(item.as_ref());
        }
    }

    fn set(&mut self, mut items: Vec<Vec<u8>>) {
        items.sort_unstable();
        items.dedup();
        self.list(&items);
    }
}

fn san_item(san: &San) -> Vec<u8> {
    match san {
        San::Dns(name) => [b"D", name.as_bytes()].concat(),
        San::Email(address) => [b"E", address.as_bytes()].concat(),
        San::Ip(std::net::IpAddr::V4(address)) => [&b"I"[..], &address.octets()].concat(),
        San::Ip(std::net::IpAddr::V6(address)) => [&b"I"[..], &address.octets()].concat(),
        San::Other => b"O".to_vec(),
        San::Uri(uri) => [b"U", uri.as_bytes()].concat(),
    }
}

#[cfg(test)]
mod tests;
