//! The types below every layer: errors, time, random bytes, private files, and the fields of a CertificateSigningRequest.

pub(crate) mod budgets;
pub(crate) mod clock;
pub(crate) mod csr;
pub(crate) mod duration;
pub(crate) mod error;
pub(crate) mod files;
pub(crate) mod quiet;
pub(crate) mod random;
pub(crate) mod sync;
pub(crate) mod time;
