//! Bugs on purpose, one at a time, to measure what the tests can see.
//!
//! The module exists only with the feature `seeded`, which no shipped crate turns on. The functions here are pure and take no
//! configuration, so the choice is the thread's.
//! [`with`] chooses one for a thread. Without a choice everything is as it is without the feature.

use std::cell::Cell;

use certrotate_core::id::KeyDigest;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::ca::ClientCa;
use crate::csr::CsrFacts;
use crate::{der, facts};

macro_rules! bugs {
    ($(#[doc = $doc:literal] $name:ident;)*) => {
        /// A mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug { $(#[doc = $doc] $name,)* }

        impl Bug {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The one sentence about it.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $doc.trim_ascii(),)* }
            }
        }
    };
}

bugs! {
    /// Any certificate of the answer that the client CA signed makes the chain trusted.
    B24;
    /// A root that comes with the answer is as good as the client CA.
    B25;
    /// The end is the leaf's, whenever the certificates above it end.
    X1;
    /// Bytes after a certificate, inside its block, are passed over.
    X2;
    /// The digest of a file is not compared.
    X3;
    /// Of several keys in one text the last counts.
    X4;
    /// A pending file may hold the request of another key.
    X5;
}

thread_local! {
    static CHOSEN: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Puts back what was chosen before, after a panic too.
struct Before(Option<Bug>);

impl Drop for Before {
    fn drop(&mut self) {
        CHOSEN.set(self.0);
    }
}

/// Makes the mistake in what `run` does on this thread.
pub fn with<T>(bug: Bug, run: impl FnOnce() -> T) -> T {
    let _before = Before(CHOSEN.replace(Some(bug)));
    run()
}

pub(crate) fn has(bug: Bug) -> bool {
    CHOSEN.get() == Some(bug)
}

/// Whether a path is found that is none: [`Bug::B24`], [`Bug::B25`].
pub(crate) fn wrong_path(ders: &[CertificateDer<'_>], ca: &ClientCa, at: UnixTime) -> bool {
    let parsed = || ders.iter().filter_map(|der| facts::certificate(der, 1).ok());
    let ends = |found: &X509Certificate<'_>| {
        ca.anchors().iter().any(|anchor| {
            let spki = der::value(der::SEQUENCE, &[&anchor.subject_public_key_info]);
            SubjectPublicKeyInfo::from_der(&spki)
                .is_ok_and(|(_, key)| found.verify_signature(Some(&key)).is_ok())
        })
    };
    if has(Bug::B24) {
        return parsed().any(|found| ends(&found));
    }
    let Some((leaf, others)) = ders.split_first().filter(|_| has(Bug::B25)) else { return false };
    let brought: Vec<_> = others.iter().filter_map(|der| anchor_from_trusted_cert(der).ok()).collect();
    EndEntityCert::try_from(leaf).is_ok_and(|leaf| {
        let usage = KeyUsage::client_auth();
        leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &brought, others, at, usage, None, None).is_ok()
    })
}

/// The request as that of the key beside it: [`Bug::X5`].
pub(crate) fn owned(asked: CsrFacts, key: KeyDigest) -> CsrFacts {
    if has(Bug::X5) { CsrFacts { key, ..asked } } else { asked }
}
