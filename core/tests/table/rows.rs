//! The transition relation: the outcomes of each input in each cell, over all reached states.

use std::collections::{BTreeMap, BTreeSet};

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::input::{Disposition, Input, Why};
use certrotate_core::rotator::Rotator;
use certrotate_core::time::Now;
use certrotate_core::view::Phase;
use certrotate_model::world::World;

use crate::inputs::{LABELS, inputs, judge_clocks};
use crate::reached::{Cell, RARE, SETUPS, after_clock_changes, all_cells, cell, explored, judged, simulated};
use crate::words;

/// Ended rotators that are tried for each live state: they ignore every input.
const ENDED: u64 = 4;

/// The outcome of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Next {
    /// The input is applied; this is the cell after it.
    To(Cell),
    /// The input is ignored.
    Ignored(&'static str),
}

/// The actions of all steps from one cell, by one input, to one next cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actions {
    steps: u64,
    /// In the order of their first steps, each with the number of its steps.
    words: Vec<(String, u64)>,
}

/// An input: whether a shutdown was requested before it, and its place in [`LABELS`].
pub(crate) type Label = (bool, usize);

/// The outcomes of each input in one cell.
pub(crate) type Rows = BTreeMap<Label, BTreeMap<Next, Actions>>;

/// The whole table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) cells: BTreeMap<Cell, Rows>,
    /// How many states were tried.
    pub(crate) states: u64,
    /// The cells whose states are all from one more change of the wall clock.
    pub(crate) by_clock: BTreeSet<Cell>,
    /// How many inputs were ignored, with no action.
    pub(crate) ignored: u64,
    /// The ignored inputs that changed more of the state than the clocks do.
    pub(crate) changed_though_ignored: Vec<String>,
    ended: BTreeMap<Cell, u64>,
}

impl Actions {
    fn add(&mut self, actions: impl Iterator<Item = String>) {
        let mut step = Self { steps: 1, words: Vec::new() };
        for word in actions {
            if step.words.iter().all(|(known, _)| *known != word) {
                step.words.push((word, 1));
            }
        }
        self.merge(&step);
    }

    /// Adds the steps of another cell.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (word, count) in &other.words {
            match self.words.iter_mut().find(|(known, _)| known == word) {
                Some((_, sum)) => *sum += count,
                None => self.words.push((word.clone(), *count)),
            }
        }
        self.steps += other.steps;
    }

    /// The actions that every step has, or those that only some have.
    pub(crate) fn of_every_step(&self, every: bool) -> impl Iterator<Item = &str> {
        let these = self.words.iter().filter(move |(_, count)| (*count == self.steps) == every);
        these.map(|(word, _)| word.as_str())
    }
}

impl Table {
    /// The table over every state that the explorer reaches with one fault, and every state of the listed
    /// simulator runs.
    ///
    /// A cell that is none of theirs is reached by one more change of the wall clock.
    pub(crate) fn new() -> Self {
        let mut table = Self::default();
        let mut unstarted = unstarted();
        unstarted.load();
        table.add(&unstarted);
        for setup in SETUPS {
            explored(setup, 1, |world| table.add(world));
        }
        for seed in RARE {
            simulated(seed, |world| table.add(world));
        }
        let missing: BTreeSet<Cell> =
            all_cells().into_iter().filter(|cell| !table.cells.contains_key(cell)).collect();
        let is_missing = |world: &World| judged(world).is_some_and(|node| missing.contains(&cell(&node)));
        for seed in RARE {
            simulated(seed, |world| {
                after_clock_changes(world)
                    .filter(|world| is_missing(world))
                    .for_each(|world| table.add(&world));
            });
        }
        table.by_clock = missing.into_iter().filter(|cell| table.cells.contains_key(cell)).collect();
        table.by_clock.retain(|cell| cell.0 != Phase::Ended);
        table
    }

    /// Gives every input to the state of a world.
    fn add(&mut self, world: &World) {
        let Some(node) = judged(world) else { return };
        self.states += 1;
        self.add_state(&node, (world, world.shown()), false);
        let mut stopping = node;
        let _ = stopping.step(world.shown(), Input::Shutdown);
        if stopping.view().phase != Phase::Ended {
            self.add_state(&stopping, (world, world.shown()), true);
        }
    }

    fn add_state(&mut self, node: &Rotator, (world, now): (&World, Now), stopping: bool) {
        let from = cell(node);
        self.cells.entry(from).or_default();
        for (label, now, input) in inputs(node, world, now) {
            let mut after = node.clone();
            let step = after.step(now, input);
            let next = match step.disposition {
                Disposition::Applied => Next::To(cell(&after)),
                Disposition::Ignored(why) => Next::Ignored(name(why)),
            };
            if matches!(next, Next::Ignored(_)) && step.actions.is_empty() {
                self.note_ignored(node, (label, now), &after);
            }
            let label = (stopping, place(label));
            let actions = step.actions.iter().map(words::action);
            let rows = self.cells.entry(from).or_default();
            rows.entry(label).or_default().entry(next).or_default().add(actions);
            if after.view().phase == Phase::Ended && from.0 != Phase::Ended {
                self.add_ended(&after, world, now);
            }
        }
    }

    /// Compares the state after an ignored input with the state after an unknown answer at the same time: only the clocks
    /// may have changed.
    fn note_ignored(&mut self, before: &Rotator, (label, now): (&str, Now), after: &Rotator) {
        let mut only_clocks = before.clone();
        let _ = only_clocks.step(now, judge_clocks());
        self.ignored += 1;
        if *after != only_clocks {
            self.changed_though_ignored.push(format!("{:?}: {label}", cell(before)));
        }
    }

    /// Adds the state after an exit. The model drops an ended rotator at once, so it comes from the step that ends it.
    fn add_ended(&mut self, node: &Rotator, world: &World, now: Now) {
        let count = self.ended.entry(cell(node)).or_default();
        *count += 1;
        if *count <= ENDED {
            let mut world = world.clone();
            world.in_flight.clear();
            self.add_state(node, (&world, now), false);
        }
    }
}

fn place(label: &str) -> usize {
    LABELS.iter().position(|known| *known == label).unwrap_or_else(|| panic!("{label} has no place"))
}

fn unstarted() -> World {
    World::quiet(
        Config::new(ConfigSpec::new(Template::kubelet_client("n"))).expect("the template is complete"),
    )
}

const fn name(why: Why) -> &'static str {
    match why {
        Why::NotDue => "NotDue",
        Why::NotOutstanding => "NotOutstanding",
        Why::Busy => "Busy",
        Why::Ended => "Ended",
        Why::Unchanged => "Unchanged",
        Why::NeedsRestart => "NeedsRestart",
        _ => panic!("a reason without a name"),
    }
}
