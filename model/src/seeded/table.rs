//! The mistakes, each with the invariants that it may be reported under.
//!
//! What a mistake breaks is said here beforehand, from what the mistake is, and not read off what is found: an engine that
//! reports something else has found something else, and goes on.

use certrotate_core::seeded::Bug;

use crate::world::Driver;

/// A mistake that this crate's engines look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mistake {
    /// In the machine.
    Core(Bug),
    /// In what carries out its actions.
    Driver(Driver),
}

impl Mistake {
    /// Its name: a letter and two digits.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Core(bug) => bug.name(),
            Self::Driver(driver) => match driver {
                Driver::Correct => "D00",
                Driver::StopsInSuspend => "B06",
                Driver::FetchesAgain => "B28",
                Driver::SkipsDirectorySyncs => "D01",
                Driver::SkipsFileSyncs => "D02",
                Driver::SkipsUnlinks => "D03",
                Driver::ServesEarly => "D04",
                Driver::ServesOn => "D05",
                Driver::ReusesKeys => "D06",
                Driver::AsksTwice => "D07",
            },
        }
    }

    /// The one sentence about it.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Core(bug) => bug.sentence(),
            Self::Driver(driver) => match driver {
                Driver::Correct => "The driver does as it is told.",
                Driver::StopsInSuspend => "The driver's mono clock stands still while the machine sleeps.",
                Driver::FetchesAgain => {
                    "What is written is a copy that was fetched once more, and not what was judged."
                }
                Driver::SkipsDirectorySyncs => "The driver does not sync directories.",
                Driver::SkipsFileSyncs => "The driver does not sync files.",
                Driver::SkipsUnlinks => "The driver removes nothing.",
                Driver::ServesEarly => "The driver serves what is not durable yet.",
                Driver::ServesOn => "The driver serves what was withdrawn.",
                Driver::ReusesKeys => "The driver has one key for all requests.",
                Driver::AsksTwice => "The driver makes two requests of each.",
            },
        }
    }

    /// The mistake of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        TABLE.iter().map(|(mistake, _)| *mistake).find(|mistake| mistake.name() == name)
    }
}

/// A mistake, and the invariants that it breaks.
pub type Line = (Mistake, &'static [&'static str]);

/// Mistakes of other crates, which are found there, with what they break.
pub const ELSEWHERE: &[(&str, &str, &[&str])] = &[
    ("B24", "x509", &["S2"]),
    ("B25", "x509", &["S2"]),
    ("B44", "agent", &["S11"]),
    ("B45", "store", &["S11"]),
    ("X1", "x509", &["S1", "S2"]),
    ("X2", "x509", &["S2"]),
    ("X3", "x509", &["S2", "S3"]),
    ("X4", "x509", &["S2"]),
    ("X5", "x509", &["S2", "S10"]),
    ("X6", "store", &["S3", "S4"]),
    ("X7", "store", &["S2", "S3"]),
    ("X8", "store", &["S3", "S8"]),
    ("X9", "store", &["S11"]),
    ("X10", "store", &["S11", "S2"]),
];

/// All that are looked for here.
#[rustfmt::skip]
pub const TABLE: &[Line] = &[
    (Mistake::Core(Bug::B01), &["S1"]),
    (Mistake::Core(Bug::B02), &["S1"]),
    (Mistake::Core(Bug::B03), &["S1", "S14"]),
    (Mistake::Core(Bug::B04), &["S1", "S14"]),
    (Mistake::Core(Bug::B05), &["L1", "S14"]),
    (Mistake::Core(Bug::B07), &["S15", "L1"]),
    (Mistake::Core(Bug::B08), &["S14", "L4"]),
    (Mistake::Core(Bug::B09), &["S9"]),
    (Mistake::Core(Bug::B10), &["L1", "L4"]),
    (Mistake::Core(Bug::B11), &["S9"]),
    (Mistake::Core(Bug::B12), &["L1", "L4"]),
    (Mistake::Core(Bug::B13), &["S8", "S9", "M1"]),
    (Mistake::Core(Bug::B14), &["M7"]),
    (Mistake::Core(Bug::B15), &["S8"]),
    (Mistake::Core(Bug::B16), &["S8"]),
    (Mistake::Core(Bug::B17), &["S8", "L4"]),
    (Mistake::Core(Bug::B18), &["L4"]),
    (Mistake::Core(Bug::B19), &["S8", "S3"]),
    (Mistake::Core(Bug::B20), &["L4", "L1"]),
    (Mistake::Core(Bug::B21), &["L2", "S2"]),
    (Mistake::Core(Bug::B22), &["S2"]),
    (Mistake::Core(Bug::B23), &["S2"]),
    (Mistake::Core(Bug::B26), &["S2"]),
    (Mistake::Core(Bug::B27), &["S9", "S2"]),
    (Mistake::Core(Bug::B29), &["S4", "S3"]),
    (Mistake::Core(Bug::B30), &["S3", "S5"]),
    (Mistake::Core(Bug::B31), &["S2", "S3"]),
    (Mistake::Core(Bug::B32), &["S3", "S5"]),
    (Mistake::Core(Bug::B33), &["S3", "S7"]),
    (Mistake::Core(Bug::B34), &["S7", "S4", "S3", "S8"]),
    (Mistake::Core(Bug::B35), &["S4", "S3"]),
    (Mistake::Core(Bug::B36), &["S3", "S6"]),
    (Mistake::Core(Bug::B37), &["S2", "S3"]),
    (Mistake::Core(Bug::B38), &["S5", "L3"]),
    (Mistake::Core(Bug::B39), &["S6", "L2"]),
    (Mistake::Core(Bug::B40), &["S3", "S10", "S12"]),
    (Mistake::Core(Bug::B41), &["S4", "S3"]),
    (Mistake::Core(Bug::B42), &["S10"]),
    (Mistake::Core(Bug::B43), &["S10"]),
    (Mistake::Core(Bug::B46), &["S12", "L5"]),
    (Mistake::Core(Bug::B47), &["L1", "L2"]),
    (Mistake::Core(Bug::B48), &["L1", "L2"]),
    (Mistake::Core(Bug::B49), &["L5"]),
    (Mistake::Core(Bug::B50), &["S15"]),
    (Mistake::Core(Bug::B51), &["S1", "S15"]),
    (Mistake::Core(Bug::B55), &["S13", "M1"]),
    (Mistake::Core(Bug::B56), &["S13", "S4"]),
    (Mistake::Core(Bug::B57), &["M2", "L1"]),
    (Mistake::Core(Bug::B58), &["S3", "S8"]),
    (Mistake::Core(Bug::B59), &["S3", "S8"]),
    (Mistake::Core(Bug::F01), &["L3"]),
    (Mistake::Core(Bug::F02), &["L3", "L4"]),
    (Mistake::Core(Bug::F06), &["L3"]),
    (Mistake::Core(Bug::F09), &["L2"]),
    (Mistake::Core(Bug::F12), &["L1", "L2", "S14"]),
    (Mistake::Core(Bug::F14), &["S1", "S5"]),
    (Mistake::Core(Bug::F16), &["S8"]),
    (Mistake::Core(Bug::F22), &["L1", "S14"]),
    (Mistake::Core(Bug::F23), &["S1", "S14"]),
    (Mistake::Core(Bug::F25), &["S9"]),
    (Mistake::Core(Bug::F27), &["L1", "S9"]),
    (Mistake::Core(Bug::F28), &["L1", "S9"]),
    (Mistake::Core(Bug::F29), &["L1"]),
    (Mistake::Core(Bug::F30), &["L1", "S13", "S15"]),
    (Mistake::Core(Bug::F31), &["M7"]),
    (Mistake::Core(Bug::F33), &["L4"]),
    (Mistake::Core(Bug::F35), &["S8"]),
    (Mistake::Core(Bug::F36), &["S8"]),
    (Mistake::Core(Bug::F39), &["S2"]),
    (Mistake::Core(Bug::F40), &["L2", "L4"]),
    (Mistake::Core(Bug::F41), &["S9"]),
    (Mistake::Core(Bug::F42), &["L4"]),
    (Mistake::Core(Bug::F44), &["S9"]),
    (Mistake::Core(Bug::F47), &["L4"]),
    (Mistake::Core(Bug::F48), &["L4"]),
    (Mistake::Core(Bug::F50), &["S3", "S7"]),
    (Mistake::Core(Bug::F51), &["L2"]),
    (Mistake::Core(Bug::F56), &["S8"]),
    (Mistake::Core(Bug::F58), &["L2"]),
    (Mistake::Core(Bug::F59), &["S12"]),
    (Mistake::Core(Bug::F63), &["S2"]),
    (Mistake::Core(Bug::F88), &["L3"]),
    (Mistake::Core(Bug::F89), &["L3", "L4"]),
    (Mistake::Core(Bug::H01), &["L4", "L1", "L2"]),
    (Mistake::Core(Bug::H02), &["S9", "S8"]),
    (Mistake::Core(Bug::H03), &["L1"]),
    (Mistake::Core(Bug::U01), &["S4"]),
    (Mistake::Core(Bug::U02), &["S8"]),
    (Mistake::Core(Bug::U03), &["S5", "L1"]),
    (Mistake::Core(Bug::C01), &["S14"]),
    (Mistake::Core(Bug::C02), &["L4", "L2"]),
    (Mistake::Core(Bug::C03), &["S14", "S9"]),
    (Mistake::Core(Bug::T01), &["S2", "L3"]),
    (Mistake::Core(Bug::T02), &["S2"]),
    (Mistake::Core(Bug::T03), &["L3", "L2"]),
    (Mistake::Core(Bug::T04), &["S9"]),
    (Mistake::Core(Bug::T05), &["S2"]),
    (Mistake::Core(Bug::T06), &["S4", "S5"]),
    (Mistake::Core(Bug::T07), &["L3"]),
    (Mistake::Core(Bug::A01), &["S2"]),
    (Mistake::Core(Bug::A02), &["S6", "M3", "S9", "S13", "L2"]),
    (Mistake::Core(Bug::A03), &["S5"]),
    (Mistake::Core(Bug::A04), &["S13", "S4", "L1", "L2"]),
    (Mistake::Core(Bug::A05), &["S5"]),
    (Mistake::Core(Bug::A06), &["S13"]),
    (Mistake::Driver(Driver::StopsInSuspend), &["L1", "L3"]),
    (Mistake::Driver(Driver::FetchesAgain), &["S2", "S3"]),
    (Mistake::Driver(Driver::SkipsDirectorySyncs), &["S3", "S4"]),
    (Mistake::Driver(Driver::SkipsFileSyncs), &["S3", "S7"]),
    (Mistake::Driver(Driver::SkipsUnlinks), &["S9", "S12", "L2"]),
    (Mistake::Driver(Driver::ServesEarly), &["S4"]),
    (Mistake::Driver(Driver::ServesOn), &["S1"]),
    (Mistake::Driver(Driver::ReusesKeys), &["S10"]),
    (Mistake::Driver(Driver::AsksTwice), &["S8"]),
];
