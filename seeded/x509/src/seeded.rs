//! The hooks' longer bodies. A hook replaces a value or returns early, if its bug is chosen for the thread.

use certrotate_core::id::KeyDigest;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::ca::ClientCa;
use crate::csr::CsrFacts;
use crate::{der, facts};

pub(crate) use certrotate_seeded_bugs::{Bug, is_chosen};

/// Returns whether a buggy check finds a path to the client CA: [`Bug::B24`], [`Bug::B25`].
pub(crate) fn wrong_path(ders: &[CertificateDer<'_>], ca: &ClientCa, at: UnixTime) -> bool {
    let parsed = || ders.iter().filter_map(|der| facts::certificate(der, 1).ok());
    let ends = |found: &X509Certificate<'_>| {
        ca.anchors().iter().any(|anchor| {
            let spki = der::value(der::SEQUENCE, &[&anchor.subject_public_key_info]);
            SubjectPublicKeyInfo::from_der(&spki)
                .is_ok_and(|(_, key)| found.verify_signature(Some(&key)).is_ok())
        })
    };
    if is_chosen(Bug::B24) {
        return parsed().any(|found| ends(&found));
    }
    let Some((leaf, others)) = ders.split_first().filter(|_| is_chosen(Bug::B25)) else { return false };
    let brought: Vec<_> = others.iter().filter_map(|der| anchor_from_trusted_cert(der).ok()).collect();
    EndEntityCert::try_from(leaf).is_ok_and(|leaf| {
        let usage = KeyUsage::client_auth();
        leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &brought, others, at, usage, None, None).is_ok()
    })
}

/// Returns the request as if it were for the key beside it: [`Bug::X5`].
pub(crate) fn owned(asked: CsrFacts, key: KeyDigest) -> CsrFacts {
    if is_chosen(Bug::X5) { CsrFacts { key, ..asked } } else { asked }
}
