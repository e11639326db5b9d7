//! The explorer: every scenario within a bound, by breadth-first search over core × disk × server × clocks.
//!
//! A state is a [`World`] and what is left of the bound. From each, everything that takes its course happens, and, while
//! faults are left, every fault of the [alphabet](alphabet::FAULTS), at the cost of one; a power cut in every image that it
//! may leave. The search ends when nothing new is reached: then the bound is exhausted, and what was not found is not there.
//! Since it goes breadth first, what it finds first is as short as it can be.
//!
//! From every state the world is healed, and must settle (L2); what has settled once is remembered, so this costs little
//! more than a step for each. States are told apart by [fingerprints](crate::fingerprint) of 64 bits.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use certrotate_core::config::ConfigSpec;

use crate::disk::image::Profile;
use crate::event::Event;
use crate::invariants::Violation;
use crate::scenario::{Scenario, Setup};
use crate::world::World;

pub mod alphabet;
pub mod cycles;

/// What is explored.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// How the world begins.
    pub setup: Setup,
    /// How many faults there are at the most, of any kind, at any time.
    pub faults: u8,
    /// How many identities go live at the most; what comes after the last is not looked at.
    pub rotations: u8,
    /// Whether the world is healed in every state, and must settle.
    pub settles: bool,
}

/// The most attempts in a row, that come to nothing, that are followed.
pub const ATTEMPTS: u8 = 3;

/// The most failures of the disk, and of calls, that are followed.
pub const FAILURES: u32 = 4;

/// How far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many different states were reached.
    pub states: u64,
    /// How many events happened, each checked.
    pub transitions: u64,
    /// How many steps of the machine were checked while healed worlds settled.
    pub settling: u64,
    /// How many events the deepest state is away from the beginning.
    pub depth: u32,
    /// How many states wait for their turn.
    pub waiting: u64,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// How far it came.
    pub progress: Progress,
    /// Whether the bound is exhausted.
    pub complete: bool,
    /// What does not hold, and a shortest scenario that shows it.
    pub found: Option<(Scenario, Violation)>,
}

/// Fingerprints are hashed already.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// A set of fingerprints.
pub type Seen = HashSet<u64, BuildHasherDefault<AsIs>>;

/// A state whose turn has not come.
struct Waiting {
    world: Box<World>,
    left: u8,
    path: u32,
}

/// What is seen of a new state: go on, or break off, perhaps because of what did not hold after some more events.
pub(crate) type Look = ControlFlow<Found>;

/// How each state was reached: the state before, and the event.
struct Paths(Vec<(u32, Event)>);

impl Paths {
    fn push(&mut self, before: u32, event: Event) -> u32 {
        self.0.push((before, event));
        (self.0.len() - 1) as u32
    }

    /// The events that lead to a state, and one more.
    fn events(&self, mut path: u32, last: Option<Event>) -> Vec<Event> {
        let mut events: Vec<Event> = last.into_iter().collect();
        while path != 0 {
            let (before, event) = self.0[path as usize];
            events.push(event);
            path = before;
        }
        events.reverse();
        events
    }
}

/// Explores; `change` makes the world other than it should be, `look` is shown every state that is new, and `go_on` is asked
/// now and then whether there is time and memory left.
pub fn explore(
    bound: Bound,
    change: impl FnOnce(&mut ConfigSpec, &mut World),
    mut look: impl FnMut(&World),
    go_on: impl FnMut(&Progress) -> bool,
) -> Report {
    let look = |world: &World, _: &Progress| {
        look(world);
        ControlFlow::Continue(())
    };
    explore_with(bound, change, look, go_on)
}

/// Explores; `look` may break off, and say what it has found after which events more.
pub(crate) fn explore_with(
    bound: Bound,
    change: impl FnOnce(&mut ConfigSpec, &mut World),
    mut look: impl FnMut(&World, &Progress) -> Look,
    mut go_on: impl FnMut(&Progress) -> bool,
) -> Report {
    let mut search = Search {
        bound,
        progress: Progress::default(),
        seen: Seen::default(),
        settled: Seen::default(),
        paths: Paths(vec![(0, Event::Step(0))]),
        next: Vec::new(),
        at: (0, None),
    };
    let ran = catch_unwind(AssertUnwindSafe(|| search.run(change, &mut look, &mut go_on)));
    let (found, complete) = match ran {
        Ok(ControlFlow::Continue(complete)) => (None, complete),
        Ok(ControlFlow::Break(found)) => (found, false),
        Err(_) => (Some((search.paths.events(search.at.0, search.at.1), S15)), false),
    };
    let found = found.map(|(events, violation)| (Scenario { setup: bound.setup, events }, violation));
    Report { progress: search.progress, complete, found }
}

/// What does not hold where something panics.
pub(crate) const S15: Violation =
    Violation { id: "S15", sentence: "every state takes every input, and does not panic" };

/// What does not hold, and the events that lead there.
pub(crate) type Found = Option<(Vec<Event>, Violation)>;

struct Search {
    bound: Bound,
    progress: Progress,
    seen: Seen,
    settled: Seen,
    paths: Paths,
    next: Vec<Waiting>,
    /// What is happening: an event in a state.
    at: (u32, Option<Event>),
}

impl Search {
    /// Level after level; `true` if nothing is left.
    fn run(
        &mut self,
        change: impl FnOnce(&mut ConfigSpec, &mut World),
        look: &mut impl FnMut(&World, &Progress) -> Look,
        go_on: &mut impl FnMut(&Progress) -> bool,
    ) -> ControlFlow<Found, bool> {
        let begin = Box::new(self.bound.setup.begin(change));
        if let Some(violation) = begin.violation {
            return ControlFlow::Break(Some((Vec::new(), violation)));
        }
        let mut level = vec![Waiting { world: begin, left: self.bound.faults, path: 0 }];
        while !level.is_empty() {
            self.progress.depth += 1;
            let count = level.len();
            for (index, waiting) in std::mem::take(&mut level).into_iter().enumerate() {
                self.progress.waiting = (count - index + self.next.len()) as u64;
                if index % 256 == 0 && !go_on(&self.progress) {
                    return ControlFlow::Continue(false);
                }
                self.expand(&waiting, look)?;
            }
            level = std::mem::take(&mut self.next);
        }
        ControlFlow::Continue(true)
    }

    /// Everything that can happen next.
    fn expand(&mut self, waiting: &Waiting, look: &mut impl FnMut(&World, &Progress) -> Look) -> Look {
        let Waiting { world, left, path } = waiting;
        for event in alphabet::NATURAL {
            self.happen(world, *left, *path, *event, look)?;
        }
        if *left == 0 {
            return ControlFlow::Continue(());
        }
        for event in alphabet::faults(world) {
            self.happen(world, left - 1, *path, event, look)?;
        }
        self.cut(world, left - 1, *path, look)
    }

    /// The power goes, and each image comes back.
    fn cut(
        &mut self,
        world: &World,
        left: u8,
        path: u32,
        look: &mut impl FnMut(&World, &Progress) -> Look,
    ) -> Look {
        let (mut number, mut seen) = (0u8, ControlFlow::Continue(()));
        world.disk.images(Profile::Alice, |image| {
            let mut after = Box::new(world.clone());
            self.at = (path, Some(Event::PowerCut(number)));
            after.come_back_with(*image);
            seen = self.reach(after, left, path, Event::PowerCut(number), look);
            number = number.saturating_add(1);
            seen.is_continue() && number < u8::MAX
        });
        seen
    }

    fn happen(
        &mut self,
        before: &World,
        left: u8,
        path: u32,
        event: Event,
        look: &mut impl FnMut(&World, &Progress) -> Look,
    ) -> Look {
        if event == Event::Answer(1) && before.asked.len() < 2 {
            return ControlFlow::Continue(());
        }
        let mut world = Box::new(before.clone());
        self.at = (path, Some(event));
        if !world.happen(event) && world.violation.is_none() {
            return ControlFlow::Continue(());
        }
        self.reach(world, left, path, event, look)
    }

    /// A world that an event led to.
    fn reach(
        &mut self,
        world: Box<World>,
        left: u8,
        path: u32,
        event: Event,
        look: &mut impl FnMut(&World, &Progress) -> Look,
    ) -> Look {
        self.progress.transitions += 1;
        if let Some(violation) = world.violation {
            return ControlFlow::Break(Some((self.paths.events(path, Some(event)), violation)));
        }
        let fingerprint = world.fingerprint() ^ u64::from(left).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if !self.seen.insert(fingerprint) {
            return ControlFlow::Continue(());
        }
        self.progress.states += 1;
        let path = self.paths.push(path, event);
        self.at = (path, None);
        look(&world, &self.progress).map_break(|found| {
            found.map(|(more, violation)| {
                let events = self.paths.events(path, None).into_iter().chain(more).collect();
                (events, violation)
            })
        })?;
        if self.bound.settles
            && let Some(violation) = self.settle(&world)
        {
            return ControlFlow::Break(Some((self.paths.events(path, None), violation)));
        }
        if world.ghost.rotations < self.bound.rotations && !is_hopeless(&world) {
            self.next.push(Waiting { world, left, path });
        }
        ControlFlow::Continue(())
    }

    /// L2 from this state: the world heals, and the node settles.
    fn settle(&mut self, world: &World) -> Option<Violation> {
        let mut healed = world.clone();
        let before = healed.steps;
        healed.heal();
        let mut way = Vec::new();
        let settled = &self.settled;
        let new = healed.settles(|fingerprint| {
            way.push(fingerprint);
            settled.contains(&fingerprint)
        });
        self.progress.settling += healed.steps - before;
        self.settled.extend(way);
        if new && healed.is_settled() {
            healed.starts_again();
        }
        healed.violation
    }
}

/// Whether a world is not followed any further: a fault that stays keeps it from getting on, and it has tried so often that
/// nothing new will come of it but by healing, which was tried from here.
fn is_hopeless(world: &World) -> bool {
    world.ghost.attempts > ATTEMPTS || world.disk_failures() > FAILURES || world.call_failures() > FAILURES
}

#[cfg(test)]
mod tests;
