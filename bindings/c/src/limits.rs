//! The limits of what a caller passes. More is an error, `CERTROTATE_STATUS_TOO_LONG`.

/// The bytes of a configuration.
pub(crate) const CONFIG_BYTES: usize = 1 << 20;
/// The bytes of a name, an alternative name, a signer or a requester.
pub(crate) const TEXT_BYTES: usize = 4096;
/// The organizations of a subject.
pub(crate) const ORGANIZATIONS: usize = 1000;
/// The further attributes of a subject.
pub(crate) const ATTRIBUTES: usize = 1000;
/// The alternative names of a certificate or template.
pub(crate) const SANS: usize = 1000;
/// The files of an inventory: as many as core reads.
pub(crate) const FILES: usize = 64;
/// The pairs of other programs in an inventory: as many as core reads.
pub(crate) const PAIRS: usize = 4;
