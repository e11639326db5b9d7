//! Crashes a world, recovers it and judges it, and does the same inside the recovery.

use std::panic::{AssertUnwindSafe, catch_unwind};

use certrotate_core::disk::DiskCommand;

use crate::disk::Disk;
use crate::disk::image::Profile;
use crate::explore::{Found, S15};
use crate::fingerprint;
use crate::invariants;
use crate::transition::{Lost, Transition};
use crate::world::{Effect, SETTLE_INPUTS, World};

use super::Progress;
use super::memo::{Memo, Visit};

/// The state of the enumerator.
pub(super) struct Engine {
    depth: u8,
    profile: Profile,
    pub(super) progress: Progress,
    /// States of recoveries.
    states: Memo,
    /// Images, with the state that outlives the process.
    images: Memo,
    /// Moments for a crash.
    points: Memo,
    /// The transitions since the explorer's state.
    trail: Vec<Transition>,
    /// The states of the recoveries that are under way, one inside the other.
    way: Vec<u64>,
}

/// The inputs before a start reads the disk: the first tick and the lock.
const STARTED: u64 = 2;

/// The result of a run. On a violation the trail leads to it.
type Went = Result<(), invariants::Violation>;

impl Engine {
    pub(super) fn new(depth: u8, profile: Profile) -> Self {
        let (states, images, points) = Default::default();
        let progress = Progress::default();
        Self { depth, profile, progress, states, images, points, trail: Vec::new(), way: Vec::new() }
    }

    /// Crashes in this state, and in the state with the disk operation in flight done and
    /// unanswered.
    pub(super) fn crash(&mut self, world: &World) -> Found {
        self.trail.clear();
        self.way.clear();
        let went = catch_unwind(AssertUnwindSafe(|| {
            let mut mended = world.clone();
            self.trail.push(Transition::Mend);
            mended.mend();
            went(&mended)?;
            self.crashes(&mended, self.depth)
        }));
        let violation = went.unwrap_or(Err(S15)).err()?;
        Some((std::mem::take(&mut self.trail), violation))
    }

    /// Crashes now in every way, in a world without further faults. `left` more crashes may come in
    /// the recovery.
    fn crashes(&mut self, world: &World, left: u8) -> Went {
        self.crash_now(world, left)?;
        let changes = |command: DiskCommand| !matches!(command, DiskCommand::Lock | DiskCommand::Scan);
        if world.in_flight.iter().any(|it| matches!(it.effect, Effect::Disk(command) if changes(command))) {
            let mut done = world.clone();
            self.trail.push(Transition::DiskLost(Lost::Done));
            done.happen(Transition::DiskLost(Lost::Done));
            went(&done)?;
            self.crash_now(&done, left)?;
            self.trail.pop();
        }
        Ok(())
    }

    fn crash_now(&mut self, world: &World, left: u8) -> Went {
        let without_disk = world.without_disk();
        let moment = fingerprint::of(&(without_disk, world.served(), &world.disk), world.now, 0);
        if self.points.visit(moment, left) == Visit::Known {
            return Ok(());
        }
        let level = usize::from(self.depth - left);
        self.progress.levels[level].points += 1;
        let mut started = None;
        let (mut number, mut result) = (0u64, Ok(()));
        world.disk.images(self.profile, |image| {
            self.trail.push(self.transition(world, image, number));
            number += 1;
            result = self.image(world, &mut started, image, without_disk, left);
            if result.is_ok() {
                self.trail.pop();
            }
            result.is_ok()
        });
        self.progress.most_images = self.progress.most_images.max(number);
        result
    }

    /// Returns the transition that leaves an image. Images of the weakest profile have numbers.
    fn transition(&self, world: &World, image: &Disk, number: u64) -> Transition {
        let same = || {
            let digest = |disk: &Disk| fingerprint::of(disk, world.now, 0);
            let (mut at, mut found) = (0, 0);
            world.disk.images(Profile::Alice, |other| {
                found = at;
                at += 1;
                digest(other) != digest(image)
            });
            found
        };
        match self.profile {
            Profile::Alice => Transition::PowerCut(number as u8),
            Profile::Ext4Ordered | Profile::Xfs | Profile::Btrfs => Transition::PowerCut(same()),
            Profile::ProcessCrashOnly => {
                Transition::Kill(crate::disk::How::Fails(certrotate_core::disk::DiskFault::Io))
            }
        }
    }

    /// Judges one image and, unless it is known, recovers from it. All images of a moment share the
    /// start.
    fn image(
        &mut self,
        world: &World,
        started: &mut Option<World>,
        image: &Disk,
        without_disk: u64,
        left: u8,
    ) -> Went {
        let level = &mut self.progress.levels[usize::from(self.depth - left)];
        level.images += 1;
        if let Some(violation) = invariants::of_image(world, image) {
            return Err(violation);
        }
        match self.images.visit(fingerprint::of(&(without_disk, image), world.now, 0), left) {
            Visit::Known => {
                level.known += 1;
                return Ok(());
            }
            Visit::New => level.recoveries += 1,
            Visit::Deeper => level.again += 1,
        }
        let steps = world.steps;
        let mut after = started.get_or_insert_with(|| start(world)).clone();
        after.disk = *image;
        let (transitions, from) = (self.trail.len(), self.way.len());
        if after.steps == steps + STARTED {
            self.trail.push(Transition::Step(0));
            invariants::check_disk(&mut after);
        }
        let before = after.steps;
        let recovered = self.recover(&mut after, left);
        self.progress.steps += after.steps - before;
        recovered?;
        self.trail.truncate(transitions);
        for state in self.way.drain(from..) {
            self.states.visit(state, left);
        }
        Ok(())
    }

    /// Runs until the node converges or reaches a known state, with every crash on the way.
    fn recover(&mut self, world: &mut World, left: u8) -> Went {
        for inputs in 0.. {
            went(world)?;
            let state = world.fingerprint();
            if self.states.look(state, left) == Visit::Known {
                break;
            }
            self.way.push(state);
            if left > 0 {
                self.crashes(world, left - 1)?;
            }
            if world.is_settled() {
                self.progress.settled += 1;
                world.starts_again();
                return went(world);
            }
            self.trail.push(Transition::Step(0));
            if inputs > SETTLE_INPUTS {
                world.hold("L2", "after a crash the node converges within 64 inputs", false);
            } else if world.node.is_none() {
                world.start();
            } else if !world.happen(Transition::Step(0)) {
                world.hold("L2", "a node that has not converged has a deadline", false);
            }
        }
        Ok(())
    }
}

/// Returns the world after a crash, with the node started up to its first read of the disk.
fn start(world: &World) -> World {
    let mut started = world.clone();
    started.kill();
    started.ghost.forget_counts(started.now.mono);
    started.start();
    if let [asked] = &*started.in_flight
        && asked.effect == Effect::Disk(DiskCommand::Lock)
    {
        // The disk is not the image yet. `start` judges the image later.
        started.blind = true;
        started.happen(Transition::Step(0));
        started.blind = world.blind;
    }
    started
}

fn went(world: &World) -> Went {
    world.violation.map_or(Ok(()), Err)
}
