//! The exit status of the process: numbers that scripts can rely on.

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use certrotate_core::event::Event;
use certrotate_core::input::ExitReason;
use certrotate_core::issuer::{Credential, IssuerFault};
use certrotate_core::judge::Refusal;

/// The exit status. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command succeeded, or a signal ended it cleanly.
    Done = 0,
    /// Something that should not happen; a bug, or the system gives out.
    Internal = 1,
    /// Flags or configuration: a person must change them.
    Usage = 2,
    /// `status`: a valid certificate, but a problem needs the operator before it expires.
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
    /// `--once`: the certificate has expired and there is no bootstrap credential.
    Expired = 14,
    /// The certificate directory is unsafe, locked already, missing or not writable.
    Store = 15,
    /// `--once`: the certificate is not valid yet by the local clock, or the clock is before the build time.
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
            _ => Self::Internal,
        }
    }
}

/// The reason why a node has no certificate yet, from the events so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    last: Option<Exit>,
    /// Whether a certificate has expired and none is live.
    expired: bool,
}

impl Verdict {
    /// Takes in an event.
    pub fn note(&mut self, event: &Event) {
        if let Event::Live { .. } = event {
            *self = Self::default();
        }
        if let Event::Expired { .. } | Event::FileRefused { refusal: Refusal::Expired { .. }, .. } = event {
            self.expired = true;
        }
        self.last = self.why_not_yet(event).or(self.last);
    }

    /// Returns the reason. Without any event, the server has not answered yet.
    #[must_use]
    pub fn why(&self) -> Exit {
        self.last.unwrap_or(Exit::Unreachable)
    }

    /// Returns `None` if an event is no reason.
    fn why_not_yet(self, event: &Event) -> Option<Exit> {
        match event {
            Event::RequestPending { .. } | Event::RequestStuck { .. } | Event::RequestForeign { .. } => {
                Some(Exit::Pending)
            }
            Event::RequestDenied { .. } | Event::RequestFailed { .. } => Some(Exit::Denied),
            Event::CertificateRefused { .. } => Some(Exit::Refused),
            Event::CallFailed {
                credential: Credential::Bootstrap, fault: IssuerFault::NoCredential, ..
            } if self.expired => Some(Exit::Expired),
            Event::CallFailed {
                fault: IssuerFault::NoCredential | IssuerFault::NotAuthenticated | IssuerFault::NotPermitted,
                ..
            } => Some(Exit::Unauthorized),
            Event::CallFailed { .. } | Event::CallTimedOut { .. } => Some(Exit::Unreachable),
            Event::DiskFailed { .. }
            | Event::DiskTimedOut { .. }
            | Event::FileUnreadable { .. }
            | Event::CurrentLinkForeign { .. } => Some(Exit::Store),
            Event::KeyFailed { .. } | Event::HandleGone { .. } => Some(Exit::Internal),
            Event::Held { .. } | Event::ClockInvalid { .. } | Event::ClockSuspect { .. } => Some(Exit::Clock),
            _ => None,
        }
    }
}
