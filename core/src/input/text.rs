//! Dispositions and reasons to exit in words.

use core::fmt;

use super::{Disposition, ExitReason, Why};

impl core::error::Error for ExitReason {}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shutdown => "a shutdown was requested, and no operation is in flight",
            Self::Locked => "the directory is locked already, by another process or another node of this one; end it, or give another directory",
            Self::Unsafe => {
                "the directory is another user's, or others may write to it; correct its owner and mode"
            }
            Self::NoDirectory => "the directory is missing and cannot be made, or is no directory; make it",
        })
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applied => f.write_str("applied"),
            Self::Ignored(why) => write!(f, "ignored: {why}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDue => "nothing is due",
            Self::NotOutstanding => "the operation is not in flight",
            Self::Busy => "a request is open, or a gate is closed",
            Self::Ended => "the run ended or is ending",
            Self::Unchanged => "the configuration is the current one",
            Self::NeedsRestart => "a client CA is added or removed by a restart only",
        })
    }
}
