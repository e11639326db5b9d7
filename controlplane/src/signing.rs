//! Approver, signer and cleaner: pure decisions, the certificate authority, and the loop that carries the decisions out.
//! The embedded control plane runs it on its own store, `certrotate controllers` on a real cluster.

pub(crate) mod approver;
pub(crate) mod cleaner;
pub(crate) mod controllers;
pub(crate) mod criteria;
pub(crate) mod lease;
pub(crate) mod pki;
pub(crate) mod signer;
pub(crate) mod signer_name;
