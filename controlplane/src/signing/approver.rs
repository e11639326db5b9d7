//! When the approver approves (`pkg/controller/certificates/approver/sarapprove.go`): pure decisions.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use crate::base::csr::{Csr, has_condition, issued};
use crate::base::duration::parse_duration;
use crate::base::error::Error;
use crate::signing::criteria;
use crate::signing::criteria::Rules;
use crate::signing::pki::pkcs10;

#[cfg(test)]
mod tests;

/// Who approves the requests that meet the node client criteria (`pkg/controller/certificates/approver`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Approval {
    /// The approver, at once.
    Auto,
    /// A person: `kubectl certificate approve NAME`.
    Manual,
    /// The approver, this long after it first saw the request.
    After(Duration),
}

impl FromStr for Approval {
    type Err = Error;

    /// Reads `auto`, `manual` or `after=DUR`, `DUR` as [`parse_duration`] takes it.
    fn from_str(text: &str) -> Result<Self, Error> {
        match (text, text.strip_prefix("after=")) {
            ("auto", _) => Ok(Self::Auto),
            ("manual", _) => Ok(Self::Manual),
            (_, Some(duration)) => Ok(Self::After(parse_duration(duration)?)),
            _ => Err(Error::Option {
                name: "--approve",
                why: format!("{text:?} is none of auto, manual, after=DUR"),
            }),
        }
    }
}

/// The approver's decision on one request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// Nothing, until the object changes.
    Leave,
    /// Look again after this long.
    Wait(Duration),
    /// Approve by the first recognizer whose permission the requestor holds; by none: decide again later.
    Ask(Recognized),
    /// Deny: only as an injected fault; the approver of Kubernetes never denies.
    Deny,
}

/// The settings and injected faults that the approver obeys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orders {
    pub(crate) approval: Approval,
    pub(crate) paused: bool,
    pub(crate) deny_all: bool,
}

/// A request that the approver knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Recognized {
    pub(crate) common_name: String,
    /// The recognizers that take it, in the order of their checks.
    pub(crate) by: &'static [Recognizer],
}

/// A rule of the approver, as kube-controller-manager has them (`csrRecognizer`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Recognizer {
    /// A node renews its own certificate.
    SelfNodeClient,
    /// A bootstrapper requests the certificate of any node.
    NodeClient,
}

impl Recognizer {
    /// The subresource that the requestor must be allowed to create.
    #[must_use]
    pub fn subresource(self) -> &'static str {
        match self {
            Self::SelfNodeClient => "selfnodeclient",
            Self::NodeClient => "nodeclient",
        }
    }

    /// The message of the condition.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::SelfNodeClient => {
                "Auto approving self kubelet client certificate after SubjectAccessReview."
            }
            Self::NodeClient => "Auto approving kubelet client certificate after SubjectAccessReview.",
        }
    }
}

/// Decides on `csr`, whose signer has these rules, first seen `waited` ago.
pub(crate) fn decide(csr: &Csr, rules: Rules, orders: Orders, waited: Duration) -> Decision {
    if orders.paused || issued(csr) || has_condition(csr, "Approved") || has_condition(csr, "Denied") {
        return Decision::Leave;
    }
    if orders.deny_all {
        return Decision::Deny;
    }
    let Some(recognized) = recognize(csr, rules) else {
        return Decision::Leave;
    };
    match orders.approval {
        Approval::Manual => Decision::Leave,
        Approval::After(delay) if waited < delay => Decision::Wait(delay - waited),
        Approval::Auto | Approval::After(_) => Decision::Ask(recognized),
    }
}

/// Who recognizes the request: only node client certificates are ever approved by rule.
pub(crate) fn recognize(csr: &Csr, rules: Rules) -> Option<Recognized> {
    let spec = &csr.spec;
    if rules != Rules::KubeletClient {
        return None;
    }
    let request = pkcs10::read(&spec.request.0).ok()?;
    criteria::node_client(&request, spec.usages.as_deref().unwrap_or_default()).ok()?;
    let by: &[_] = if spec.username.as_deref() == Some(&request.common_name) {
        &[Recognizer::SelfNodeClient, Recognizer::NodeClient]
    } else {
        &[Recognizer::NodeClient]
    };
    Some(Recognized { common_name: request.common_name, by })
}

/// Stricter than Kubernetes: whether a bootstrapper is refused this name, because a certificate for it is valid
/// up to `held`. A node that renews its own is not a bootstrapper.
pub(crate) fn name_is_taken(by: Recognizer, held: Option<SystemTime>, now: SystemTime) -> bool {
    by == Recognizer::NodeClient && held.is_some_and(|end| now < end)
}
