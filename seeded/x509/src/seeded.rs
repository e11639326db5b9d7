//! The hooks' longer bodies. A hook replaces a value or returns early, if its bug is chosen for the thread.

use certrotate_core::facts::Chain;
use certrotate_core::id::KeyDigest;
use x509_parser::certificate::X509Certificate;

use crate::csr::CsrFacts;
use crate::facts;

pub(crate) use certrotate_seeded_bugs::{Bug, is_chosen};

/// Returns the result of a search that takes a wrong path to the client CA: [`Bug::B24`], [`Bug::B25`].
pub(crate) fn found(
    found: Chain,
    chain: &[X509Certificate<'_>],
    roots: Option<&[X509Certificate<'_>]>,
) -> Chain {
    let (Some((leaf, others)), Some(roots)) = (chain.split_first(), roots) else { return found };
    let signed = |child: &X509Certificate<'_>, issuers: &[X509Certificate<'_>]| {
        let mut issuers = issuers.iter().filter(|issuer| facts::may_issue(issuer));
        issuers.any(|issuer| child.verify_signature(Some(issuer.public_key())).is_ok())
    };
    let is_wrong = is_chosen(Bug::B24) && chain.iter().any(|it| signed(it, roots))
        || is_chosen(Bug::B25) && signed(leaf, others);
    if is_wrong { Chain::Trusted } else { found }
}

/// Returns the request as if it were for the key beside it: [`Bug::X5`].
pub(crate) fn owned(asked: CsrFacts, key: KeyDigest) -> CsrFacts {
    if is_chosen(Bug::X5) { CsrFacts { key, ..asked } } else { asked }
}
