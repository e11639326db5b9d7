//! Which node names are held by a valid certificate.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_parser::pem::Pem;

use crate::api::{Csr, certificate};
use crate::pkcs10;
use crate::sync::lock;

#[cfg(test)]
mod tests;

/// Common names, each with the latest end of a certificate that was issued for it. What is known outlives the objects,
/// which the cleaner deletes long before the certificates end.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<HashMap<String, SystemTime>>);

impl Names {
    /// Takes in the certificate of an object; what is over by `now` is dropped now and then.
    pub(crate) fn note(&self, csr: &Csr, now: SystemTime) {
        let Some((name, end)) = certificate(csr).and_then(holder) else { return };
        let mut held = lock(&self.0);
        if held.len() == held.capacity() {
            held.retain(|_, end| now < *end);
        }
        let known = held.entry(name).or_insert(end);
        *known = end.max(*known);
    }

    /// Up to when this name is held.
    pub(crate) fn held_until(&self, common_name: &str) -> Option<SystemTime> {
        lock(&self.0).get(common_name).copied()
    }
}

/// Common name and end of the first certificate in `pem`.
fn holder(pem: &[u8]) -> Option<(String, SystemTime)> {
    let block = Pem::iter_from_buffer(pem).next()?.ok()?;
    let certificate = block.parse_x509().ok()?;
    let name = pkcs10::common_names(certificate.subject()).ok()?.pop()?;
    let end = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    Some((name, UNIX_EPOCH.checked_add(Duration::from_secs(end))?))
}
