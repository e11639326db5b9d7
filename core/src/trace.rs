//! A run as data: one header, then one record per step.
//!
//! The agent's journal, the simulator and every failing test write the same lines (JSON Lines, with the
//! `serde` feature). No key and no certificate is in them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::config::{Config, ConfigError, ConfigSpec};
use crate::id::RunId;
use crate::input::{Action, Disposition, Input};
use crate::rotator::{Rotator, Step};
use crate::time::Now;
use crate::view::Wake;

/// The version of the format.
pub const FORMAT: u32 = 5;

/// The first line of a trace: all that a replay needs to begin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TraceHeader {
    /// The version of the format: [`FORMAT`].
    pub format: u32,
    /// The version of this crate.
    pub core: alloc::string::String,
    /// The configuration.
    pub config: ConfigSpec,
    /// The run.
    pub run: RunId,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TraceRecord {
    /// Counts up from 1.
    pub seq: u64,
    /// What the clocks showed.
    pub now: Now,
    /// What happened.
    pub input: Input,
    /// What became of it.
    pub disposition: Disposition,
    /// The actions.
    pub actions: Vec<Action>,
    /// When the next tick was wanted.
    pub wake: Wake,
    /// The digest of the state after the step.
    pub digest: u64,
}

impl TraceHeader {
    /// The header of a run.
    #[must_use]
    pub fn new(config: &Config, run: RunId) -> Self {
        Self { format: FORMAT, core: env!("CARGO_PKG_VERSION").into(), config: config.spec().clone(), run }
    }

    /// The machine that the trace begins with.
    ///
    /// # Errors
    ///
    /// The configuration in the header is not valid.
    pub fn rotator(&self) -> Result<Rotator, ConfigError> {
        Ok(Rotator::new(Config::new(self.config.clone())?, self.run))
    }
}

impl TraceRecord {
    /// Takes one step and records it.
    pub fn of_step(rotator: &mut Rotator, seq: u64, now: Now, input: Input) -> Self {
        Self::with_step(rotator, seq, now, input).0
    }

    /// Takes one step, records it, and returns the step, too.
    pub fn with_step(rotator: &mut Rotator, seq: u64, now: Now, input: Input) -> (Self, Step) {
        let step = rotator.step(now, input.clone());
        let Step { disposition, actions, .. } = step.clone();
        let record =
            Self { seq, now, input, disposition, actions, wake: rotator.wake(), digest: rotator.digest() };
        (record, step)
    }

    /// Takes the recorded step again.
    ///
    /// # Errors
    ///
    /// The record as it is now, where it differs from the one that was written.
    pub fn replay(&self, rotator: &mut Rotator) -> Result<(), Box<Self>> {
        let again = Self::of_step(rotator, self.seq, self.now, self.input.clone());
        if again == *self { Ok(()) } else { Err(Box::new(again)) }
    }
}

#[cfg(test)]
mod tests;
