//! Symbolic certificates: the content of a real one in a few bytes, and its defect.

use certrotate_core::config::Template;
use certrotate_core::facts::{CertFacts, Chain, San, Subject, Usages};
use certrotate_core::id::{KeyDigest, LeafDigest};
use certrotate_core::time::WallTime;

/// A defect of a certificate, apart from its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// For another key.
    Key,
    /// For a node whose name begins with ours.
    Subject,
    /// For our name in other letters.
    SubjectCase,
    /// In one more group.
    Organization,
    /// With an alternative name that is not in the request.
    Sans,
    /// Without client auth.
    Usage,
    /// With server auth in addition.
    ExtraUsage,
    /// A CA.
    Ca,
    /// Issued by another CA.
    Chain,
}

/// A certificate; its number is its place in the world's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cert {
    /// The number of the requested key.
    pub key: u32,
    /// The number of the requested template in the world's list.
    pub template: u8,
    /// The defect, if it has one.
    pub flaw: Option<Flaw>,
    /// The notBefore.
    pub not_before: WallTime,
    /// The notAfter.
    pub not_after: WallTime,
}

impl Cert {
    /// Returns the facts, as `certrotate-x509` would have read them.
    #[must_use]
    pub fn facts(&self, number: u64, template: &Template) -> CertFacts {
        let Template { subject, sans, usages, .. } = template.clone();
        let mut facts = CertFacts {
            leaf: leaf(number),
            key: key_digest(self.key.into()),
            subject,
            sans,
            usages,
            ca: false,
            not_before: self.not_before,
            not_after: self.not_after,
            chain: Chain::Trusted,
        };
        match self.flaw {
            None => {}
            Some(Flaw::Key) => facts.key = KeyDigest([0xee; 32]),
            Some(Flaw::Subject) => facts.subject.common_name.push('0'),
            Some(Flaw::SubjectCase) => {
                let common_name = facts.subject.common_name.to_uppercase();
                facts.subject = Subject { common_name, ..facts.subject };
            }
            Some(Flaw::Organization) => facts.subject.organizations.push("system:masters".into()),
            Some(Flaw::Sans) => facts.sans.push(San::Dns("elsewhere.example".into())),
            Some(Flaw::Usage) => facts.usages = facts.usages.without(Usages::CLIENT_AUTH),
            Some(Flaw::ExtraUsage) => facts.usages = facts.usages.with(Usages::SERVER_AUTH),
            Some(Flaw::Ca) => facts.ca = true,
            Some(Flaw::Chain) => facts.chain = Chain::Untrusted,
        }
        facts
    }
}

/// Returns the leaf digest of the n-th certificate. The digests spread evenly over all values.
#[must_use]
pub fn leaf(number: u64) -> LeafDigest {
    let mut digest = [0; 32];
    for (chunk, salt) in digest.chunks_mut(8).zip(1u64..) {
        let mut mixed = number.wrapping_add(salt << 56).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(mixed ^ mixed >> 31).to_be_bytes());
    }
    LeafDigest(digest)
}

/// Returns the digest of the n-th key.
#[must_use]
pub fn key_digest(number: u64) -> KeyDigest {
    KeyDigest(leaf(number).0)
}
