//! The certification path (RFC 5280, section 6) from a leaf to the client CA, as Go's `crypto/x509` builds it:
//! kube-apiserver verifies client certificates with that.
//!
//! webpki builds paths too. It finds one path for one point in time, and refuses certificates that Go accepts: those of a
//! CA with a non-critical constraint on directory names, or with the usage `any`. Core needs the whole time in which some
//! path is valid, because it judges the same facts at several times. So the search is here, and webpki's algorithms verify
//! the signatures.

mod names;
mod signature;

use certrotate_core::facts::{Chain, PathFault};
use certrotate_core::time::WallTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::X509Version;

use crate::facts;

/// The most issuers that one search tries. Names that are all alike allow more paths than can be tried.
const MOST_STEPS: usize = 2000;

/// The most signatures that one search verifies.
const MOST_SIGNATURES: usize = 300;

/// Start and end of a validity.
pub(crate) type Window = (WallTime, WallTime);

/// The result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) chain: Chain,
    /// When some path is valid. Without a path: when the leaf and the issuers that came with it are.
    pub(crate) window: Window,
}

/// Searches the paths from the first certificate of `chain`, over the others, to one of `roots`; `None` where no client CA
/// is configured.
pub(crate) fn find<'a>(chain: &'a [X509Certificate<'a>], roots: Option<&'a [X509Certificate<'a>]>) -> Path {
    let Some((leaf, others)) = chain.split_first() else {
        return Path { chain: Chain::Untrusted, window: (WallTime::MIN, WallTime::MAX) };
    };
    let mut search = Search::new(others, roots.unwrap_or_default());
    search.start(leaf);
    let found = match (roots, search.fault) {
        (None, _) => Chain::Unchecked,
        (Some(_), _) if !search.windows.is_empty() => Chain::Trusted,
        (Some(_), Some(fault)) => Chain::Rejected(fault),
        (Some(_), None) => Chain::Untrusted,
    };
    let windows = if found == Chain::Trusted { search.windows } else { without_a_root(leaf, others) };
    Path { chain: found, window: last_stretch(windows).unwrap_or_else(|| facts::window(leaf)) }
}

/// Windows that overlap are one: at each moment of it some path is valid. Returns the stretch that ends last.
fn last_stretch(mut windows: Vec<Window>) -> Option<Window> {
    windows.sort_unstable_by_key(|window| std::cmp::Reverse(window.1));
    let mut windows = windows.into_iter();
    let mut last = windows.next()?;
    for window in windows {
        if window.1 >= last.0 {
            last.0 = last.0.min(window.0);
        }
    }
    Some(last)
}

fn narrower(one: Window, other: Window) -> Window {
    (one.0.max(other.0), one.1.min(other.1))
}

/// The windows of the leaf with each of its issuers, where no root is known. An issuer further up may be a root of the server,
/// and so it counts only if it was valid when the leaf began: the signer needed no other.
fn without_a_root(leaf: &X509Certificate<'_>, others: &[X509Certificate<'_>]) -> Vec<Window> {
    let own = facts::window(leaf);
    let issuers = |child: &X509Certificate<'_>| -> Vec<&X509Certificate<'_>> {
        let named = others.iter().filter(|it| is_named(child, it) && !is_same(it, child));
        named.filter(|it| signature::verify(child, it) == Ok(true)).collect()
    };
    let above = |issuer: &X509Certificate<'_>| {
        let valid = issuers(issuer).into_iter().filter(|it| !is_named(it, it)).map(facts::window);
        let valid: Vec<_> = valid.filter(|it| (it.0..=it.1).contains(&own.0)).collect();
        last_stretch(valid)
    };
    let with = |issuer: &X509Certificate<'_>| {
        let window = narrower(own, facts::window(issuer));
        above(issuer).map_or(window, |above| narrower(window, above))
    };
    issuers(leaf).into_iter().map(with).collect()
}

/// Whether `child` names the subject of `issuer` as its issuer.
fn is_named(child: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    child.issuer().as_raw() == issuer.subject().as_raw()
}

/// Whether both have one subject and one key: a path with both is a loop.
fn is_same(one: &X509Certificate<'_>, other: &X509Certificate<'_>) -> bool {
    one.subject().as_raw() == other.subject().as_raw() && one.public_key().raw == other.public_key().raw
}

struct Search<'a> {
    others: &'a [X509Certificate<'a>],
    roots: &'a [X509Certificate<'a>],
    /// The validity of each path that was found.
    windows: Vec<Window>,
    /// Why a path that ends at a root is rejected; the first in the order of the faults.
    fault: Option<PathFault>,
    steps: usize,
    /// Child and issuer, by their addresses, and whether the key of the issuer signed the child.
    verified: Vec<(*const X509Certificate<'a>, *const X509Certificate<'a>, Result<bool, PathFault>)>,
}

/// A path on its way: the certificates from the leaf up.
struct Stretch<'a> {
    certificates: Vec<&'a X509Certificate<'a>>,
    window: Window,
    /// Its first fault. The search goes on: only at a root is it certain that the fault is the reason.
    fault: Option<PathFault>,
}

impl<'a> Search<'a> {
    const fn new(others: &'a [X509Certificate<'a>], roots: &'a [X509Certificate<'a>]) -> Self {
        Self { others, roots, windows: Vec::new(), fault: None, steps: 0, verified: Vec::new() }
    }

    fn start(&mut self, leaf: &'a X509Certificate<'a>) {
        let window = facts::window(leaf);
        let fault = has_unknown_critical(leaf).then_some(PathFault::CriticalExtension);
        // Go accepts a leaf that is a root itself.
        if fault.is_none() && self.roots.iter().any(|root| root.as_ref() == leaf.as_ref()) {
            self.windows.push(window);
        }
        self.extend(&Stretch { certificates: vec![leaf], window, fault });
    }

    fn extend(&mut self, path: &Stretch<'a>) {
        let Some(child) = path.certificates.last().copied() else { return };
        let (roots, others) = (self.roots, self.others);
        for root in roots.iter().filter(|root| is_named(child, root)) {
            let Some(whole) = self.with(path, root, true) else { continue };
            match whole.fault {
                None => self.windows.push(whole.window),
                Some(fault) => self.fault = Some(self.fault.map_or(fault, |known| known.min(fault))),
            }
        }
        for issuer in others.iter().filter(|issuer| is_named(child, issuer)) {
            if let Some(longer) = self.with(path, issuer, false) {
                self.extend(&longer);
            }
        }
    }

    /// The path with this issuer on top; `None` where another key signed, or after too many steps.
    fn with(
        &mut self,
        path: &Stretch<'a>,
        issuer: &'a X509Certificate<'a>,
        is_root: bool,
    ) -> Option<Stretch<'a>> {
        let child = path.certificates.last().copied()?;
        self.steps += 1;
        if self.steps > MOST_STEPS || path.certificates.iter().any(|it| is_same(it, issuer)) {
            return None;
        }
        let signed = match self.verify(child, issuer)? {
            Ok(true) => None,
            Ok(false) => return None,
            Err(fault) => Some(fault),
        };
        let fault = path.fault.or(signed).or_else(|| fault_of(issuer, &path.certificates, is_root));
        let mut certificates = path.certificates.clone();
        certificates.push(issuer);
        Some(Stretch { certificates, window: narrower(path.window, facts::window(issuer)), fault })
    }

    fn verify(
        &mut self,
        child: &'a X509Certificate<'a>,
        issuer: &'a X509Certificate<'a>,
    ) -> Option<Result<bool, PathFault>> {
        let known = self.verified.iter().find(|it| std::ptr::eq(it.0, child) && std::ptr::eq(it.1, issuer));
        if let Some((.., known)) = known {
            return Some(*known);
        }
        let found = (self.verified.len() < MOST_SIGNATURES).then(|| signature::verify(child, issuer))?;
        self.verified.push((child, issuer, found));
        Some(found)
    }
}

/// Why this certificate may not be the issuer above `below`, the leaf first.
fn fault_of(
    issuer: &X509Certificate<'_>,
    below: &[&X509Certificate<'_>],
    is_root: bool,
) -> Option<PathFault> {
    let intermediates = below.len() - 1;
    let constraints = issuer.basic_constraints().ok().flatten().map(|it| it.value);
    let is_ca = match constraints {
        Some(constraints) => constraints.ca,
        // Certificates of version 1 have no extensions. Go accepts one as a root and nowhere else.
        None => is_root && issuer.version() != X509Version::V3,
    };
    let is_too_long = constraints
        .and_then(|it| it.path_len_constraint)
        .is_some_and(|most| u32::try_from(intermediates).is_ok_and(|number| number > most));
    let faults = [
        (!is_ca || !facts::may_issue(issuer), PathFault::NoCa),
        (has_unknown_critical(issuer), PathFault::CriticalExtension),
        (is_too_long, PathFault::PathLength),
        (below.first().is_some_and(|leaf| !permits_usages(issuer, leaf)), PathFault::IssuerUsage),
        (!names::permits(issuer, below), PathFault::NameConstraints),
    ];
    faults.into_iter().find(|(is_wrong, _)| *is_wrong).map(|(_, fault)| fault)
}

/// Whether the extended key usages of an issuer, where there are some, include what the leaf is for: client authentication, server
/// authentication or both. Core judges that these are the template's. A leaf that names neither is judged as a client's.
fn permits_usages(issuer: &X509Certificate<'_>, leaf: &X509Certificate<'_>) -> bool {
    let Ok(permitted) = issuer.extended_key_usage() else { return false };
    let Some(permitted) = permitted.map(|it| it.value).filter(|it| !it.any) else { return true };
    let wanted = leaf.extended_key_usage().ok().flatten().map(|it| it.value);
    let serves = wanted.is_some_and(|it| it.server_auth);
    let connects = !serves || wanted.is_some_and(|it| it.client_auth);
    (permitted.client_auth || !connects) && (permitted.server_auth || !serves)
}

fn has_unknown_critical(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().any(|extension| extension.critical && !is_handled(extension))
}

/// Whether Go handles the extension where it is critical (`crypto/x509/parser.go`, `processExtensions`).
fn is_handled(extension: &X509Extension<'_>) -> bool {
    match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => {
            names.general_names.iter().any(|name| names::is_supported(name))
        }
        ParsedExtension::NameConstraints(constraints) => names::are_supported(constraints),
        ParsedExtension::KeyUsage(_)
        | ParsedExtension::BasicConstraints(_)
        | ParsedExtension::ExtendedKeyUsage(_)
        | ParsedExtension::CRLDistributionPoints(_)
        | ParsedExtension::CertificatePolicies(_)
        | ParsedExtension::PolicyConstraints(_)
        | ParsedExtension::PolicyMappings(_)
        | ParsedExtension::InhibitAnyPolicy(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
