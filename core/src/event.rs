//! Operator-facing events.

mod text;

use crate::disk::{DiskCommand, DiskFault, Name, Place};
use crate::id::{Generation, RequestDigest};
use crate::issuer::{Credential, IssuerFault};
use crate::judge::Refusal;
use crate::key::KeyFault;
use crate::time::{Span, WallTime};

/// How urgent an event is for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Severity {
    /// Normal operation.
    Info,
    /// A problem that the program can overcome.
    Warning,
    /// A problem that needs the operator.
    Error,
}

/// An event, with the details that an operator needs to act on it.
///
/// Its `Display` form is one line with the thing and the remedy. It is an [`Error`](core::error::Error), so that a program can
/// end with the event that says why. Other versions of this crate have other events: match them with a last arm for the rest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Event {
    /// A file of ours is not acceptable at start-up; another identity, or bootstrap, is used instead.
    FileRefused {
        /// Which file.
        name: Name,
        /// What is wrong with what it holds.
        refusal: Refusal,
    },
    /// A file of ours cannot be read; it is left alone.
    FileUnreadable {
        /// Which file.
        name: Name,
        /// Why.
        fault: DiskFault,
    },
    /// The current link is not a link to a bundle, or it leads to a good pair of another identity. Core changes nothing
    /// until an operator moves it away.
    CurrentLinkForeign {
        /// When the directory is scanned again.
        again_in: Span,
    },
    /// The current link leads to no usable pair: its target is missing, damaged, unreadable or refused. A start goes on
    /// without it, and our link takes its place.
    CurrentLinkUnusable {
        /// Why its pair is refused; `None` if there is no intact pair.
        refusal: Option<Refusal>,
    },
    /// A file with the name of the current link, or with another name of ours, was moved aside.
    Quarantined {
        /// What it was.
        from: Name,
        /// What it is now.
        to: Name,
    },
    /// An identity is live.
    Live {
        /// Which.
        generation: Generation,
        /// Its notAfter.
        not_after: WallTime,
        /// The renewal point.
        renew_at: WallTime,
        /// Whether it expires before the one that it replaced.
        shorter: bool,
    },
    /// The live identity expired and was withdrawn.
    Expired {
        /// Which.
        generation: Generation,
        /// Its notAfter.
        not_after: WallTime,
    },
    /// The wall clock is before the live identity's notBefore. It is not presented until the clock gets there.
    NotYetValid {
        /// Which.
        generation: Generation,
        /// Its notBefore.
        not_before: WallTime,
    },
    /// An accepted certificate is not yet valid. It is durable and goes live then. No other request is made meanwhile.
    Held {
        /// Which.
        generation: Generation,
        /// Its notBefore.
        not_before: WallTime,
    },
    /// The disk refuses writes, and the durable identity expires soon or there is none: this identity goes live from memory. The
    /// disk is tried again. A power cut now would lose it.
    IdentityInMemory {
        /// Which.
        generation: Generation,
        /// Its notAfter.
        not_after: WallTime,
    },
    /// The disk refuses the key, and the identity expires soon or there is none: a request is made with a key that is in memory
    /// only. There is one such request in a run.
    RequestInMemory {
        /// Its name.
        request: RequestDigest,
    },
    /// The wall clock is before the build time of this program. Nothing is requested or removed until it is set.
    ClockInvalid {
        /// When it was built.
        built: WallTime,
    },
    /// The driver's monotonic clock went back. Core continues from the time of the last step. Reported once in a run.
    MonotonicClockRegressed {
        /// How far it went back.
        by: Span,
    },
    /// The wall clock is before the notBefore of an accepted certificate, and no other is valid. It is given some time.
    ClockSuspect {
        /// That notBefore.
        not_before: WallTime,
        /// How long the first attempt waits.
        wait: Span,
    },
    /// A pair outside our bundles was copied into one, and is live. The original is not changed, except an exposed bundle of
    /// ours, which is removed when it is stale.
    Adopted {
        /// The generation of the copy.
        generation: Generation,
        /// Where it was.
        place: Place,
    },
    /// The identity has other alternative names or usages than the template. It stays live until its replacement, which is
    /// requested at once.
    OldTemplate {
        /// Which.
        generation: Generation,
    },
    /// The live identity is for another subject than the template's, and was withdrawn.
    OtherSubject {
        /// Which.
        generation: Generation,
    },
    /// The request is for an old template and was abandoned. It stays on the server, which removes it some time.
    RequestAbandoned {
        /// Its name.
        request: RequestDigest,
    },
    /// The request was made as an identity that has expired since, and is not approved. It was abandoned for a request that the
    /// bootstrap credential makes. It stays on the server, which removes it some time.
    RequestOfExpired {
        /// Its name.
        request: RequestDigest,
    },
    /// A renewal begins.
    AttemptStarted {
        /// The generation that it is for.
        generation: Generation,
    },
    /// A request waits for approval.
    RequestPending {
        /// Its name.
        request: RequestDigest,
    },
    /// A request was denied. A new one follows later; `rotate now` makes it at once.
    RequestDenied {
        /// Its name.
        request: RequestDigest,
        /// When a new one is made.
        again_in: Span,
    },
    /// The signer failed a request.
    RequestFailed {
        /// Its name.
        request: RequestDigest,
        /// When a new one is made.
        again_in: Span,
    },
    /// Another client's object has our request's name.
    RequestForeign {
        /// The name.
        request: RequestDigest,
        /// When a request of another name is made.
        again_in: Span,
    },
    /// A request was approved long ago and has no certificate.
    RequestStuck {
        /// Its name.
        request: RequestDigest,
        /// When a new one is made.
        again_in: Span,
    },
    /// The driver lost the key or the certificate of this request, which is abandoned. Its key store erased it too early.
    HandleGone {
        /// The request.
        request: RequestDigest,
        /// When a request with a new key is made.
        again_in: Span,
    },
    /// The issued certificate is not acceptable.
    CertificateRefused {
        /// The request that it answers.
        request: RequestDigest,
        /// What is wrong.
        refusal: Refusal,
        /// When a new request is made.
        again_in: Span,
    },
    /// A call failed.
    CallFailed {
        /// Its credential.
        credential: Credential,
        /// Why it failed.
        fault: IssuerFault,
        /// When it is made again.
        again_in: Span,
    },
    /// A call was not answered in time.
    CallTimedOut {
        /// Its credential.
        credential: Credential,
        /// When it is made again.
        again_in: Span,
    },
    /// No key could be made.
    KeyFailed {
        /// Why; `None` if the driver did not answer in time.
        fault: Option<KeyFault>,
        /// When it is tried again.
        again_in: Span,
    },
    /// A disk operation failed.
    DiskFailed {
        /// Which.
        command: DiskCommand,
        /// Why.
        fault: DiskFault,
        /// The wait before a file is created again. After a failure while a file was made, core scans, removes temporary names and
        /// syncs at once. After a failed lock, scan or repair it waits this long before the next try.
        again_in: Span,
    },
    /// A disk operation was not answered in time.
    DiskTimedOut {
        /// Which.
        command: DiskCommand,
    },
}

impl Event {
    /// Returns how urgent the event is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Live { .. }
            | Self::Held { .. }
            | Self::Adopted { place: Place::Current | Place::Dated(_) | Place::Split, .. }
            | Self::AttemptStarted { .. }
            | Self::RequestPending { .. }
            | Self::RequestAbandoned { .. } => Severity::Info,
            Self::KeyFailed { .. }
            | Self::DiskTimedOut { .. }
            | Self::MonotonicClockRegressed { .. }
            | Self::CallFailed { .. }
            | Self::CallTimedOut { .. }
            | Self::CurrentLinkUnusable { .. }
            | Self::OldTemplate { .. }
            | Self::OtherSubject { .. }
            | Self::RequestOfExpired { .. }
            | Self::Adopted { place: Place::Exposed(_), .. }
            | Self::Quarantined { .. } => Severity::Warning,
            Self::FileRefused { .. }
            | Self::FileUnreadable { .. }
            | Self::CurrentLinkForeign { .. }
            | Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::IdentityInMemory { .. }
            | Self::RequestInMemory { .. }
            | Self::ClockInvalid { .. }
            | Self::ClockSuspect { .. }
            | Self::RequestDenied { .. }
            | Self::RequestFailed { .. }
            | Self::RequestForeign { .. }
            | Self::RequestStuck { .. }
            | Self::HandleGone { .. }
            | Self::CertificateRefused { .. }
            | Self::DiskFailed { .. } => Severity::Error,
        }
    }
}
