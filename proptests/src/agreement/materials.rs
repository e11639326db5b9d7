//! Real keys and certificates, made once, and their numbers.

use std::sync::OnceLock;

use certrotate_core::config::Template;
use certrotate_core::disk::{BundleHeader, Content, CurrentLink, DiskDone, Found, Inventory, Name};
use certrotate_core::id::{CertHandle, Generation, KeyDigest, KeyHandle, LeafDigest};
use certrotate_core::time::{Span, WallTime};
use certrotate_x509::{CertChain, PendingRequest, bundle, pending};

/// How many keys there are; the first has the number 1.
pub const KEYS: u64 = 3;

/// How many certificates there are; the first has the number 1. They are for the keys in turn.
pub const CERTS: u64 = 4;

/// The template of every request.
pub(super) fn template() -> Template {
    // The shortest lifetime is a rule of the configuration, and no part of the request: no file has it.
    Template { shortest_duration: Span::ZERO, ..Template::kubelet_client("worker-1") }
}

/// Keys with their requests, and certificates.
#[derive(Debug)]
pub struct Materials {
    requests: Vec<PendingRequest>,
    chains: Vec<(CertChain, LeafDigest)>,
}

/// The answer of the disk, in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing; the command was done.
    Done,
    /// The current link, the others, and whether there are more.
    Scanned(CurrentLink, Vec<(Name, Kind)>, bool),
}

/// The kind of a file, in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bundle { generation: Generation, issued: WallTime, key: KeyHandle, cert: CertHandle, private: bool },
    Pending { generation: Generation, made: WallTime, key: KeyHandle, template: Template, private: bool },
    Other(Found),
}

impl Seen {
    /// Converts an inventory: numbers replace the digests.
    pub(super) fn of(
        inventory: &Inventory,
        key_of: impl Fn(&KeyDigest) -> KeyHandle,
        cert_of: impl Fn(&LeafDigest) -> CertHandle,
    ) -> Self {
        let entries = inventory.entries.iter().map(|entry| {
            let kind = match &entry.found {
                Found::Bundle(found) => Kind::Bundle {
                    generation: found.header.generation,
                    issued: found.header.issued,
                    key: key_of(&found.key_digest),
                    cert: cert_of(&found.facts.leaf),
                    private: found.private,
                },
                Found::Pending(found) => Kind::Pending {
                    generation: found.generation,
                    made: found.made,
                    key: key_of(&found.key_digest),
                    template: found.template.clone(),
                    private: found.private,
                },
                other @ (Found::Unread | Found::Corrupt | Found::Unreadable(_)) => Kind::Other(other.clone()),
            };
            (entry.name, kind)
        });
        Self::Scanned(inventory.current, entries.collect(), inventory.more)
    }
}

impl Materials {
    /// Returns the materials of this process.
    ///
    /// # Panics
    ///
    /// A key cannot be made.
    pub fn get() -> &'static Self {
        static MADE: OnceLock<Materials> = OnceLock::new();
        MADE.get_or_init(|| {
            let request = |_| PendingRequest::make(&template()).expect("the template is complete");
            let requests: Vec<_> = (0..KEYS).map(request).collect();
            let chain = |number: u64| {
                let key = requests[(number % KEYS) as usize].key();
                let pair = rcgen::KeyPair::try_from(key.pkcs8_der()).expect("it is a key");
                let mut params = rcgen::CertificateParams::default();
                params.serial_number = Some(number.into());
                let pem = params.self_signed(&pair).expect("it can sign").pem();
                let (chain, facts) = CertChain::read(pem.as_bytes(), None).expect("it was just written");
                (chain, facts.leaf)
            };
            let chains = (0..CERTS).map(chain).collect();
            Self { requests, chains }
        })
    }

    /// Returns the bytes of a file with this content; `None` for unknown numbers.
    #[must_use]
    pub fn bytes(&self, content: &Content) -> Option<Vec<u8>> {
        let index = |number: u64| usize::try_from(number).ok()?.checked_sub(1);
        let request = |key: KeyHandle| self.requests.get(index(key.0)?);
        let bytes = match *content {
            Content::Pending { generation, key, made } => pending::encode(request(key)?, generation, made),
            Content::Bundle { generation, key, cert, issued } => {
                let (chain, _) = self.chains.get(index(cert.0)?)?;
                bundle::encode(chain, request(key)?.key(), BundleHeader { generation, issued })
            }
        };
        Some(bytes.to_vec())
    }

    /// Returns the number of a key; 0 for an unknown one.
    #[must_use]
    pub fn key(&self, digest: &KeyDigest) -> KeyHandle {
        let index = self.requests.iter().position(|request| request.key_digest() == *digest);
        KeyHandle(index.map_or(0, |index| index as u64 + 1))
    }

    /// Returns the number of a certificate; 0 for an unknown one.
    #[must_use]
    pub fn cert(&self, digest: &LeafDigest) -> CertHandle {
        let index = self.chains.iter().position(|(_, leaf)| leaf == digest);
        CertHandle(index.map_or(0, |index| index as u64 + 1))
    }

    pub(super) fn seen(&self, done: &DiskDone) -> Seen {
        match done {
            DiskDone::Done => Seen::Done,
            DiskDone::Scanned(inventory) => {
                Seen::of(inventory, |digest| self.key(digest), |digest| self.cert(digest))
            }
        }
    }
}
