//! The hooks' longer bodies, for bugs that need nothing private. The others have a `seeded` module below their phase.
//!
//! The configuration chooses a bug, [`ConfigSpec::bug`]. A hook returns early or replaces one value; without a bug the
//! machine does exactly what the shipped one does.

mod clock;
mod facts;

use crate::common::{Common, Cx};
use crate::config::ConfigSpec;
use crate::disk::Name;
use crate::id::{FileNumber, Generation};
use crate::renewal::Attempt;
use crate::time::{Now, WallTime};

pub(crate) use certrotate_seeded_bugs::Bug;
pub(crate) use clock::{
    NEVER, before, credential, doubts_badly, is_stuck, is_whole_second, judged, planned, renew_badly,
    retry_badly, stale_key, throw_away, turn, wake,
};
pub(crate) use facts::{answered, found, started, taken};

/// What some bugs remember. Empty without them, so that equal states stay equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The clocks at the first step.
    origin: Option<Now>,
    /// The clocks at the step before.
    previous: Option<Now>,
    /// The latest start of a certificate that was refused.
    pub(crate) floor: Option<WallTime>,
    /// The attempt whose key is used again.
    pub(crate) kept: Option<Attempt>,
    /// The attempt whose key is named as needed.
    pub(crate) needed: Option<Attempt>,
    /// The generation before the request that the start found.
    pub(crate) before: Generation,
    /// Whether the last call succeeded.
    pub(crate) healthy: bool,
}

/// The one temporary name of [`Bug::B36`].
pub(crate) const FIXED: Name = Name::Temporary { generation: Generation(1), file: FileNumber(1) };

impl ConfigSpec {
    pub(crate) fn has_bug(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
}

impl Common {
    pub(crate) fn bug(&self, bug: Bug) -> bool {
        self.config.spec().has_bug(bug)
    }
}

impl Cx<'_> {
    /// Whether it is this bug that was chosen.
    pub(crate) fn bug(&self, bug: Bug) -> bool {
        self.common.bug(bug)
    }

    /// The bug that was chosen.
    pub(crate) fn seeded(&self) -> Option<Bug> {
        self.common.config.spec().bug
    }
}
