//! The served resources.

use std::fmt::Write as _;
use std::sync::OnceLock;

use crate::apiserver::kinds::csr::CSRS;
use crate::apiserver::kinds::lease::LEASES;
use crate::apiserver::kinds::review::REVIEWS;
use crate::apiserver::resource::Resource;
use crate::apiserver::wire::definitions::definitions;

/// What `kubectl version` shows.
pub(crate) const GIT_VERSION: &str = concat!("v1.34.0+certrotate.", env!("CARGO_PKG_VERSION"));

/// Every kind that has a path.
pub(crate) fn served() -> Vec<&'static Resource> {
    [&CSRS, &LEASES].into_iter().chain(REVIEWS).collect()
}

pub(crate) fn groups_served() -> Vec<&'static str> {
    let mut names: Vec<_> = served().iter().map(|api| api.group).collect();
    names.dedup();
    names
}

/// A digest of all that the documents are made of.
pub(crate) fn hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let text = format!("{GIT_VERSION} {:?} {:?}", served(), definitions());
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _written = write!(hex, "{byte:02X}");
            hex
        })
    })
}
