//! The oracle: what the sentences say of the symbols. It knows no DER, no signature and no shipped code.

use super::case::{Basic, Case, Cert, Holder, KeyUse, Name, Purpose, Sans, Trust, Window};
use super::{ASKED, Fault, Verdict};

/// What may be said of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// All that is wrong with it. A judge may name any one of them: none is worse than another.
    pub faults: Vec<Fault>,
    /// When it is of use.
    pub window: Window,
}

impl Expected {
    /// Judges a case.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let answer = case.answer();
        // RFC 8555, section 9.1, and every TLS stack: the leaf comes first.
        let leaf = &answer[0];
        // A chain is of use while all of it is.
        let mut window = answer.iter().fold(leaf.window, |window, cert| window.and(cert.window));
        let mut faults = what_it_is(leaf);
        if case.trust == Trust::ClientCa {
            let anchor = case.root();
            // RFC 5280, section 6.1.3 (a)(2): at one time, everything on the path is valid.
            let together = window.from <= window.until;
            if together && leads_to(anchor.holder, leaf, &answer, answer.len()) {
                // Section 6.1.1 (d) leaves an anchor's dates to us: kube-apiserver heeds them, so they count.
                window = window.and(anchor.window);
            } else {
                faults.push(Fault::Chain);
            }
        }
        faults.extend(of_use(window));
        Self { faults, window }
    }

    /// Whether this may be said.
    #[must_use]
    pub fn admits(&self, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Accepted(window) => self.faults.is_empty() && window == self.window,
            Verdict::Refused(fault) => self.faults.contains(&fault),
            Verdict::Unreadable => false,
        }
    }
}

/// A certificate is just what was asked for: the node's key, its name, no other names, digitalSignature and clientAuth,
/// no CA. keyEncipherment in addition is harmless, since an EC key cannot do it.
fn what_it_is(leaf: &Cert) -> Vec<Fault> {
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

/// RFC 5280, section 6.1: whether a path leads from `cert` to the anchor, over certificates that came with it.
fn leads_to(anchor: Holder, cert: &Cert, others: &[Cert], longest: usize) -> bool {
    // Section 6.1.3 (a)(1) and (4): the issuer's key signed it. A name alone proves nothing.
    if cert.issuer == anchor {
        return true;
    }
    // Section 6.1 (c): only the anchor ends a path; a root that comes along is one certificate among the others.
    longest > 0
        && others.iter().any(|issuer| {
            issuer.holder == cert.issuer && may_issue(issuer) && leads_to(anchor, issuer, others, longest - 1)
        })
}

/// RFC 5280, section 6.1.4: (k) an issuer's basic constraints say CA:TRUE, (n) a key usage that is there has keyCertSign.
fn may_issue(issuer: &Cert) -> bool {
    issuer.basic == Basic::Yes && matches!(issuer.key_use, KeyUse::None | KeyUse::SignCertify)
}

/// Valid now, and with a tenth of its lifetime and five seconds left. The end is not part of its lifetime, and no
/// lifetime began before the request was made.
fn of_use(window: Window) -> Option<Fault> {
    let Window { from, until } = window;
    if until <= 0 {
        return Some(Fault::Expired);
    }
    if from > 0 {
        return Some(Fault::NotYetValid);
    }
    let lifetime = until - from.max(ASKED);
    (until < 5 || until * 10 < lifetime).then_some(Fault::TooShort)
}
