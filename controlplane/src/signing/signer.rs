//! The signer's decisions: whether, for how long, and why not (`pkg/controller/certificates/signer/signer.go`,
//! `authority/authority.go`): pure decisions.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::base::csr::{Csr, conditions, has_condition, issued};
use crate::base::time::seconds_down;
use crate::signing::criteria::Rules;
use crate::signing::pki::pkcs10::Request;
use crate::signing::pki::usages::Usages;
use crate::signing::pki::{pkcs10, usages};

#[cfg(test)]
mod tests;

/// The shortest granted lifetime.
const SHORTEST: Duration = Duration::from_secs(10 * 60);
/// From this duration on the backdate is taken from the end as well.
pub(crate) const LONG: Duration = Duration::from_secs(8 * 60 * 60);

/// The signer's decision on one request.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// Nothing, until the object changes.
    Leave,
    /// Mark it Failed, for this reason: no later time and no other authority would make it good.
    Fail(String),
    /// Sign it.
    Sign(Box<Order>),
}

/// A request to sign, with its granted lifetime.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Order {
    pub(crate) request: Request,
    pub(crate) usages: Usages,
    pub(crate) granted: Duration,
}

/// How long certificates may live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// Default and maximum (`--cluster-signing-duration`).
    pub(crate) longest: Duration,
    pub(crate) backdate: Duration,
    /// Certificates granted less than this keep all of it after their issue; others start and end earlier by the backdate.
    pub(crate) long: Duration,
}

/// Decides on `csr`, whose signer has these rules.
pub(crate) fn decide(csr: &Csr, rules: Rules, policy: Policy) -> Decision {
    if !is_approved(csr) || is_failed(csr) || issued(csr) {
        return Decision::Leave;
    }
    order(csr, rules, policy).map_or_else(Decision::Fail, |order| Decision::Sign(Box::new(order)))
}

/// Approved and not denied, whatever the conditions' status says.
pub(crate) fn is_approved(csr: &Csr) -> bool {
    has_condition(csr, "Approved") && !has_condition(csr, "Denied")
}

fn is_failed(csr: &Csr) -> bool {
    conditions(csr).iter().any(|c| c.type_ == "Failed" && matches!(&*c.status, "True" | ""))
}

fn order(csr: &Csr, rules: Rules, policy: Policy) -> Result<Order, String> {
    let spec = &csr.spec;
    let request =
        pkcs10::read(&spec.request.0).map_err(|why| format!("unable to parse the request: {why}"))?;
    let names = spec.usages.as_deref().unwrap_or_default();
    rules.check(&spec.signer_name, &request, names)?;
    let usages = usages::parse(names.iter().map(String::as_str))
        .map_err(|name| format!("unrecognized usage {name:?}"))?;
    let granted = duration(policy.longest, spec.expiration_seconds);
    Ok(Order { request, usages, granted })
}

/// The duration that is granted; the maximum wins over the minimum.
pub(crate) fn duration(longest: Duration, requested_seconds: Option<i32>) -> Duration {
    let Some(seconds) = requested_seconds else {
        return longest;
    };
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).max(SHORTEST).min(longest)
}

/// Why the authority can sign nothing now. Another time or another authority may.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Unable {
    /// Its certificate expires before a new one could, at these seconds since the epoch.
    Ended { ca_end: i64 },
    /// Its certificate starts later, at these seconds since the epoch.
    NotYet { ca_start: i64 },
    /// It cannot be used at all.
    Broken(String),
}

impl Unable {
    /// The `reason` of the condition that says so.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Ended { .. } => "SignerExpired",
            Self::NotYet { .. } => "SignerNotYetValid",
            Self::Broken(_) => "SignerUnavailable",
        }
    }
}

impl fmt::Display for Unable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |at: &i64| {
            time::OffsetDateTime::from_unix_timestamp(*at)
                .ok()
                .and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok())
                .unwrap_or_else(|| at.to_string())
        };
        match self {
            Self::Ended { ca_end } => {
                write!(f, "the signer's CA certificate expires at {}: replace it", time(ca_end))
            }
            Self::NotYet { ca_start } => {
                write!(
                    f,
                    "the signer's CA certificate is not valid before {}: check its clock",
                    time(ca_start)
                )
            }
            Self::Broken(why) => write!(f, "the signer cannot sign: {why}"),
        }
    }
}

/// First and last second of validity, or why there is none, with the authority's own.
///
/// Fractions of a second are left out at both ends, as X.509 times in Go are (`authority/policies.go`).
pub(crate) fn validity(
    now: SystemTime,
    granted: Duration,
    policy: Policy,
    (ca_start, ca_end): (i64, i64),
) -> Result<(i64, i64), Unable> {
    let start = now.checked_sub(policy.backdate).unwrap_or(SystemTime::UNIX_EPOCH);
    let end = if granted < policy.long { now + granted } else { start + granted };
    let (not_before, not_after) = (seconds_down(start), seconds_down(end));
    if not_before >= ca_end || seconds_down(now) >= ca_end {
        return Err(Unable::Ended { ca_end });
    }
    if seconds_down(now) < ca_start {
        return Err(Unable::NotYet { ca_start });
    }
    Ok((not_before, not_after.min(ca_end)))
}
