//! Counts for tests, the demo and metrics: the layers above report to them.

pub(crate) mod durations;
pub(crate) mod open_csrs;
pub(crate) mod requests;
pub(crate) mod stats;
