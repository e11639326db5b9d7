//! The correct driver, and drivers with a seeded bug.

use std::fmt;

/// The kinds of drivers. All except the first have a seeded bug, which an invariant must show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Driver {
    /// Correct.
    #[default]
    Correct,
    /// Reports a sync of the directory without doing it.
    SkipsDirectorySyncs,
    /// Reports syncs of files without doing them.
    SkipsFileSyncs,
    /// Reports removals without doing them.
    SkipsUnlinks,
    /// Presents a certificate once it is written, before core announces it.
    ServesEarly,
    /// Does not withdraw an expired identity.
    ServesOn,
    /// Makes every request with the first key.
    ReusesKeys,
    /// Makes an unreported second request with each one that it sends.
    AsksTwice,
    /// Its monotonic clock stands still while the machine is suspended.
    StopsInSuspend,
    /// Writes a certificate that it fetched once more, rather than the one that was judged.
    FetchesAgain,
}

impl Driver {
    /// All drivers, the correct one first.
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
