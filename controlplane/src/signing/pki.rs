//! Keys, certificate requests and certificates.

pub(crate) mod authority;
pub(crate) mod ca_key;
pub(crate) mod der;
pub(crate) mod issue;
pub(crate) mod leaf;
pub(crate) mod pkcs10;
pub(crate) mod signature;
pub(crate) mod source;
pub(crate) mod usages;
