//! The judgement of a certificate: is it equal to the template, and valid now?

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::config::{ConfigSpec, Template};
use crate::facts::{CertFacts, Chain, San, Subject, Usages};
use crate::id::KeyDigest;
use crate::time::{Span, WallTime};

mod text;

/// Why a certificate is refused: the expected and the found value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Refusal {
    /// It cannot be read as a certificate chain.
    Unreadable,
    /// It is for another key.
    Key {
        /// Our key.
        expected: KeyDigest,
        /// Its key.
        found: KeyDigest,
    },
    /// It is for another subject.
    Subject {
        /// The template's subject.
        expected: Box<Subject>,
        /// Its subject.
        found: Box<Subject>,
    },
    /// Its subject alternative names are not the template's.
    Sans {
        /// The template's names.
        expected: Vec<San>,
        /// Its names.
        found: Vec<San>,
    },
    /// A usage is missing.
    UsageMissing {
        /// The template's usages.
        expected: Usages,
        /// Its usages.
        found: Usages,
    },
    /// It has a usage that was not requested.
    UsageForbidden {
        /// The template's usages.
        expected: Usages,
        /// Its usages.
        found: Usages,
    },
    /// It is a CA.
    Ca,
    /// No path leads from it to the client CA.
    Chain {
        /// The result of the path check.
        found: Chain,
    },
    /// It is not yet valid.
    NotYetValid {
        /// The local clock.
        now: WallTime,
        /// Its notBefore.
        not_before: WallTime,
    },
    /// It has expired.
    Expired {
        /// The local clock.
        now: WallTime,
        /// Its notAfter.
        not_after: WallTime,
    },
    /// It has too little lifetime left to be worth the switch.
    TooShort {
        /// The remaining lifetime.
        left: Span,
        /// The least remaining lifetime, by [`crate::timing::Timing::least_left`].
        least: Span,
        /// Its whole lifetime.
        lifetime: Span,
    },
}

/// Judges a certificate apart from the time: key, subject, SANs, usages, CA, chain.
///
/// # Errors
///
/// The first defect.
pub fn judge_identity(config: &ConfigSpec, key: &KeyDigest, facts: &CertFacts) -> Result<(), Refusal> {
    let wanted = &config.template;
    if facts.key != *key {
        return Err(Refusal::Key { expected: *key, found: facts.key });
    }
    if !same_subject(&wanted.subject, &facts.subject) {
        let (expected, found) = (Box::new(wanted.subject.clone()), Box::new(facts.subject.clone()));
        return Err(Refusal::Subject { expected, found });
    }
    if !same_set(&wanted.sans, &facts.sans) {
        return Err(Refusal::Sans { expected: wanted.sans.clone(), found: facts.sans.clone() });
    }
    if facts.ca {
        return Err(Refusal::Ca);
    }
    if !facts.usages.has(wanted.usages) {
        return Err(Refusal::UsageMissing { expected: wanted.usages, found: facts.usages });
    }
    // A signer may add key encipherment for keys that cannot do it: no verifier minds.
    if !facts.usages.without(wanted.usages).without(Usages::KEY_ENCIPHERMENT).is_empty() {
        return Err(Refusal::UsageForbidden { expected: wanted.usages, found: facts.usages });
    }
    match facts.chain {
        Chain::Trusted => Ok(()),
        Chain::Unchecked if !config.chain_required => Ok(()),
        Chain::Unchecked | Chain::Untrusted | Chain::Rejected(_) => {
            Err(Refusal::Chain { found: facts.chain })
        }
    }
}

/// Judges a certificate on disk apart from the time. One whose only defect is another set of alternative names or usages may
/// stay live until its replacement: then the result is `true`, it is for an old template.
///
/// # Errors
///
/// The first defect except names and usages.
pub fn judge_found(config: &ConfigSpec, key: &KeyDigest, facts: &CertFacts) -> Result<bool, Refusal> {
    match judge_identity(config, key, facts) {
        Ok(()) => Ok(false),
        Err(Refusal::Sans { .. } | Refusal::UsageMissing { .. } | Refusal::UsageForbidden { .. }) => {
            let (sans, usages) = (config.template.sans.clone(), config.template.usages);
            judge_identity(config, key, &CertFacts { sans, usages, ..facts.clone() }).map(|()| true)
        }
        Err(
            refusal @ (Refusal::Unreadable
            | Refusal::Key { .. }
            | Refusal::Subject { .. }
            | Refusal::Ca
            | Refusal::Chain { .. }
            | Refusal::NotYetValid { .. }
            | Refusal::Expired { .. }
            | Refusal::TooShort { .. }),
        ) => Err(refusal),
    }
}

/// Judges whether a certificate is valid at `now`: `not_before <= now < not_after`.
///
/// # Errors
///
/// [`Refusal::NotYetValid`] or [`Refusal::Expired`].
pub fn judge_time(now: WallTime, not_before: WallTime, not_after: WallTime) -> Result<(), Refusal> {
    if now >= not_after {
        return Err(Refusal::Expired { now, not_after });
    }
    if now < not_before {
        return Err(Refusal::NotYetValid { now, not_before });
    }
    Ok(())
}

/// Judges a certificate that was just issued: its identity, its validity now, and its remaining lifetime.
///
/// The lifetime counts from notBefore or, where the signer backdated it, from `issued_after`: a time at which it did not
/// exist yet. A notBefore in the future, by `hold` at most, is acceptable: the certificate is held until then.
///
/// # Errors
///
/// The first defect.
pub fn judge_issued(
    config: &ConfigSpec,
    key: &KeyDigest,
    facts: &CertFacts,
    now: WallTime,
    issued_after: WallTime,
    hold: Span,
) -> Result<(), Refusal> {
    judge_identity(config, key, facts)?;
    let now = if facts.not_before.since(now) <= hold { now.max(facts.not_before) } else { now };
    judge_time(now, facts.not_before, facts.not_after)?;
    let left = facts.not_after.since(now);
    let lifetime = facts.not_after.since(facts.not_before.max(issued_after.min(now)));
    let least = config.timing.least_left(lifetime);
    if left < least {
        return Err(Refusal::TooShort { left, least, lifetime });
    }
    Ok(())
}

/// Whether two templates request the same certificate, in any order.
pub(crate) fn same_request(one: &Template, other: &Template) -> bool {
    same_subject(&one.subject, &other.subject)
        && same_scope(one, other)
        && one.signer == other.signer
        && one.duration == other.duration
}

/// Whether two templates have the same names and usages.
pub(crate) fn same_scope(one: &Template, other: &Template) -> bool {
    same_set(&one.sans, &other.sans) && one.usages == other.usages
}

pub(crate) fn same_subject(wanted: &Subject, found: &Subject) -> bool {
    wanted.common_name == found.common_name
        && same_set(&wanted.others, &found.others)
        && same_set(&wanted.organizations, &found.organizations)
}

/// Equal as sets, in any order and with repetitions.
fn same_set<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.iter().all(|item| other.contains(item)) && other.iter().all(|item| one.contains(item))
}

#[cfg(test)]
mod tests;
