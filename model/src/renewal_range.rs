//! The renewal range that the checks expect: the one copy of the defaults of core's `renewal.from` and `renewal.to`.
//!
//! The copy is deliberate: an oracle that reads the numbers or calls the arithmetic of core is wrong with it.

use certrotate_core::time::Span;

use crate::monitor::Validity;

/// The earliest renewal point, in thousandths of the lifetime.
pub const EARLIEST: u16 = 700;

/// The latest renewal point, in thousandths of the lifetime.
pub const LATEST: u16 = 900;

impl Validity {
    /// Returns the earliest renewal point, in milliseconds since 1970.
    #[must_use]
    pub fn earliest_renewal(&self) -> i128 {
        self.at(EARLIEST)
    }

    /// Returns the latest renewal point, in milliseconds since 1970.
    #[must_use]
    pub fn latest_renewal(&self) -> i128 {
        self.at(LATEST)
    }
}

/// Returns the part of a lifetime that is left at the latest renewal point.
#[must_use]
pub fn left_at_latest(lifetime: Span) -> Span {
    lifetime.scaled(1000 - u64::from(LATEST), 1000)
}
