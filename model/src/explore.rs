//! The explorer: every scenario within a bound, by breadth-first search over core × disk × server ×
//! clocks.
//!
//! A state is a [`World`] and the rest of the bound. From each state everything happens that can
//! happen without a fault. While faults are left, every fault of the [alphabet](alphabet::ANY_TIME)
//! happens too, at the cost of one, and a power cut in every possible image. The search ends when
//! it reaches no new state: then the bound is exhausted, and no other violation exists within it.
//! The first violation found is as short as possible, because the search goes breadth first.
//!
//! From every state the world is healed and must converge (L2). In a state without a fault to heal,
//! healing equals the natural course, so its path is read off the search at the end. Other states
//! are healed one by one, up to a known state. The search also looks for a cycle of states without
//! a fault to heal: such a cycle would never make progress. [Fingerprints](crate::fingerprint) of
//! 64 bits distinguish states.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use certrotate_core::config::ConfigSpec;

use crate::disk::image::Profile;
pub(crate) use crate::explore::states::AsIs;
use crate::explore::states::{NOWHERE, Seen, States};
use crate::invariants::Violation;
use crate::scenario::{Scenario, Setup};
use crate::transition::Transition;
use crate::world::World;

pub mod alphabet;
pub mod states;
#[cfg(feature = "stateright")]
pub mod web;

/// The bound of a search.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The initial world.
    pub setup: Setup,
    /// The most faults, of any kind, at any time.
    pub faults: u8,
    /// The most identities that go live; the search stops at the last.
    pub rotations: u8,
    /// Whether the world is healed in every state, and must converge.
    pub settles: bool,
}

impl Bound {
    /// Whether the successors of this world are within the bound.
    fn goes_on(&self, world: &World) -> bool {
        world.ghost.rotations < self.rotations && !is_hopeless(world)
    }
}

/// The most failed attempts in a row that the search follows.
pub const ATTEMPTS: u8 = 3;

/// The most failures of the disk, and of calls, that the search follows.
pub const FAILURES: u32 = 4;

/// The progress of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Different states.
    pub states: u64,
    /// Transitions, each checked.
    pub transitions: u64,
    /// Checked steps of core in healed worlds.
    pub settling: u64,
    /// The number of transitions to the deepest state.
    pub depth: u32,
    /// States that the search has not expanded yet.
    pub waiting: u64,
}

/// The result of a search.
#[derive(Clone, Debug)]
pub struct Report {
    /// The progress at the end.
    pub progress: Progress,
    /// Whether the bound is exhausted.
    pub complete: bool,
    /// The violation, and a shortest scenario that shows it.
    pub found: Option<(Scenario, Violation)>,
}

/// A state that the search has not expanded yet.
struct Waiting {
    world: Box<World>,
    left: u8,
    state: u32,
}

/// Explores; `change` makes the world other than it should be, `look` is shown every state that is new, and `go_on` decides
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

/// Explores; `look` may break off, and say what it has found after which transitions more.
pub(crate) fn explore_with(
    bound: Bound,
    change: impl FnOnce(&mut ConfigSpec, &mut World),
    look: impl FnMut(&World, &Progress) -> Look,
    mut go_on: impl FnMut(&Progress) -> bool,
) -> Report {
    let begin = Box::new(bound.setup.begin(change));
    let mut complete = true;
    let mut found = begin.violation.map(|violation| (Vec::new(), violation));
    let mut search = Search {
        bound,
        progress: Progress::default(),
        states: States::default(),
        settled: Seen::default(),
        next: Vec::new(),
        spare: None,
        look,
        trying: (NOWHERE, Transition::Step(0)),
    };
    if found.is_none()
        && let Err(ended) = search.reach(begin, bound.faults, NOWHERE, Transition::Step(0))
    {
        (found, complete) = (ended, false);
    }
    let mut level = std::mem::take(&mut search.next);
    while found.is_none() && !level.is_empty() {
        search.progress.depth += 1;
        let count = level.len();
        for (index, waiting) in std::mem::take(&mut level).into_iter().enumerate() {
            search.progress.waiting = (count - index + search.next.len()) as u64;
            if index % 256 == 0 && !go_on(&search.progress) {
                complete = false;
                search.next.clear();
                break;
            }
            if let Err(ended) = search.expand_or_panic(waiting) {
                (found, complete) = (ended, false);
                search.next.clear();
                break;
            }
        }
        level = std::mem::take(&mut search.next);
    }
    if complete && bound.settles {
        found = found.or_else(|| search.states.unsettled()).or_else(|| search.states.fair_cycle());
    }
    let found =
        found.map(|(transitions, violation)| (Scenario { setup: bound.setup, transitions }, violation));
    Report { progress: search.progress, complete: complete && found.is_none(), found }
}

/// The violation reported when something panics.
pub(crate) const S15: Violation =
    Violation { id: "S15", sentence: "every phase takes every input: nothing panics" };

/// A violation, and the transitions that lead there.
pub(crate) type Found = Option<(Vec<Transition>, Violation)>;

/// The decision about a new state: go on, or stop, perhaps with a violation after further
/// transitions.
pub(crate) type Look = ControlFlow<Found>;

/// The error that ends a search: a violation with the transitions that lead to it, or a stop.
type Checked = Result<(), Found>;

struct Search<L> {
    bound: Bound,
    progress: Progress,
    states: States,
    /// Healed worlds that converge.
    settled: Seen,
    next: Vec<Waiting>,
    /// A clone whose transition had no effect, for reuse.
    spare: Option<Box<World>>,
    look: L,
    /// The current transition and its state.
    trying: (u32, Transition),
}

impl<L: FnMut(&World, &Progress) -> Look> Search<L> {
    /// Reports a panic as a violation of S15.
    fn expand_or_panic(&mut self, waiting: Waiting) -> Checked {
        catch_unwind(AssertUnwindSafe(|| self.expand(waiting))).unwrap_or_else(|_| {
            let (state, transition) = self.trying;
            Err(Some((self.states.transitions(state, Some(transition)), S15)))
        })
    }

    /// Takes every possible transition. The natural course comes last and uses the world itself.
    fn expand(&mut self, waiting: Waiting) -> Checked {
        let Waiting { mut world, left, state } = waiting;
        self.spare = None;
        if left > 0 {
            for transition in alphabet::faults(&world) {
                self.happen(&world, left - 1, state, transition)?;
            }
            self.cut(&world, left - 1, state)?;
        }
        if world.in_flight.len() > 1 {
            self.happen(&world, left, state, Transition::Answer(1))?;
        }
        self.trying = (state, Transition::Step(0));
        if world.happen(Transition::Step(0)) || world.violation.is_some() {
            self.reach(world, left, state, Transition::Step(0))?;
        }
        Ok(())
    }

    /// Cuts the power, and continues with each image.
    fn cut(&mut self, world: &World, left: u8, state: u32) -> Checked {
        let (mut number, mut checked) = (0u8, Ok(()));
        world.disk.images(Profile::Alice, |image| {
            let mut after = Box::new(world.clone());
            self.trying = (state, Transition::PowerCut(number));
            after.come_back_with(*image);
            checked = self.reach(after, left, state, Transition::PowerCut(number));
            number = number.saturating_add(1);
            checked.is_ok() && number < u8::MAX
        });
        checked
    }

    fn happen(&mut self, before: &World, left: u8, state: u32, transition: Transition) -> Checked {
        self.trying = (state, transition);
        let mut world = self.spare.take().unwrap_or_else(|| Box::new(before.clone()));
        if world.happen(transition) || world.violation.is_some() {
            return self.reach(world, left, state, transition);
        }
        self.spare = Some(world);
        Ok(())
    }

    /// Records the world after a transition.
    fn reach(&mut self, world: Box<World>, left: u8, from: u32, transition: Transition) -> Checked {
        self.progress.transitions += 1;
        if let Some(violation) = world.violation {
            return Err(Some((self.states.transitions(from, Some(transition)), violation)));
        }
        let (state, new) = self.states.add(fingerprint(&world, left), from, transition);
        if !new {
            return Ok(());
        }
        self.progress.states += 1;
        if let ControlFlow::Break(found) = (self.look)(&world, &self.progress) {
            return Err(found.map(|(more, violation)| {
                (self.states.transitions(state, None).into_iter().chain(more).collect(), violation)
            }));
        }
        let goes_on = self.bound.goes_on(&world);
        if self.bound.settles {
            let well = world.is_well();
            if well {
                self.states.is_well(state);
            }
            if world.is_settled() {
                self.states.settles(state);
            } else if !goes_on || !well {
                let healed = self.settle(&world);
                healed.map_err(|violation| Some((self.states.transitions(state, None), violation)))?;
                self.states.settles(state);
            }
        }
        if goes_on {
            self.next.push(Waiting { world, left, state });
        }
        Ok(())
    }

    /// Checks L2 from this state: the world heals, and the node converges.
    fn settle(&mut self, world: &World) -> Result<(), Violation> {
        let mut healed = world.clone();
        let before = healed.steps;
        healed.heal();
        let mut way = Vec::new();
        let settled = &self.settled;
        healed.settles(|fingerprint| {
            let known = settled.contains(&fingerprint);
            way.push(fingerprint);
            known
        });
        self.progress.settling += healed.steps - before;
        self.settled.extend(way);
        if healed.violation.is_none() && healed.is_settled() {
            healed.starts_again();
        }
        healed.violation.map_or(Ok(()), Err)
    }
}

/// Returns the fingerprint of a state: the world and the number of faults left.
fn fingerprint(world: &World, left: u8) -> u64 {
    world.fingerprint() ^ u64::from(left).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Returns whether the search stops at a world: a lasting fault blocks the node, and after this
/// many attempts only healing leads to a new state; healing was tried from here. With a clock
/// before the build time the node would wait for years, minute by minute.
fn is_hopeless(world: &World) -> bool {
    let waits = world.node.as_ref().is_some_and(|node| node.view().clock_invalid);
    waits
        || world.ghost.attempts > ATTEMPTS
        || world.disk_failures() > FAILURES
        || world.call_failures() > FAILURES
        || world.key_failures() > FAILURES
}

#[cfg(test)]
mod tests;
