//! How the process ends, in a number that scripts can rely on.

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use certrotate_core::api::{ApiFault, Credential};
use certrotate_core::event::Event;
use certrotate_core::input::ExitReason;
use certrotate_core::judge::Refusal;

/// The exit status. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for is done, or a signal ended it cleanly.
    Done = 0,
    /// Something that should not happen; a bug, or the system gives out.
    Internal = 1,
    /// Flags or configuration: a person must change them.
    Usage = 2,
    /// `status`: a valid certificate, but something needs looking after.
    Degraded = 3,
    /// `status`: no certificate, or none that is valid.
    Without = 4,
    /// `--once`: not yet approved when the time was up.
    Pending = 10,
    /// `--once`: denied, or failed by the signer.
    Denied = 11,
    /// `--once`: the server accepts no credential that is there, or none could be read.
    Unauthorized = 12,
    /// `--once`: the server was not reached.
    Unreachable = 13,
    /// `--once`: the certificate has ended and there is no bootstrap credential.
    Expired = 14,
    /// The certificate directory is unsafe, locked by another process, missing or not writable.
    Store = 15,
    /// `--once`: what is there, or was issued, starts later by the local clock, or that shows less than when this was built.
    Clock = 16,
    /// `--once`: the certificate that was issued is not acceptable.
    Refused = 17,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<ExitReason> for Exit {
    fn from(reason: ExitReason) -> Self {
        match reason {
            ExitReason::Shutdown => Self::Done,
            ExitReason::Locked | ExitReason::Unsafe | ExitReason::NoDirectory => Self::Store,
        }
    }
}

/// What holds a node up, from what was reported so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    last: Option<Exit>,
    /// Whether a certificate has ended and none is live.
    ended: bool,
}

impl Verdict {
    /// Takes in a report.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Live { .. } => *self = Self::default(),
            Event::Expired { .. } | Event::FileRefused { refusal: Refusal::Expired { .. }, .. } => {
                self.ended = true;
            }
            _ => {}
        }
        self.last = self.why_not_yet(event).or(self.last);
    }

    /// Why there is no certificate yet. If nothing was said, the server has not answered yet.
    #[must_use]
    pub fn why(&self) -> Exit {
        self.last.unwrap_or(Exit::Unreachable)
    }

    /// `None` where a event says nothing about that.
    fn why_not_yet(self, event: &Event) -> Option<Exit> {
        match event {
            Event::RequestPending { .. } | Event::RequestStuck { .. } | Event::RequestForeign { .. } => {
                Some(Exit::Pending)
            }
            Event::RequestDenied { .. } | Event::RequestFailed { .. } => Some(Exit::Denied),
            Event::CertificateRefused { .. } => Some(Exit::Refused),
            Event::CallFailed {
                credential: Credential::Bootstrap, fault: ApiFault::NoCredential, ..
            } if self.ended => Some(Exit::Expired),
            Event::CallFailed {
                fault: ApiFault::NoCredential | ApiFault::Unauthorized | ApiFault::Forbidden,
                ..
            } => Some(Exit::Unauthorized),
            Event::CallFailed { .. } | Event::CallTimedOut { .. } => Some(Exit::Unreachable),
            Event::DiskFailed { .. }
            | Event::DiskTimedOut { .. }
            | Event::FileUnreadable { .. }
            | Event::CurrentLinkForeign { .. } => Some(Exit::Store),
            Event::KeyFailed { .. } => Some(Exit::Internal),
            Event::Held { .. } | Event::ClockInvalid { .. } | Event::ClockSuspect { .. } => Some(Exit::Clock),
            Event::IdentityInMemory { .. }
            | Event::RequestInMemory { .. }
            | Event::FileRefused { .. }
            | Event::FileCorrupt { .. }
            | Event::Quarantined { .. }
            | Event::Live { .. }
            | Event::Expired { .. }
            | Event::NotYetValid { .. }
            | Event::Adopted { .. }
            | Event::OldTemplate { .. }
            | Event::OtherSubject { .. }
            | Event::RequestAbandoned { .. }
            | Event::AttemptStarted { .. } => None,
        }
    }
}
