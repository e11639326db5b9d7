//! Bytes in, plain values out: keys, certificate requests, issued certificates, and the two files that
//! keep them.
//!
//! * [`SecretKey`] and [`PendingRequest`]: a new key of a [`KeyType`] and the request (PKCS#10) that it signs.
//! * [`CertChain`] and [`ClientCa`]: an issued chain and its facts, for `certrotate_core::judge`.
//! * [`csr`]: the content of a request, as a signer reads it.
//! * [`pair`]: a key and a certificate in files of another program, a kubelet's say.
//! * [`bundle`] and [`pending`]: the files of an identity and of a request, with a first line that
//!   names the generation and has a SHA-256 of all the rest.
//!
//! Nothing here judges: core decides from the facts whether a certificate is the requested one and
//! valid now. Nothing here reads a clock, a file or the network, panics on any
//! input, shows a key in an error or in `Debug`, or looks at more than [`MAX_TEXT`] bytes.
//!
//! # Example
//!
//! A node makes a request, a signer (rcgen) answers it, and the node reads what it got:
//!
//! ```
//! use certrotate_core::config::{ConfigSpec, Template};
//! use certrotate_core::facts::Chain;
//! use certrotate_core::judge::judge_identity;
//! use certrotate_x509::{CertChain, ClientCa, PendingRequest, csr, request_name};
//! use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
//! use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData};
//!
//! // The node: a key, and a request signed by it.
//! let template = Template::kubelet_client("node-1");
//! let pending = PendingRequest::make(&template)?;
//! assert!(request_name(&pending.request()).starts_with("node-csr-"));
//!
//! // The signer: it sees the request, never the key.
//! struct Public(Vec<u8>);
//! impl PublicKeyData for Public {
//!     fn der_bytes(&self) -> &[u8] {
//!         &self.0[self.0.len() - 65..] // the point at the end of a P-256 SubjectPublicKeyInfo
//!     }
//!     fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
//!         &PKCS_ECDSA_P256_SHA256
//!     }
//! }
//! let mut root = CertificateParams::default();
//! root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
//! let root = CertifiedIssuer::self_signed(root, KeyPair::generate()?)?;
//! let asked = csr::read(pending.csr_pem().as_bytes())?;
//! let mut leaf = CertificateParams::default();
//! leaf.distinguished_name = rcgen::DistinguishedName::new();
//! leaf.distinguished_name.push(DnType::OrganizationName, asked.subject.organizations[0].clone());
//! leaf.distinguished_name.push(DnType::CommonName, asked.subject.common_name.clone());
//! leaf.key_usages.push(KeyUsagePurpose::DigitalSignature);
//! leaf.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
//! let answer = leaf.signed_by(&Public(asked.spki_der), &root)?.pem();
//!
//! // The node again: read the answer, and let core judge it.
//! let client_ca = ClientCa::read(root.pem().as_bytes())?;
//! let (chain, facts) = CertChain::read(answer.as_bytes(), Some(&client_ca))?;
//! assert_eq!(facts.chain, Chain::Trusted);
//! assert_eq!(chain.ders().len(), 1);
//! assert!(judge_identity(&ConfigSpec::new(template), &pending.key_digest(), &facts).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod bundle;
mod ca;
mod chain;
pub mod csr;
mod der;
mod digest;
mod error;
mod facts;
#[doc(hidden)]
pub mod fuzz;
mod header;
mod key;
pub mod pair;
mod path;
mod pem;
pub mod pending;
mod request;

pub use bundle::Bundle;
pub use ca::{ClientCa, plain_certificates};
pub use chain::{CertChain, LeafSummary};
pub use csr::CsrFacts;
pub use error::{Corrupt, KeyError, KeyTypeError, ReadError, RequestError};
pub use key::{KeyType, SecretKey};
pub use pair::Pair;
pub use pending::PendingHeader;
pub use request::{PendingRequest, request_digest, request_name};

/// The most bytes of PEM that are looked at in our own files: 64 KiB.
pub const MAX_INPUT: usize = 64 * 1024;

/// The most bytes of PEM from elsewhere, with the text around the blocks: 1 MiB.
pub const MAX_TEXT: usize = 1024 * 1024;

/// The most bytes of a bundle or a pending file: room for a chain of [`MAX_INPUT`], the first line and a key.
pub const MAX_FILE: usize = MAX_INPUT + 4 * 1024;

/// The most certificates in a chain.
pub const MAX_CERTIFICATES: usize = 16;

/// The most certificates in a client CA file.
pub const MAX_CLIENT_CAS: usize = 256;
