//! Events in words: one line each, with the thing and the remedy. A driver that knows more, such as the path of a file or the
//! address of the issuer, has lines of its own for those events.

use core::fmt::{self, Formatter, Result};

use super::Event;
use crate::disk::{Name, Place};
use crate::id::{Generation, RequestDigest};
use crate::judge::Refusal;
use crate::time::{Span, WallTime};

impl core::error::Error for Event {}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::FileRefused { name, refusal } => file_refused(f, *name, refusal),
            Self::FileUnreadable { name, fault } => {
                write!(f, "{name} cannot be read ({fault}) and is left alone; check the file system")
            }
            Self::CurrentLinkForeign { again_in } => current_link_foreign(f, *again_in),
            Self::CurrentLinkUnusable { refusal } => current_link_unusable(f, refusal.as_ref()),
            Self::Quarantined { from, to } => quarantined(f, *from, *to),
            Self::Live { generation, not_after, renew_at, shorter } => {
                live(f, *generation, [*not_after, *renew_at], *shorter)
            }
            Self::Expired { generation, not_after } => expired(f, *generation, *not_after),
            Self::NotYetValid { generation, not_before } => not_yet_valid(f, *generation, *not_before),
            Self::Held { generation, not_before } => held(f, *generation, *not_before),
            Self::IdentityInMemory { generation, not_after } => {
                identity_in_memory(f, *generation, *not_after)
            }
            Self::RequestInMemory { request } => request_in_memory(f, request),
            Self::ClockInvalid { built } => clock_invalid(f, *built),
            Self::MonotonicClockRegressed { by } => monotonic_clock_regressed(f, *by),
            Self::ClockSuspect { not_before, wait } => clock_suspect(f, *not_before, *wait),
            Self::Adopted { generation, place } => adopted(f, *generation, *place),
            Self::OldTemplate { generation } => old_template(f, *generation),
            Self::OtherSubject { generation } => other_subject(f, *generation),
            Self::RequestAbandoned { request } => request_abandoned(f, request),
            Self::RequestOfExpired { request } => request_of_expired(f, request),
            Self::AttemptStarted { generation } => {
                write!(f, "making key and request for certificate {generation}")
            }
            Self::RequestPending { request } => write!(f, "request {request} waits for approval"),
            Self::RequestDenied { request, again_in } => again(f, request, "was denied", *again_in),
            Self::RequestFailed { request, again_in } => {
                again(f, request, "was failed by the signer; see its log", *again_in)
            }
            Self::RequestForeign { request, again_in } => request_foreign(f, request, *again_in),
            Self::RequestStuck { request, again_in } => {
                again(f, request, "was approved but never signed; check that a signer runs", *again_in)
            }
            Self::HandleGone { request, again_in } => handle_gone(f, request, *again_in),
            Self::CertificateRefused { request, refusal, again_in } => {
                certificate_refused(f, request, refusal, *again_in)
            }
            Self::CallFailed { credential, fault, again_in } => {
                write!(f, "a call with {credential} failed: {fault}; trying again in {again_in}")
            }
            Self::CallTimedOut { credential, again_in } => {
                write!(
                    f,
                    "a call with {credential} was not answered within call_deadline; check whether the issuer is slow or down; trying again in {again_in}"
                )
            }
            Self::KeyFailed { again_in, .. } => key_failed(f, *again_in),
            Self::DiskFailed { command, fault, again_in } => {
                write!(f, "cannot {command}: {fault}; check the disk; trying again in {again_in}")
            }
            Self::DiskTimedOut { command } => write!(
                f,
                "the disk did not {command} in time; scanning the directory again; check the file system"
            ),
        }
    }
}

// Files.

fn file_refused(f: &mut Formatter<'_>, name: Name, refusal: &Refusal) -> Result {
    write!(f, "{name} is not used: {refusal}; ")?;
    match refusal {
        // Another event says whether the certificate is held, or the clock suspect.
        Refusal::NotYetValid { .. } => f.write_str("check the clock"),
        _ => f.write_str("a new certificate is requested"),
    }
}

fn current_link_foreign(f: &mut Formatter<'_>, again_in: Span) -> Result {
    write!(
        f,
        "{} is not touched: it is not a link to a bundle, or its pair is another identity's; move it away; scanning again in {again_in}",
        Name::Current
    )
}

fn current_link_unusable(f: &mut Formatter<'_>, refusal: Option<&Refusal>) -> Result {
    write!(f, "{} is not used: it leads to no certificate with its key", Name::Current)?;
    if let Some(refusal) = refusal {
        write!(f, ", and of its pair: {refusal}")?;
    }
    f.write_str("; it is repointed when there is a certificate; the file behind it stays as it is")
}

fn quarantined(f: &mut Formatter<'_>, from: Name, to: Name) -> Result {
    write!(
        f,
        "{from} is not used: it is not what its name says; it was moved to {to}: inspect it, then remove it"
    )
}

fn adopted(f: &mut Formatter<'_>, generation: Generation, place: Place) -> Result {
    match place {
        Place::Exposed(name) => write!(
            f,
            "{name} was readable by others, or belongs to another user: certificate {generation} is in a file of its own now, and {name} is removed; if another user may have read its key, request a rotation now"
        ),
        Place::Current | Place::Dated(_) | Place::Split => write!(
            f,
            "the key and certificate in {place} are adopted as certificate {generation}: copied, and nothing else was changed"
        ),
    }
}

// Identities and clocks.

fn live(
    f: &mut Formatter<'_>,
    generation: Generation,
    [not_after, renew_at]: [WallTime; 2],
    shorter: bool,
) -> Result {
    write!(f, "certificate {generation} is live until {not_after}, to be renewed at {renew_at}")?;
    f.write_str(if shorter { "; it expires before the one that it replaces" } else { "" })
}

fn expired(f: &mut Formatter<'_>, generation: Generation, not_after: WallTime) -> Result {
    write!(
        f,
        "certificate {generation} expired at {not_after} and is withdrawn; the bootstrap credential is used from now on: for the open request, if there is one, else for a new one"
    )
}

fn not_yet_valid(f: &mut Formatter<'_>, generation: Generation, not_before: WallTime) -> Result {
    write!(
        f,
        "certificate {generation} is valid from {not_before}, but the local clock is before that; it is not presented until then; check the clock"
    )
}

fn held(f: &mut Formatter<'_>, generation: Generation, not_before: WallTime) -> Result {
    write!(
        f,
        "certificate {generation} is valid from {not_before}; it is saved, goes live then, and no other is requested until then"
    )
}

fn identity_in_memory(f: &mut Formatter<'_>, generation: Generation, not_after: WallTime) -> Result {
    write!(
        f,
        "certificate {generation} is in memory only until {not_after}, because the disk refuses writes; the write is repeated; repair the disk before this process ends, or the certificate is lost"
    )
}

fn old_template(f: &mut Formatter<'_>, generation: Generation) -> Result {
    write!(
        f,
        "certificate {generation} has other alternative names or usages than the template; it stays live until its successor is live"
    )
}

fn other_subject(f: &mut Formatter<'_>, generation: Generation) -> Result {
    write!(
        f,
        "certificate {generation} has another subject than the template and is withdrawn; a new one is requested with the bootstrap credential"
    )
}

fn clock_suspect(f: &mut Formatter<'_>, not_before: WallTime, wait: Span) -> Result {
    write!(
        f,
        "the local clock is before {not_before}, when the only certificate on disk becomes valid; waiting for the clock to be set, for {wait} at most; check the clock"
    )
}

fn clock_invalid(f: &mut Formatter<'_>, built: WallTime) -> Result {
    write!(
        f,
        "the local clock is before {built}, when this program was built; nothing is requested or removed until the clock is set"
    )
}

fn monotonic_clock_regressed(f: &mut Formatter<'_>, by: Span) -> Result {
    write!(
        f,
        "the system's monotonic clock went back by {by}, which it must never do; waiting times continue from the last step; check the virtualization of this machine's clocks"
    )
}

// Keys and requests.

fn key_failed(f: &mut Formatter<'_>, again_in: Span) -> Result {
    write!(f, "no key could be made; trying again in {again_in}; check the system's randomness")
}

fn again(f: &mut Formatter<'_>, request: &RequestDigest, what: &str, again_in: Span) -> Result {
    write!(f, "request {request} {what}; requesting again with a new key in {again_in}")
}

fn request_in_memory(f: &mut Formatter<'_>, request: &RequestDigest) -> Result {
    write!(
        f,
        "request {request} is made with a key that is in memory only, because the disk refuses writes; repair the disk"
    )
}

fn request_abandoned(f: &mut Formatter<'_>, request: &RequestDigest) -> Result {
    write!(
        f,
        "request {request} is abandoned, because the template has changed; it stays with the issuer until the issuer removes it"
    )
}

fn request_of_expired(f: &mut Formatter<'_>, request: &RequestDigest) -> Result {
    write!(
        f,
        "request {request} is not approved, and it was made as the certificate that has expired since, so it may never be; it is abandoned, and another one is made now with the bootstrap credential"
    )
}

fn request_foreign(f: &mut Formatter<'_>, request: &RequestDigest, again_in: Span) -> Result {
    write!(
        f,
        "the issuer's request {request} is not from this client (other key, signer or usages); requesting under another name in {again_in}"
    )
}

fn handle_gone(f: &mut Formatter<'_>, request: &RequestDigest, again_in: Span) -> Result {
    write!(
        f,
        "the key or the certificate of request {request} is no longer in memory, so the request is abandoned; this is a bug of the driver: report it; requesting with a new key in {again_in}"
    )
}

fn certificate_refused(
    f: &mut Formatter<'_>,
    request: &RequestDigest,
    refusal: &Refusal,
    again_in: Span,
) -> Result {
    write!(
        f,
        "the certificate issued for request {request} is refused: {refusal}; nothing was written; check the signer; requesting again with a new key in {again_in}"
    )
}

#[cfg(test)]
mod tests;
