//! The correct driver, and drivers with a seeded bug.

use std::fmt;

/// How the driver does its work. All but the first are faulty on purpose: an invariant must fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Driver {
    /// As it is told.
    #[default]
    Correct,
    /// Does not sync the directory, and says that it did.
    SkipsDirectorySyncs,
    /// Does not sync files, and says that it did.
    SkipsFileSyncs,
    /// Does not remove anything, and says that it did.
    SkipsUnlinks,
    /// Serves a certificate as soon as it is written, before the core says so.
    ServesEarly,
    /// Does not withdraw an expired identity.
    ServesOn,
    /// Makes every request with the first key.
    ReusesKeys,
    /// Makes another request, of which the core knows nothing, with every one that it sends.
    AsksTwice,
    /// Its monotonic clock stands still while the machine is suspended.
    StopsInSuspend,
    /// Writes a certificate that it fetched once more, rather than the one that was judged.
    FetchesAgain,
}

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
