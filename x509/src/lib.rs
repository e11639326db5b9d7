//! Bytes in, plain values out: keys, certificate requests, certificates and the two files that hold them.
#![forbid(unsafe_code)]

pub mod bundle;
mod ca;
mod chain;
pub mod csr;
mod der;
mod error;
mod facts;
#[doc(hidden)]
pub mod fuzz;
mod header;
mod key;
mod pem;
pub mod pending;
mod request;

pub use bundle::Bundle;
pub use ca::ClientCa;
pub use chain::{CertChain, LeafSummary};
pub use csr::CsrFacts;
pub use error::{Corrupt, KeyError, ReadError, RequestError};
pub use key::SecretKey;
pub use pending::PendingHeader;
pub use request::{PendingRequest, request_digest, request_name};

/// The most bytes of PEM that are looked at, wherever they come from: 64 KiB.
pub const MAX_INPUT: usize = 64 * 1024;

/// The most bytes of a bundle or a pending file: room for a chain of [`MAX_INPUT`], the first line and a key.
pub const MAX_FILE: usize = MAX_INPUT + 4 * 1024;

/// The most certificates in a chain, or in a client CA file.
pub const MAX_CERTIFICATES: usize = 16;
