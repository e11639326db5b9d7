//! The oracle: judges the symbols by the sentences of RFC 5280. It has no DER, no signature and no shipped code.

use super::case::{Basic, Case, Cert, Holder, KeyUse, Name, Purpose, Sans, Trust, Window};
use super::{Fault, REQUESTED, Verdict};

/// The admissible verdicts on a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Every fault of the case. A judge may name any of them.
    pub faults: Vec<Fault>,
    /// When the certificate is usable.
    pub window: Window,
}

impl Expected {
    /// Judges a case.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let answer = case.answer();
        // RFC 8555, section 9.1, and every TLS stack: the leaf comes first.
        let leaf = &answer[0];
        let mut faults = identity_faults(leaf);
        // Without a known root, the leaf's own issuer counts where it came along: some root is above it.
        let issuer = answer.iter().find(|it| it.holder == leaf.issuer && it.holder != leaf.holder);
        let mut window = issuer.map_or(leaf.window, |issuer| leaf.window.and(issuer.window));
        if case.trust == Trust::ClientCa {
            match path(&case.root(), leaf, &answer, answer.len()) {
                Some(valid) => window = valid,
                None => faults.push(Fault::Chain),
            }
        }
        faults.extend(time_fault(window));
        Self { faults, window }
    }

    /// Returns whether a judge may give this verdict.
    #[must_use]
    pub fn admits(&self, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Accepted(window) => self.faults.is_empty() && window == self.window,
            Verdict::Refused(fault) => self.faults.contains(&fault),
            Verdict::Unreadable => false,
        }
    }
}

/// Compares a leaf with the request: the node's key, its name, no other names, digitalSignature and clientAuth, no CA.
/// keyEncipherment in addition is harmless, since an EC key cannot do it.
fn identity_faults(leaf: &Cert) -> Vec<Fault> {
    let signs = leaf.key_use != KeyUse::None;
    let authenticates_clients = matches!(leaf.purpose, Purpose::Client | Purpose::Both);
    let does_more = leaf.key_use == KeyUse::SignCertify
        || matches!(leaf.purpose, Purpose::Server | Purpose::Both | Purpose::Any);
    let wrong = [
        (leaf.holder != Holder::Node, Fault::Key),
        (leaf.name != Some(Name::Exact), Fault::Subject),
        (leaf.sans != Sans::None, Fault::Sans),
        (leaf.basic == Basic::Yes, Fault::Ca),
        (!signs || !authenticates_clients, Fault::UsageMissing),
        (does_more, Fault::UsageForbidden),
    ];
    wrong.iter().filter(|(wrong, _)| *wrong).map(|(_, fault)| *fault).collect()
}

/// RFC 5280, section 6.1: when a path from `cert` to the anchor is valid, over certificates that came with it. At one time,
/// everything on the path is valid (6.1.3 (a)(2)); what is beside it does not count.
fn path(anchor: &Cert, cert: &Cert, others: &[Cert], longest: usize) -> Option<Window> {
    // Section 6.1.3 (a)(1) and (4): the issuer's key signed it. A name alone proves nothing.
    if cert.issuer == anchor.holder {
        // Section 6.1.1 (d) leaves an anchor's dates to us: kube-apiserver heeds them, so they count.
        return Some(cert.window.and(anchor.window));
    }
    // Section 6.1 (c): only the anchor ends a path; a root that comes along is one certificate among the others.
    let longest = longest.checked_sub(1)?;
    let mut issuers = others.iter().filter(|issuer| issuer.holder == cert.issuer && may_issue(issuer));
    issuers.find_map(|issuer| path(anchor, issuer, others, longest)).map(|above| cert.window.and(above))
}

/// RFC 5280, section 6.1.4: (k) an issuer's basic constraints say CA:TRUE, (n) a key usage that is there has keyCertSign.
fn may_issue(issuer: &Cert) -> bool {
    issuer.basic == Basic::Yes && matches!(issuer.key_use, KeyUse::None | KeyUse::SignCertify)
}

/// Requires a valid leaf with a tenth of its lifetime and five seconds left. The instant of notAfter is not part of the
/// lifetime, and no lifetime begins before the request.
fn time_fault(window: Window) -> Option<Fault> {
    let Window { from, until } = window;
    if until <= 0 {
        return Some(Fault::Expired);
    }
    if from > 0 {
        return Some(Fault::NotYetValid);
    }
    let lifetime = until - from.max(REQUESTED);
    (until < 5 || until * 10 < lifetime).then_some(Fault::TooShort)
}
