//! What the kit found.

use std::fmt;

use certrotate_core::time::Now;

use crate::conformance::promise::Promise;
use crate::replay::Run;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The promise.
    pub promise: Promise,
    /// What the driver did.
    pub detail: String,
    /// The number of steps before it, over all runs of the scenario.
    pub step: u64,
    /// The clocks then.
    pub now: Now,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The detail may have text of the driver under test.
        let detail: String = self.detail.chars().flat_map(char::escape_debug).take(MOST_DETAIL).collect();
        write!(f, "{}\n  after step {}, at {}: {detail}", self.promise, self.step, self.now.wall)
    }
}

/// The longest detail that is shown.
const MOST_DETAIL: usize = 600;

/// A played scenario.
#[derive(Clone, Debug)]
pub struct Report {
    /// The name of the scenario.
    pub scenario: &'static str,
    /// The first broken promise.
    pub broken: Option<Broken>,
    /// Every process of the driver with its steps: a trace for `certrotate-model replay`.
    pub runs: Vec<Run>,
}
