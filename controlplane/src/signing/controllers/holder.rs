//! The holder of a node name: the owner of a valid certificate for it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_parser::pem::Pem;

use crate::signing::pki::pkcs10;

#[cfg(test)]
mod tests;

/// Common name and end of the first certificate in `pem`.
pub(crate) fn holder(pem: &[u8]) -> Option<(String, SystemTime)> {
    let block = Pem::iter_from_buffer(pem).next()?.ok()?;
    let certificate = block.parse_x509().ok()?;
    let name = pkcs10::common_names(certificate.subject()).ok()?.pop()?;
    let end = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    Some((name, UNIX_EPOCH.checked_add(Duration::from_secs(end))?))
}
