//! How the process ends, in a number that scripts can rely on.

use std::process::ExitCode;

use certrotate_core::api::{ApiFault, Credential};
use certrotate_core::input::ExitReason;
use certrotate_core::notice::Notice;

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
    /// `--once`: not yet approved when the time was up.
    Pending = 10,
    /// `--once`: denied, or failed by the signer.
    Denied = 11,
    /// `--once`: the server accepts no credential that is there.
    Unauthorized = 12,
    /// `--once`: the server was not reached.
    Unreachable = 13,
    /// `--once`: the certificate has ended and there is no bootstrap credential.
    Expired = 14,
    /// The certificate directory is unsafe, locked by another process, missing or not writable.
    Store = 15,
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

/// What a notice says about why there is no certificate yet; `None` where it says nothing about that.
#[must_use]
pub fn why_not_yet(notice: &Notice) -> Option<Exit> {
    match notice {
        Notice::RequestPending { .. } | Notice::RequestStuck { .. } => Some(Exit::Pending),
        Notice::RequestDenied { .. } | Notice::RequestFailed { .. } => Some(Exit::Denied),
        Notice::CertificateRefused { .. } => Some(Exit::Refused),
        Notice::CallFailed { credential, fault, .. } => match (fault, credential) {
            (ApiFault::Unauthorized | ApiFault::Forbidden, _) => Some(Exit::Unauthorized),
            (ApiFault::NoCredential, Credential::Bootstrap) => Some(Exit::Expired),
            (
                ApiFault::NoCredential
                | ApiFault::Unreachable
                | ApiFault::NotFound
                | ApiFault::AlreadyExists
                | ApiFault::TooManyRequests { .. }
                | ApiFault::Invalid
                | ApiFault::ServerError { .. }
                | ApiFault::WatchEnded
                | ApiFault::Unexpected,
                _,
            ) => Some(Exit::Unreachable),
        },
        Notice::CallTimedOut { .. } => Some(Exit::Unreachable),
        Notice::DiskFailed { .. } | Notice::DiskTimedOut { .. } | Notice::LiveNameForeign { .. } => {
            Some(Exit::Store)
        }
        Notice::FileRefused { .. }
        | Notice::FileCorrupt { .. }
        | Notice::FileUnreadable { .. }
        | Notice::Quarantined { .. }
        | Notice::Live { .. }
        | Notice::Expired { .. }
        | Notice::NotYetValid { .. }
        | Notice::AttemptStarted { .. }
        | Notice::RequestForeign { .. }
        | Notice::KeyFailed { .. } => None,
    }
}
