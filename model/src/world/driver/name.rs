//! The names of drivers, as flags have them.

use std::fmt;

use crate::world::Driver;

impl Driver {
    /// All of them, the correct one first.
    pub const ALL: [Self; 10] = [
        Self::Correct,
        Self::SkipsDirectorySyncs,
        Self::SkipsFileSyncs,
        Self::SkipsUnlinks,
        Self::ServesEarly,
        Self::ServesOn,
        Self::ReusesKeys,
        Self::AsksTwice,
        Self::StopsInSuspend,
        Self::FetchesAgain,
    ];
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Correct => "correct",
            Self::SkipsDirectorySyncs => "skips-directory-syncs",
            Self::SkipsFileSyncs => "skips-file-syncs",
            Self::SkipsUnlinks => "skips-unlinks",
            Self::ServesEarly => "serves-early",
            Self::ServesOn => "serves-on",
            Self::ReusesKeys => "reuses-keys",
            Self::AsksTwice => "asks-twice",
            Self::StopsInSuspend => "stops-in-suspend",
            Self::FetchesAgain => "fetches-again",
        })
    }
}
