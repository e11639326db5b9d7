//! The mistakes, each with the invariants that it may be reported under.

use super::*;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mistake {
    /// In the machine.
    Core(Bug),
    /// In what carries out its actions.
    Driver(Driver),
}

impl Mistake {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Core(bug) => bug.name(),
            Self::Driver(Driver::StopsInSuspend) => "B06",
            Self::Driver(_) => "B28",
        }
    }
}

/// All of them.
pub const TABLE: &[(Mistake, &[&str])] = &[
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
    (Mistake::Core(Bug::B57), &["M2"]),
    (Mistake::Core(Bug::B58), &["S3", "S8"]),
    (Mistake::Core(Bug::B59), &["S3", "S8"]),
    (Mistake::Core(Bug::F01), &[]),
    (Mistake::Core(Bug::F02), &[]),
    (Mistake::Core(Bug::F06), &[]),
    (Mistake::Core(Bug::F09), &[]),
    (Mistake::Core(Bug::F12), &[]),
    (Mistake::Core(Bug::F14), &[]),
    (Mistake::Core(Bug::F16), &[]),
    (Mistake::Core(Bug::F22), &[]),
    (Mistake::Core(Bug::F23), &[]),
    (Mistake::Core(Bug::F25), &[]),
    (Mistake::Core(Bug::F27), &[]),
    (Mistake::Core(Bug::F28), &[]),
    (Mistake::Core(Bug::F29), &[]),
    (Mistake::Core(Bug::F30), &[]),
    (Mistake::Core(Bug::F31), &[]),
    (Mistake::Core(Bug::F33), &[]),
    (Mistake::Core(Bug::F35), &[]),
    (Mistake::Core(Bug::F36), &[]),
    (Mistake::Core(Bug::F39), &[]),
    (Mistake::Core(Bug::F40), &[]),
    (Mistake::Core(Bug::F41), &[]),
    (Mistake::Core(Bug::F42), &[]),
    (Mistake::Core(Bug::F44), &[]),
    (Mistake::Core(Bug::F47), &[]),
    (Mistake::Core(Bug::F48), &[]),
    (Mistake::Core(Bug::F50), &[]),
    (Mistake::Core(Bug::F51), &[]),
    (Mistake::Core(Bug::F56), &[]),
    (Mistake::Core(Bug::F58), &[]),
    (Mistake::Core(Bug::F59), &[]),
    (Mistake::Core(Bug::F63), &[]),
    (Mistake::Core(Bug::F88), &[]),
    (Mistake::Core(Bug::F89), &[]),
    (Mistake::Driver(Driver::StopsInSuspend), &["L3", "L1", "S14"]),
    (Mistake::Driver(Driver::FetchesAgain), &["S2", "S3"]),
];
