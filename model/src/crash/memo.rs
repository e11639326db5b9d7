//! Known states, each with the number of crashes to come.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::explore::AsIs;

/// The highest number of crashes that a fingerprint can carry.
pub(super) const MOST: u8 = 3;

/// Fingerprints, each with the crashes that were still to come in its two lowest bits.
#[derive(Debug, Default)]
pub(super) struct Memo(HashSet<Known, BuildHasherDefault<AsIs>>);

/// A fingerprint of 62 bits, and a number of crashes.
#[derive(Clone, Copy, Debug)]
struct Known(u64);

/// Whether a state was visited before, and with how many crashes to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// The state is new.
    New,
    /// The state is known with fewer crashes to come.
    Deeper,
    /// The state is known with as many crashes to come.
    Known,
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.0 >> 2 == other.0 >> 2
    }
}

impl Eq for Known {}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0 >> 2);
    }
}

impl Known {
    fn new(fingerprint: u64, left: u8) -> Self {
        Self(fingerprint & !3 | u64::from(left.min(MOST)))
    }
}

impl Memo {
    /// Returns whether the state was visited before.
    pub(super) fn look(&self, fingerprint: u64, left: u8) -> Visit {
        match self.0.get(&Known::new(fingerprint, left)) {
            None => Visit::New,
            Some(known) if known.0 & 3 < u64::from(left) => Visit::Deeper,
            Some(_) => Visit::Known,
        }
    }

    /// Remembers a state, and returns whether it was visited before.
    pub(super) fn visit(&mut self, fingerprint: u64, left: u8) -> Visit {
        let visit = self.look(fingerprint, left);
        if visit != Visit::Known {
            self.0.replace(Known::new(fingerprint, left));
        }
        visit
    }
}
