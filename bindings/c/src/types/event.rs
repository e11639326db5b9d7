//! The codes of events. `docs/operating.md` explains the events.

use certrotate_core::event::{Event, Severity as CoreSeverity};

/// How urgent an event is.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Normal operation.
    Info = 1,
    /// A problem that the program can overcome.
    Warning = 2,
    /// A problem that needs the operator.
    Error = 3,
}

impl Severity {
    /// Returns the severity of an event.
    pub(crate) const fn of(event: &Event) -> Self {
        match event.severity() {
            CoreSeverity::Info => Self::Info,
            CoreSeverity::Warning => Self::Warning,
            CoreSeverity::Error => Self::Error,
        }
    }
}

/// An event.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventCode {
    /// One that this version of the interface does not name; its text and JSON say it.
    Unknown = 0,
    /// A file of ours is not acceptable at start-up; another identity, or bootstrap, is used instead.
    FileRefused = 1,
    /// A file of ours cannot be read; it is left alone.
    FileUnreadable = 2,
    /// The current link is not a link to a bundle, or it leads to a good pair of another identity.
    CurrentLinkForeign = 3,
    /// The current link leads to no usable pair: its target is missing, damaged, unreadable or refused.
    CurrentLinkUnusable = 4,
    /// A file with the name of the current link, or with another name of ours, was moved aside.
    Quarantined = 5,
    /// An identity is live.
    Live = 6,
    /// The live identity expired and was withdrawn.
    Expired = 7,
    /// The wall clock is before the live identity's notBefore.
    NotYetValid = 8,
    /// An accepted certificate is not yet valid.
    Held = 9,
    /// The disk refuses writes, and the durable identity expires soon or there is none.
    IdentityInMemory = 10,
    /// The disk refuses the key, and the identity expires soon or there is none.
    RequestInMemory = 11,
    /// The wall clock is before the build time of this program.
    ClockInvalid = 12,
    /// The driver's monotonic clock went back.
    MonotonicClockRegressed = 13,
    /// The wall clock is before the notBefore of an accepted certificate, and no other is valid.
    ClockSuspect = 14,
    /// A pair outside our bundles was copied into one, and is live.
    Adopted = 15,
    /// The identity has other alternative names or usages than the template.
    OldTemplate = 16,
    /// The live identity is for another subject than the template's, and was withdrawn.
    OtherSubject = 17,
    /// The request is for an old template and was abandoned.
    RequestAbandoned = 18,
    /// The request was made as an identity that has expired since, and is not approved.
    RequestOfExpired = 19,
    /// A renewal begins.
    AttemptStarted = 20,
    /// A request waits for approval.
    RequestPending = 21,
    /// A request was denied.
    RequestDenied = 22,
    /// The signer failed a request.
    RequestFailed = 23,
    /// Another client's object has our request's name.
    RequestForeign = 24,
    /// A request was approved long ago and has no certificate.
    RequestStuck = 25,
    /// The driver lost the key or the certificate of this request, which is abandoned.
    HandleGone = 26,
    /// The issued certificate is not acceptable.
    CertificateRefused = 27,
    /// A call failed.
    CallFailed = 28,
    /// A call was not answered in time.
    CallTimedOut = 29,
    /// No key could be made.
    KeyFailed = 30,
    /// A disk operation failed.
    DiskFailed = 31,
    /// A disk operation was not answered in time.
    DiskTimedOut = 32,
}

impl EventCode {
    /// Returns the code of an event.
    pub(crate) const fn of(event: &Event) -> Self {
        match event {
            Event::FileRefused { .. } => Self::FileRefused,
            Event::FileUnreadable { .. } => Self::FileUnreadable,
            Event::CurrentLinkForeign { .. } => Self::CurrentLinkForeign,
            Event::CurrentLinkUnusable { .. } => Self::CurrentLinkUnusable,
            Event::Quarantined { .. } => Self::Quarantined,
            Event::Live { .. } => Self::Live,
            Event::Expired { .. } => Self::Expired,
            Event::NotYetValid { .. } => Self::NotYetValid,
            Event::Held { .. } => Self::Held,
            Event::IdentityInMemory { .. } => Self::IdentityInMemory,
            Event::RequestInMemory { .. } => Self::RequestInMemory,
            Event::ClockInvalid { .. } => Self::ClockInvalid,
            Event::MonotonicClockRegressed { .. } => Self::MonotonicClockRegressed,
            Event::ClockSuspect { .. } => Self::ClockSuspect,
            Event::Adopted { .. } => Self::Adopted,
            Event::OldTemplate { .. } => Self::OldTemplate,
            Event::OtherSubject { .. } => Self::OtherSubject,
            Event::RequestAbandoned { .. } => Self::RequestAbandoned,
            Event::RequestOfExpired { .. } => Self::RequestOfExpired,
            Event::AttemptStarted { .. } => Self::AttemptStarted,
            Event::RequestPending { .. } => Self::RequestPending,
            Event::RequestDenied { .. } => Self::RequestDenied,
            Event::RequestFailed { .. } => Self::RequestFailed,
            Event::RequestForeign { .. } => Self::RequestForeign,
            Event::RequestStuck { .. } => Self::RequestStuck,
            Event::HandleGone { .. } => Self::HandleGone,
            Event::CertificateRefused { .. } => Self::CertificateRefused,
            Event::CallFailed { .. } => Self::CallFailed,
            Event::CallTimedOut { .. } => Self::CallTimedOut,
            Event::KeyFailed { .. } => Self::KeyFailed,
            Event::DiskFailed { .. } => Self::DiskFailed,
            Event::DiskTimedOut { .. } => Self::DiskTimedOut,
            _ => Self::Unknown,
        }
    }
}
