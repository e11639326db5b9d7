//! The lines that need nothing but their event.

use certrotate_core::id::{Generation, RequestDigest};
use certrotate_core::time::{Span, WallTime};
use certrotate_x509::request_name;

/// What follows from an expired certificate, whether or not a request is open.
pub(super) const BOOTSTRAP_IS_USED: &str =
    "the bootstrap kubeconfig is used from now on: for the open request, if there is one, else for a new one";

pub(super) fn other_subject(generation: Generation) -> String {
    format!(
        "certificate {generation} has another subject than the template and is withdrawn; a new one is requested with the bootstrap kubeconfig"
    )
}

pub(super) fn expired(generation: Generation, not_after: WallTime) -> String {
    format!("certificate {generation} expired at {not_after} and is withdrawn; {BOOTSTRAP_IS_USED}")
}

pub(super) fn request_pending(request: &RequestDigest) -> String {
    format!(
        "{0} waits for approval; if no approver acts by rule: kubectl certificate approve {0}",
        request_name(request)
    )
}

pub(super) fn request_abandoned(request: &RequestDigest) -> String {
    format!(
        "{0} is abandoned, because the template has changed; to remove it: kubectl delete csr {0}",
        request_name(request)
    )
}

pub(super) fn request_of_expired(request: &RequestDigest) -> String {
    format!(
        "{0} is not approved, and it was made as the certificate that has expired since, so it may never be; it is abandoned, and another one is made now with the bootstrap kubeconfig; to remove it: kubectl delete csr {0}",
        request_name(request)
    )
}

pub(super) fn request_foreign(request: &RequestDigest, again_in: Span) -> String {
    format!(
        "{} on the server is not from this node (other key, signer or usages); requesting under another name in {again_in}",
        request_name(request)
    )
}

pub(super) fn handle_gone(request: &RequestDigest, again_in: Span) -> String {
    format!(
        "the key or the certificate of {} is no longer in memory, so the request is abandoned; this is a bug: report it; requesting with a new key in {again_in}",
        request_name(request)
    )
}

pub(super) fn request_stuck(request: &RequestDigest, again_in: Span) -> String {
    format!(
        "{} was approved but never signed; check that a signer runs; requesting again with a new key in {again_in}",
        request_name(request)
    )
}
