//! Bugs of the judgement: facts read wrongly.

use alloc::string::String;

use super::Bug;
use crate::config::ConfigSpec;
use crate::facts::CertFacts;
use crate::id::KeyDigest;
use crate::judge::{Refusal, judge_identity};
use crate::time::{Span, WallTime};

/// Returns the facts that an identity is judged by, from the disk or from an answer.
pub(crate) fn taken(config: &ConfigSpec, facts: &CertFacts) -> CertFacts {
    let mut facts = facts.clone();
    let wanted = &config.template;
    match config.bug {
        Some(Bug::B22) if facts.usages != facts.usages.without(wanted.usages) => {
            facts.usages = facts.usages.with(wanted.usages);
        }
        Some(Bug::B23) => facts.ca = false,
        Some(Bug::B26) => {
            let lower = |name: &String| name.to_ascii_lowercase();
            if lower(&facts.subject.common_name).starts_with(&lower(&wanted.subject.common_name)) {
                facts.subject.common_name.clone_from(&wanted.subject.common_name);
            }
        }
        _ => {}
    }
    facts
}

/// What a certificate that was just issued is judged by.
pub(crate) fn answered(config: &ConfigSpec, key: &KeyDigest, facts: &CertFacts) -> CertFacts {
    let mut facts = started(config, facts.clone());
    match config.bug {
        Some(Bug::B03) => facts.not_after = facts.not_after.plus(SKEW),
        Some(Bug::F39) => facts.key = *key,
        _ => {}
    }
    facts
}

/// Judges a bundle on disk wrongly: [`Bug::T03`], [`Bug::T06`].
pub(crate) fn found(
    config: &ConfigSpec,
    key: &KeyDigest,
    facts: &CertFacts,
) -> Option<Result<bool, Refusal>> {
    let wanted = &config.template;
    match config.bug? {
        // client-go compares this way: it ignores further names.
        Bug::T03 if wanted.sans.iter().all(|san| facts.sans.contains(san)) => {
            let (sans, usages) = (wanted.sans.clone(), wanted.usages);
            let facts = CertFacts { sans, usages, ..facts.clone() };
            Some(judge_identity(config, key, &facts).map(|()| false))
        }
        Bug::T06 => Some(judge_identity(config, key, facts).map(|()| false)),
        _ => None,
    }
}

/// Returns the facts that the machine keeps of a new certificate.
pub(crate) fn started(config: &ConfigSpec, facts: CertFacts) -> CertFacts {
    if config.has_bug(Bug::B02) { CertFacts { not_before: WallTime::MIN, ..facts } } else { facts }
}

/// How much later than it says a certificate ends for [`Bug::B03`].
pub(crate) const SKEW: Span = Span::from_mins(5);
