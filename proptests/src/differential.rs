//! Judges certificates twice: once in symbols and once in DER.
//!
//! A [`Case`] describes an answer of a signer by its attributes: key, name, issuer, validity period.
//! It goes two ways that share only the description:
//!
//! * [`Expected::of`] judges the symbols. It is written from the sentences of RFC 5280 and of this
//!   project's book, and calls neither `certrotate-core` nor `certrotate-x509`.
//! * [`Renderer::render`] makes real certificates with rcgen. They are read into facts and judged as an agent
//!   does it ([`shipped`]).
//!
//! [`disagreements`] returns the cases in which the two differ. The reader and the judge are parameters, so that a
//! build of `certrotate-x509` with a seeded bug can replace the shipped one, to show that the test finds the bug.
//!
//! The keys are constants and Ed25519 signatures have no randomness in them: the same case is the same DER in every run.
//!
//! # Example
//!
//! ```
//! use certrotate_proptests::differential::{Case, Verdict, disagreements, shipped};
//!
//! let good = Case::of_bytes(&[]);
//! assert!(disagreements(shipped, [good], 1).is_empty());
//! // A judge that accepts nothing disagrees.
//! assert_eq!(disagreements(|_| Verdict::Unreadable, [good], 1).len(), 1);
//! ```

mod case;
mod oracle;
mod render;

use std::cell::RefCell;
use std::fmt;

use certrotate_core::config::{ConfigSpec, Template};
use certrotate_core::facts::CertFacts;
use certrotate_core::id::KeyDigest;
use certrotate_core::judge::{Refusal, judge_identity, judge_issued};
use certrotate_core::time::{Span, WallTime};
use certrotate_x509::{CertChain, ClientCa};

pub use case::{
    Basic, Case, Cert, Dates, Holder, Key, KeyUse, Name, Packing, Path, Purpose, Sans, Trust, Window,
};
pub use oracle::Expected;
pub use render::{Rendered, Renderer};

/// The present of every case, in seconds since the Unix epoch: 2026-11-24T12:00:00Z.
pub const NOW: i64 = 1_795_521_600;

/// The time of the request: no certificate of a case was issued before it, in seconds before [`NOW`]; see
/// `certrotate_core::judge::judge_issued`.
pub const REQUESTED: i64 = -600;

/// The node that every case is about.
pub const NODE: &str = "node-1";

/// Why a certificate is not acceptable. The classes are those of `certrotate_core::judge::Refusal`, without the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It is for another key.
    Key,
    /// It is for another node.
    Subject,
    /// It has names that are not in the request.
    Sans,
    /// It is a CA.
    Ca,
    /// A usage is missing.
    UsageMissing,
    /// It has a usage that is not in the request.
    UsageForbidden,
    /// No path leads to the client CA.
    Chain,
    /// It is not yet valid.
    NotYetValid,
    /// It is expired.
    Expired,
    /// Too little of its lifetime is left.
    TooShort,
}

/// The verdict of a judge on a rendered case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It is acceptable, and usable in this window.
    Accepted(Window),
    /// It is refused for this reason; there may be more.
    Refused(Fault),
    /// It is unreadable. No case is.
    Unreadable,
}

/// A case with different verdicts of judge and oracle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The case.
    pub case: Case,
    /// The verdicts that the oracle admits.
    pub expected: Expected,
    /// The verdict of the judge.
    pub found: Verdict,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: expected {:?}, found {:?}", self.case, self.expected, self.found)
    }
}

/// Returns the cases in which `judge` differs from the oracle, at most `limit`.
pub fn disagreements(
    judge: impl Fn(&Rendered) -> Verdict,
    cases: impl IntoIterator<Item = Case>,
    limit: usize,
) -> Vec<Disagreement> {
    let mut renderer = Renderer::default();
    let found = cases.into_iter().filter_map(|case| disagreement(&mut renderer, &judge, case));
    found.take(limit).collect()
}

fn disagreement(
    renderer: &mut Renderer,
    judge: impl Fn(&Rendered) -> Verdict,
    case: Case,
) -> Option<Disagreement> {
    let expected = Expected::of(&case);
    let found = judge(&renderer.render(&case));
    (!expected.admits(found)).then_some(Disagreement { case, expected, found })
}

/// Reads with the shipped `certrotate-x509` and judges with the shipped `certrotate-core`.
#[must_use]
pub fn shipped(rendered: &Rendered) -> Verdict {
    let ca = rendered.client_ca.as_deref().map(|pem| ClientCa::read(pem.as_bytes()));
    let Ok(ca) = ca.transpose() else { return Verdict::Unreadable };
    let read = CertChain::read(rendered.answer.as_bytes(), ca.as_ref());
    judged(rendered, read.ok().map(|(_, facts)| facts).as_ref())
}

/// Judges the facts of an answer with core; `None` stands for an unreadable answer.
#[must_use]
pub fn judged(rendered: &Rendered, facts: Option<&CertFacts>) -> Verdict {
    let Some(facts) = facts else { return Verdict::Unreadable };
    let mut config = ConfigSpec::new(Template::kubelet_client(NODE));
    config.chain_required = rendered.client_ca.is_some();
    let key = KeyDigest(rendered.key);
    let at = |secs: i64| WallTime::from_unix_secs(NOW.saturating_add(secs));
    let whole = judge_issued(&config, &key, facts, at(0), at(REQUESTED), Span::ZERO);
    // Core judges the identity of a certificate without the time when it finds one on disk.
    if let Err(refusal) = judge_identity(&config, &key, facts) {
        assert_eq!(whole, Err(refusal), "the judgement of a fresh certificate begins with what it is");
    }
    match whole {
        Ok(()) => Verdict::Accepted(Window {
            from: facts.not_before.unix_secs().saturating_sub(NOW),
            until: facts.not_after.unix_secs().saturating_sub(NOW),
        }),
        Err(refusal) => class(&refusal),
    }
}

fn class(refusal: &Refusal) -> Verdict {
    Verdict::Refused(match refusal {
        Refusal::Unreadable => return Verdict::Unreadable,
        Refusal::Key { .. } => Fault::Key,
        Refusal::Subject { .. } => Fault::Subject,
        Refusal::Sans { .. } => Fault::Sans,
        Refusal::UsageMissing { .. } => Fault::UsageMissing,
        Refusal::UsageForbidden { .. } => Fault::UsageForbidden,
        Refusal::Ca => Fault::Ca,
        Refusal::Chain { .. } => Fault::Chain,
        Refusal::NotYetValid { .. } => Fault::NotYetValid,
        Refusal::Expired { .. } => Fault::Expired,
        Refusal::TooShort { .. } => Fault::TooShort,
        _ => panic!("the oracle has no word for: {refusal}"),
    })
}

/// Checks one case, chosen by the bytes: a fuzz target.
///
/// # Panics
///
/// The shipped crates differ from the oracle.
pub fn check(bytes: &[u8]) {
    thread_local! {
        // A signature costs more than all the rest: the renderer keeps every certificate.
        static RENDERER: RefCell<Renderer> = RefCell::default();
    }
    let case = Case::of_bytes(bytes);
    let found = RENDERER.with_borrow_mut(|renderer| disagreement(renderer, shipped, case));
    if let Some(found) = found {
        panic!("{found}");
    }
}
