//! The crash enumerator: every image that a power cut may leave, at every place, recovered and judged.
//!
//! The [explorer](crate::explore) gives the sequences of disk operations, with their results. After each prefix of each, and
//! before the answer to its last operation is given, the power goes; of the images that the [profile](Profile) allows, every
//! one is taken, none is drawn. From each the node starts in a world in which nothing fails from then on, and goes on until it has
//! converged; time passes only where nothing else can happen. At every step of that recovery the power goes again, in every
//! image, and once more in that.
//!
//! Judged are the image itself (S3, S4), every step from there (all invariants: S5 where the start has found out what there is,
//! S8, S12), that it converges within a bound (L2), and that another start changes nothing (S6). A panic breaks S15.
//!
//! What follows from a crash depends on nothing but the image and what outlives the process: the server, the clocks, what was
//! promised. So each such pair is recovered once, and so is each state of a recovery that another has been in;
//! [`Progress`] counts them apart.
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

/// How crashes of one depth went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// How many different moments a crash came at, by the state on disk, pending and promised.
    pub points: u64,
    /// How many images that makes, each judged as it is.
    pub images: u64,
    /// From how many of them, different in image or in what is promised, the node started and was judged until it
    /// had converged or was where another had been.
    pub recoveries: u64,
    /// From how many it started once more, for the sake of crashes that come deeper in the recovery.
    pub again: u64,
    /// How many were known, with as many crashes to come.
    pub known: u64,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How far the explorer has come.
    pub explored: explore::Progress,
    /// How many different sequences of disk operations, with their results, no other goes on from.
    pub sequences: u64,
    /// How many different prefixes they have.
    pub prefixes: u64,
    /// The crashes: of the sequence itself, in its recovery, in the recovery of that.
    pub levels: [Level; MOST_DEPTH as usize + 1],
    /// The most images at one moment.
    pub most_images: u64,
    /// How many steps of the machine were checked in recoveries.
    pub steps: u64,
    /// How many recoveries ran until the node had converged, which was started again.
    pub settled: u64,
}

impl Progress {
    fn sum(&self, what: fn(&Level) -> u64) -> u64 {
        self.levels.iter().map(what).sum()
    }

    /// How many images were enumerated and judged.
    #[must_use]
    pub fn images(&self) -> u64 {
        self.sum(|level| level.images)
    }

    /// How many different recoveries there were.
    #[must_use]
    pub fn recoveries(&self) -> u64 {
        self.sum(|level| level.recoveries)
    }

    /// How many recoveries ran, the same ones once more among them.
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
    /// How far it came.
    pub progress: Progress,
    /// Whether the bound is exhausted.
    pub complete: bool,
    /// The violation, and a scenario that shows it.
    pub found: Option<(Scenario, Violation)>,
}

/// Enumerates all crashes within a bound, nested `depth` deep ([`MOST_DEPTH`] at the most); `change` makes the world other than
/// it should be, and `go_on` decides after every state whether there is time and memory left.
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

    /// How many there are that no other goes on from, and how many in all.
    fn count(&self) -> (u64, u64) {
        (self.ends, self.all.len() as u64)
    }
}

#[cfg(test)]
mod tests;
