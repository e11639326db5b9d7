//! The structs of the interface: plain integers, pointers and lengths.
//!
//! Each struct that may grow begins with `size`, which the caller sets to `sizeof` of the struct as it knows it. A field is
//! added at the end only, and zero has the meaning of an absent field.

use std::ffi::c_char;

pub mod codes;
pub mod event;
pub mod step;

/// What both clocks show, in milliseconds.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Since 1970-01-01T00:00:00Z. It may jump.
    pub wall: i64,
    /// Since any start, suspended time included. It never goes back.
    pub mono: u64,
}

/// The id of an operation.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Op {
    /// The run.
    pub run: u64,
    /// Counts up within the run.
    pub seq: u32,
}

/// A SHA-256 digest.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Digest {
    /// Its bytes.
    pub bytes: [u8; 32],
}

/// A file name of ours. The driver adds the name of the pair: `docs/disk.md` has the forms.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Name {
    /// A `NameKind`; zero where an action has no such name.
    pub kind: u32,
    /// The generation; zero for the current link.
    pub generation: u32,
    /// The file number; zero for the current link.
    pub file: u32,
    /// The time of issue of a bundle, milliseconds since 1970.
    pub issued: i64,
}

/// A key or chain in the driver's key store.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Handle {
    /// A `HandleKind`.
    pub kind: u32,
    /// Its number.
    pub number: u64,
}

/// A text in UTF-8. It need not end with NUL when the caller gives it; it does when the library gives it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// The bytes; may be null if `length` is zero.
    pub bytes: *const c_char,
    /// How many bytes, without a NUL.
    pub length: usize,
}

/// A subject alternative name.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct San {
    /// A `SanKind`.
    pub kind: u32,
    /// The name.
    pub text: Text,
}

/// A list of alternative names.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Sans {
    /// The names; may be null if `count` is zero.
    pub items: *const San,
    /// How many.
    pub count: usize,
}

/// A further attribute of a subject.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// Its type in dotted form, such as `2.5.4.11`.
    pub oid: Text,
    /// Its value; `bytes` is null if the value is not readable text.
    pub text: Text,
}

/// The subject of a certificate or template.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The common name; empty if there is none.
    pub common_name: Text,
    /// The organizations; may be null if there is none.
    pub organizations: *const Text,
    /// How many organizations.
    pub organization_count: usize,
    /// The further attributes, a second common name among them; may be null if there is none.
    pub others: *const Attribute,
    /// How many further attributes.
    pub other_count: usize,
}

/// The facts of a certificate chain. A driver that misreports them is not detected.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// `sizeof(CertrotateFacts)`.
    pub size: usize,
    /// SHA-256 of the leaf (DER).
    pub leaf: Digest,
    /// SHA-256 of the leaf's SubjectPublicKeyInfo (DER).
    pub key_digest: Digest,
    /// The leaf's subject.
    pub subject: Subject,
    /// The leaf's alternative names.
    pub sans: Sans,
    /// The leaf's usages: `CERTROTATE_USAGE_…`.
    pub usages: u32,
    /// A `Chain`.
    pub chain: u32,
    /// The latest notBefore of the chain, milliseconds since 1970.
    pub not_before: i64,
    /// The earliest notAfter of the chain.
    pub not_after: i64,
    /// Whether the leaf is a CA: zero or not.
    pub is_ca: u8,
}

/// A request as the issuer shows it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RequestRecord {
    /// `sizeof(CertrotateRequestRecord)`.
    pub size: usize,
    /// The digest of its public key; null if that cannot be read.
    pub key_digest: *const Digest,
    /// The signer.
    pub signer: Text,
    /// The user who made it; empty if the issuer does not say.
    pub requester: Text,
    /// The requested usages: `CERTROTATE_USAGE_…`.
    pub usages: u32,
    /// A `RequestState`.
    pub state: u32,
    /// The issued chain.
    pub cert: u64,
    /// The facts of the issued chain; null in other states.
    pub facts: *const Facts,
}

/// The template that a pending file was made for.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// `sizeof(CertrotateTemplate)`.
    pub size: usize,
    /// The subject.
    pub subject: Subject,
    /// The alternative names.
    pub sans: Sans,
    /// The signer.
    pub signer: Text,
    /// The usages: `CERTROTATE_USAGE_…`.
    pub usages: u32,
    /// Whether a lifetime was requested: zero or not.
    pub has_duration: u8,
    /// The requested lifetime in milliseconds.
    pub duration: u64,
    /// The shortest lifetime that the issuer accepts, in milliseconds; zero if there is none.
    pub shortest_duration: u64,
}

/// An intact bundle of a scan.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bundle {
    /// `sizeof(CertrotateBundle)`.
    pub size: usize,
    /// The generation in its header.
    pub generation: u32,
    /// The time of issue in its header, milliseconds since 1970.
    pub issued: i64,
    /// The digest of its key's public half.
    pub key_digest: Digest,
    /// The facts of its chain.
    pub facts: *const Facts,
    /// The key that was read.
    pub key: u64,
    /// The chain that was read.
    pub cert: u64,
    /// Whether the file is ours alone, with one name and mode 0600: zero or not.
    pub is_private: u8,
}

/// An intact pending file of a scan.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// `sizeof(CertrotatePending)`.
    pub size: usize,
    /// The generation in its header.
    pub generation: u32,
    /// When the key was made, milliseconds since 1970.
    pub made: i64,
    /// The digest of its key's public half.
    pub key_digest: Digest,
    /// The name of its request.
    pub request: Digest,
    /// The template that it was made for.
    pub made_for: *const Template,
    /// The key and the request that were read.
    pub key: u64,
    /// Whether the file has mode 0600: zero or not.
    pub is_private: u8,
}

/// A pair of another program.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// `sizeof(CertrotatePair)`.
    pub size: usize,
    /// A `Place`.
    pub place: u32,
    /// The time in the name of a dated pair, milliseconds since 1970.
    pub time: i64,
    /// The name of an exposed bundle.
    pub name: Name,
    /// The digest of its key's public half.
    pub key_digest: Digest,
    /// The facts of its chain.
    pub facts: *const Facts,
    /// The key that was read.
    pub key: u64,
    /// The chain that was read.
    pub cert: u64,
}
