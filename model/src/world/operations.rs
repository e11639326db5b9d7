//! What was done on the disk, in a few bytes.

use certrotate_core::disk::{DiskCommand, DiskFault};
use certrotate_core::time::Now;

use crate::fingerprint;

/// The sequence of disk operations, in a few bytes; no part of what tells worlds apart.
#[derive(Clone, Copy, Debug, Default)]
pub struct Operations {
    /// Of all operations with their results, in their order.
    pub digest: u64,
    /// The same before the last of them.
    pub before: u64,
    /// How many there were.
    pub count: u32,
    /// How many of them were to change something.
    pub mutating: u32,
}

impl Operations {
    pub(super) fn note(&mut self, command: &DiskCommand, result: Result<(), DiskFault>) {
        self.before = self.digest;
        self.digest = fingerprint::of(&(self.digest, command, result), Now::default(), 0);
        self.count += 1;
        self.mutating += u32::from(command.mutates());
    }
}
