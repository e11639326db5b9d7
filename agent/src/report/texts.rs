//! The lines that need nothing but their event.

use certrotate_core::disk::DiskFault;
use certrotate_core::id::{Generation, RequestDigest};
use certrotate_core::issuer::Credential;
use certrotate_core::time::{Span, WallTime};
use certrotate_x509::request_name;

/// What follows from an expired certificate, whether or not a request is open.
pub(super) const BOOTSTRAP_IS_USED: &str =
    "the bootstrap kubeconfig is used from now on: for the open request, if there is one, else for a new one";

pub(super) fn credential_text(credential: Credential) -> String {
    match credential {
        Credential::Bootstrap => "the bootstrap credential".into(),
        Credential::Live(generation) => format!("the live certificate {generation}"),
    }
}

pub(super) fn live(generation: Generation, not_after: WallTime, renew_at: WallTime, shorter: bool) -> String {
    let shorter = if shorter { "; it expires before the one that it replaces" } else { "" };
    format!("certificate {generation} is live until {not_after}, to be renewed at {renew_at}{shorter}")
}

pub(super) fn old_template(generation: Generation) -> String {
    format!(
        "certificate {generation} has other alternative names or usages than the template; it stays live until its successor is live"
    )
}

pub(super) fn other_subject(generation: Generation) -> String {
    format!(
        "certificate {generation} has another subject than the template and is withdrawn; a new one is requested with the bootstrap kubeconfig"
    )
}

pub(super) fn expired(generation: Generation, not_after: WallTime) -> String {
    format!("certificate {generation} expired at {not_after} and is withdrawn; {BOOTSTRAP_IS_USED}")
}

pub(super) fn not_yet_valid(generation: Generation, not_before: WallTime) -> String {
    format!(
        "certificate {generation} is valid from {not_before}, but the local clock is before that; it is not presented until then; check the clock"
    )
}

pub(super) fn held(generation: Generation, not_before: WallTime) -> String {
    format!(
        "certificate {generation} is valid from {not_before}; it is saved, goes live then, and no other is requested until then"
    )
}

pub(super) fn clock_suspect(not_before: WallTime, wait: Span) -> String {
    format!(
        "the local clock is before {not_before}, when the only certificate on disk becomes valid; waiting for the clock to be set, for {wait} at most; check the clock"
    )
}

pub(super) fn clock_invalid(built: WallTime) -> String {
    format!(
        "the local clock is before {built}, when this program was built; nothing is requested or removed until the clock is set"
    )
}

pub(super) fn monotonic_clock_regressed(by: Span) -> String {
    format!(
        "the system's monotonic clock went back by {by}, which it must never do; waiting times continue from the last step; check the virtualization of this machine's clocks"
    )
}

pub(super) fn key_failed(again_in: Span) -> String {
    format!("no key could be made; trying again in {again_in}; check the system's randomness")
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

pub(super) fn fault_text(fault: DiskFault) -> &'static str {
    match fault {
        DiskFault::NoSpace => "no space is left",
        DiskFault::ReadOnly => "the file system is read-only",
        DiskFault::Denied => "permission denied",
        DiskFault::Exists => "the name is taken",
        DiskFault::NotFound => "no such file",
        DiskFault::Locked => "the directory is locked already",
        DiskFault::Unsafe => "the directory is unsafe",
        DiskFault::NoDirectory => "there is no directory",
        DiskFault::HandleGone => "the key is not in memory, which is a bug",
        DiskFault::WrongKind => "an answer of another kind was given, which is a bug",
        DiskFault::NoEffect => "the change was answered as done, but the directory does not show it",
        DiskFault::Io => "input/output error",
    }
}
