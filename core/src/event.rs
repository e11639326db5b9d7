//! What an operator should hear of.

use crate::api::{ApiFault, Credential};
use crate::disk::{DiskCommand, DiskFault, Name, Place};
use crate::id::{Generation, RequestDigest};
use crate::judge::Refusal;
use crate::time::{Span, WallTime};

/// Something that happened, with what an operator needs to act on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Event {
    /// A file of ours is not acceptable at start-up; another identity, or bootstrap, is used instead.
    FileRefused {
        /// Which file.
        name: Name,
        /// What is wrong with what it holds.
        refusal: Refusal,
    },
    /// A file of ours is not what its name says.
    FileCorrupt {
        /// Which file.
        name: Name,
    },
    /// A file of ours cannot be read; it is left alone.
    FileUnreadable {
        /// Which file.
        name: Name,
        /// Why.
        fault: DiskFault,
    },
    /// The live name is not our link; nothing is changed until an operator moves it away.
    CurrentLinkForeign {
        /// When it is looked at again.
        again_in: Span,
    },
    /// What had the live name or another name of ours was moved aside.
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
        /// Its end.
        not_after: WallTime,
        /// When it is to be renewed.
        renew_at: WallTime,
        /// Whether it ends before the one that it replaced.
        shorter: bool,
    },
    /// The live identity reached its end and was withdrawn.
    Expired {
        /// Which.
        generation: Generation,
        /// Its end.
        not_after: WallTime,
    },
    /// The wall clock is before the live identity's start; it is not served until the clock gets there.
    NotYetValid {
        /// Which.
        generation: Generation,
        /// Its start.
        not_before: WallTime,
    },
    /// A good certificate starts in the future: it is durable, and goes live then. Nothing else is asked for meanwhile.
    Held {
        /// Which.
        generation: Generation,
        /// Its start.
        not_before: WallTime,
    },
    /// The disk refuses, and without this identity there would be none: it is served from memory, and the disk is tried
    /// again. A power cut now would cost it.
    IdentityInMemory {
        /// Which.
        generation: Generation,
        /// Its end.
        not_after: WallTime,
    },
    /// The disk refuses the key, and there is no identity: a request is made with a key that is in memory only. There
    /// is one such request in a run.
    RequestInMemory {
        /// Its name.
        request: RequestDigest,
    },
    /// The wall clock shows less than when this program was built. Nothing is asked for or removed until it is set.
    ClockInvalid {
        /// When it was built.
        built: WallTime,
    },
    /// The wall clock is before the start of a certificate that was accepted, and no other is valid. It is given some time.
    ClockSuspect {
        /// That start.
        not_before: WallTime,
        /// How long it is waited for.
        wait: Span,
    },
    /// A pair that was in no bundle of ours was copied into one, and is live. Where it was nothing was changed, but for an
    /// exposed bundle of ours, which is removed when it is not needed any more.
    Adopted {
        /// The generation of the copy.
        generation: Generation,
        /// Where it was.
        place: Place,
    },
    /// An identity that goes live, or is live, has other alternative names or usages than are asked for by now. It is
    /// served until another has taken its place, which is asked for at once.
    OldTemplate {
        /// Which.
        generation: Generation,
    },
    /// The live identity is for another subject than is asked for by now, and was withdrawn.
    OtherSubject {
        /// Which.
        generation: Generation,
    },
    /// What was asked for is not wanted any more. The request stays on the server, which removes it some time.
    RequestAbandoned {
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
        /// As whom it was made.
        credential: Credential,
        /// Why it failed.
        fault: ApiFault,
        /// When it is made again.
        again_in: Span,
    },
    /// A call was not answered in time.
    CallTimedOut {
        /// As whom it was made.
        credential: Credential,
        /// When it is made again.
        again_in: Span,
    },
    /// No key could be made.
    KeyFailed {
        /// When it is tried again.
        again_in: Span,
    },
    /// A disk operation failed.
    DiskFailed {
        /// Which.
        command: DiskCommand,
        /// Why.
        fault: DiskFault,
        /// When the directory is looked at again.
        again_in: Span,
    },
    /// A disk operation was not answered in time.
    DiskTimedOut {
        /// Which.
        command: DiskCommand,
    },
}
