//! The log of a world, for scenario tests.

use std::collections::BTreeSet;

use certrotate_core::disk::{DiskCommand, DiskFault};
use certrotate_core::event::Event;
use certrotate_core::id::RequestDigest;
use certrotate_core::issuer::{Call, Credential};
use certrotate_core::time::Now;

/// Everything that happened, in order.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Every reported event.
    pub events: Vec<(Now, Event)>,
    /// Every call with its credential.
    pub calls: Vec<(Now, Call, Credential)>,
    /// Every disk command with its result.
    pub disk: Vec<(DiskCommand, Result<(), DiskFault>)>,
    /// Every request that the server ever took: an object that is made again counts once.
    pub requests: BTreeSet<RequestDigest>,
    /// The highest number of names of ours.
    pub names_max: usize,
}

impl Log {
    /// As whom the calls were made, in order.
    #[must_use]
    pub fn credentials(&self) -> Vec<Credential> {
        self.calls.iter().map(|(_, _, credential)| *credential).collect()
    }
}
