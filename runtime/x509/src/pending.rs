//! The pending file: the key and the whole request of the attempt in flight.
//!
//! ```text
//! certrotate pending v1 generation=8 made=1795519933456 sha256=<64 hexadecimal digits>
//! -----BEGIN PRIVATE KEY-----            PKCS#8
//! -----BEGIN CERTIFICATE REQUEST-----
//! signer: kubernetes.io/kube-apiserver-client-kubelet
//! usages: digital signature, client auth
//! expiration-seconds: 86400              only if a duration is requested
//! ```
//!
//! The first line is as that of a [bundle](crate::bundle). Subject and subject alternative names are
//! in the certificate request.

use certrotate_core::config::Template;
use certrotate_core::facts::Usages;
use certrotate_core::id::Generation;
use certrotate_core::time::{Span, WallTime};
use zeroize::Zeroizing;

use crate::error::Corrupt;
use crate::key::SecretKey;
use crate::pem::{self, Outside};
use crate::request::{PendingRequest, request_digest};
use crate::{csr, header};

/// The content of the first line of a pending file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PendingHeader {
    /// The generation of the key.
    pub generation: Generation,
    /// When the key was made, by the local clock.
    pub made: WallTime,
}

/// Returns the bytes of a pending file.
#[must_use]
pub fn encode(request: &PendingRequest, generation: Generation, made: WallTime) -> Zeroizing<Vec<u8>> {
    let key = request.key.to_pem();
    let lines = lines(&request.template);
    let parts = [key.as_bytes(), request.csr_pem.as_bytes(), lines.as_bytes()];
    header::seal(header::PENDING, generation, made, &parts)
}

/// Reads a pending file; [`encode`] gives back the same bytes.
///
/// # Errors
///
/// The bytes differ from those that [`encode`] writes, by a single bit or more.
pub fn decode(file: &[u8]) -> Result<(PendingHeader, PendingRequest), Corrupt> {
    let (generation, made, rest) = header::open(header::PENDING, file)?;
    let mut blocks = pem::blocks(rest, Outside::Text)?.into_iter();
    let (Some(key), Some(csr), None) = (blocks.next(), blocks.next(), blocks.next()) else {
        return Err(Corrupt::KeyBlock);
    };
    if !key.is(pem::PKCS8_KEY) || !csr.is(pem::REQUEST) {
        return Err(Corrupt::KeyBlock);
    }
    let key = SecretKey::from_block(key)?;
    let asked = csr::read_der(&csr.der)?;
    if asked.key != key.digest() {
        return Err(Corrupt::RequestKey);
    }
    let lines = str::from_utf8(&rest[csr.end..]).map_err(|_| Corrupt::Lines)?;
    let (signer, usages, duration) = fields(lines).ok_or(Corrupt::Lines)?;
    let subject = asked.subject;
    let template = Template { subject, sans: asked.sans, duration, ..Template::new(&signer, usages) };
    let csr_pem = pem::write(pem::REQUEST, &csr.der).to_string();
    let request = request_digest(&key.digest(), &template);
    let pending = PendingRequest { key, csr_pem, template, request };
    if *encode(&pending, generation, made) != file {
        return Err(Corrupt::Form);
    }
    Ok((PendingHeader { generation, made }, pending))
}

/// Returns the lines about the parts of the template that are not in the certificate request.
fn lines(template: &Template) -> String {
    let mut lines = format!("signer: {}\nusages: {}\n", template.signer, template.usages);
    if let Some(duration) = template.duration {
        lines.push_str(&format!("expiration-seconds: {}\n", duration.ms() / 1000));
    }
    lines
}

/// Reads those lines. The caller checks their form by writing them again.
fn fields(lines: &str) -> Option<(String, Usages, Option<Span>)> {
    let mut lines = lines.lines();
    let signer = lines.next()?.strip_prefix("signer: ")?.to_owned();
    let usages = match lines.next()?.strip_prefix("usages: ")? {
        "none" => Usages::NONE,
        names => {
            names.split(", ").try_fold(Usages::NONE, |set, name| Some(set.with(Usages::named(name)?)))?
        }
    };
    let duration = match lines.next() {
        None => None,
        Some(line) => Some(Span::from_secs(line.strip_prefix("expiration-seconds: ")?.parse().ok()?)),
    };
    Some((signer, usages, duration))
}

#[cfg(test)]
mod tests;
