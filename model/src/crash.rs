//! The crash enumerator: recovers and judges every image that a power cut may leave, at every
//! moment.
//!
//! The [explorer](crate::explore) yields the sequences of disk operations, with their results. The
//! power fails after each prefix of each, before the answer to its last operation. The enumerator
//! takes every image that the [profile](Profile) allows, and draws none at random. From each image
//! the node starts in a world without further faults, and runs until it converges. Time passes only
//! if nothing else can happen. At every step of that recovery the power fails again, in every
//! image, and once more inside that.
//!
//! The enumerator judges:
//! - the image itself (S3, S4);
//! - every later step by all invariants (S5 once the start knows the disk; S8, S12);
//! - convergence within a bound (L2);
//! - another start, which must change nothing (S6).
//!
//! A panic breaks S15. The consequences of a crash depend only on the image and on the state that
//! outlives the process: the server, the clocks, the promises. So each such pair is recovered once,
//! and so is each state that two recoveries share; [`Progress`] counts them apart.
//!
//! # Example
//!
//! ```
//! use certrotate_model::crash;
//! use certrotate_model::disk::image::Profile;
//! use certrotate_model::explore::Bound;
//! use certrotate_model::scenario::Setup;
//!
//! let bound = Bound { setup: Setup::decode(0, 0), faults: 0, rotations: 1, settles: false };
//! let report = crash::enumerate(bound, |_, _| {}, 2, Profile::Alice, |_| true);
//! assert!(report.complete && report.found.is_none());
//! assert!(report.progress.images() > report.progress.prefixes);
//! ```

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasherDefault;
use std::ops::ControlFlow;

use certrotate_core::config::ConfigSpec;

use crate::disk::image::Profile;
use crate::explore::{self, AsIs, Bound};
use crate::invariants::Violation;
use crate::scenario::Scenario;
use crate::world::World;

mod engine;
mod memo;

use engine::Engine;

/// The deepest nesting: crashes in the recovery from the recovery from a crash.
pub const MOST_DEPTH: u8 = memo::MOST - 1;

/// Counts of the crashes of one depth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Different moments of a crash, by the state on disk, the pending changes and the promises.
    pub points: u64,
    /// Images at these moments, each judged.
    pub images: u64,
    /// Recoveries from them, different in image or in promises, until the node converged or reached
    /// a known state.
    pub recoveries: u64,
    /// Recoveries that ran again for crashes deeper inside.
    pub again: u64,
    /// Images that were known with as many crashes to come.
    pub known: u64,
}

/// The progress of an enumeration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The progress of the explorer.
    pub explored: explore::Progress,
    /// Different maximal sequences of disk operations, with their results.
    pub sequences: u64,
    /// Different prefixes of the sequences.
    pub prefixes: u64,
    /// The crashes by depth: in the sequence, in its recovery, in the recovery of that.
    pub levels: [Level; MOST_DEPTH as usize + 1],
    /// The most images at one moment.
    pub most_images: u64,
    /// Checked steps of core in recoveries.
    pub steps: u64,
    /// Recoveries that ran until the node converged. The node was started again after each.
    pub settled: u64,
}

impl Progress {
    fn sum(&self, what: fn(&Level) -> u64) -> u64 {
        self.levels.iter().map(what).sum()
    }

    /// Returns the number of enumerated and judged images.
    #[must_use]
    pub fn images(&self) -> u64 {
        self.sum(|level| level.images)
    }

    /// Returns the number of different recoveries.
    #[must_use]
    pub fn recoveries(&self) -> u64 {
        self.sum(|level| level.recoveries)
    }

    /// Returns the number of recoveries that ran, repetitions included.
    #[must_use]
    pub fn ran(&self) -> u64 {
        self.sum(|level| level.recoveries + level.again)
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} sequences with {} prefixes in {} states; at most {} images at a moment",
            self.sequences, self.prefixes, self.explored.states, self.most_images
        )?;
        for (depth, level) in self.levels.iter().enumerate().filter(|(_, level)| level.points > 0) {
            let Level { points, images, recoveries, again, known } = level;
            writeln!(
                f,
                "depth {depth}: {points} moments, {images} images, {recoveries} different recoveries, {again} once more, {known} known"
            )?;
        }
        write!(f, "{} recoveries, {} steps, {} converged", self.recoveries(), self.steps, self.settled)
    }
}

/// The result of a search.
#[derive(Clone, Debug)]
pub struct Report {
    /// The progress at the end.
    pub progress: Progress,
    /// Whether the bound is exhausted.
    pub complete: bool,
    /// The violation, and a scenario that shows it.
    pub found: Option<(Scenario, Violation)>,
}

/// Enumerates all crashes within a bound, nested at most `depth` deep ([`MOST_DEPTH`]). `change`
/// alters the world, for example to seed a bug. `go_on` decides after every state whether time and
/// memory are left.
pub fn enumerate(
    bound: Bound,
    change: impl FnOnce(&mut ConfigSpec, &mut World),
    depth: u8,
    profile: Profile,
    mut go_on: impl FnMut(&Progress) -> bool,
) -> Report {
    let mut engine = Engine::new(depth.min(MOST_DEPTH), profile);
    let mut sequences = Sequences::default();
    let look = |world: &World, explored: &explore::Progress| {
        sequences.see(world);
        let progress = &mut engine.progress;
        progress.explored = *explored;
        (progress.sequences, progress.prefixes) = sequences.count();
        let found = engine.crash(world);
        if found.is_some() || !go_on(&engine.progress) {
            return ControlFlow::Break(found);
        }
        ControlFlow::Continue(())
    };
    let explore::Report { progress: explored, complete, found } =
        explore::explore_with(bound, change, look, |_| true);
    let mut progress = engine.progress;
    progress.explored = explored;
    Report { progress, complete, found }
}

/// The sequences of disk operations by their digests, and whether another goes on from each.
#[derive(Default)]
struct Sequences {
    all: HashMap<u64, bool, BuildHasherDefault<AsIs>>,
    ends: u64,
}

impl Sequences {
    fn see(&mut self, world: &World) {
        let last = world.operations;
        if last.count == 0 || self.all.contains_key(&last.digest) {
            return;
        }
        self.all.insert(last.digest, false);
        self.ends += 1;
        if let Some(goes_on) = self.all.get_mut(&last.before)
            && !std::mem::replace(goes_on, true)
        {
            self.ends -= 1;
        }
    }

    /// Returns the number of maximal sequences and of all sequences.
    fn count(&self) -> (u64, u64) {
        (self.ends, self.all.len() as u64)
    }
}

#[cfg(test)]
mod tests;
