//! The states that the explorer and the simulator reach, and the cell of each.

use std::collections::{BTreeMap, BTreeSet};

use certrotate_core::rotator::Rotator;
use certrotate_core::view::{LiveState, Phase, Stage};
use certrotate_model::explore::{Bound, explore};
use certrotate_model::scenario::Setup;
use certrotate_model::simulate;
use certrotate_model::transition::{Jump, Transition};
use certrotate_model::world::World;

use crate::inputs::{clock_changes, judge_clocks};

/// A section of the page and a live state in it.
pub(crate) type Cell = (Phase, Stage, LiveState);

/// The setups of the explorer's run in CI.
pub(crate) const SETUPS: [u8; 4] = [0x00, 0x01, 0x10, 0x80];

/// Transitions of a simulator run, as in CI.
pub(crate) const TRANSITIONS: usize = 200;

/// The cell of a state.
pub(crate) fn cell(node: &Rotator) -> Cell {
    let view = node.view();
    (view.phase, view.stage, view.live)
}

/// The rotator of a world after it has judged both clocks, so that an input has only its own outcomes.
pub(crate) fn judged(world: &World) -> Option<Rotator> {
    let mut node = Rotator::clone(world.node.as_ref()?);
    let _ = node.step(world.shown(), judge_clocks());
    Some(node)
}

/// Shows every state within a bound of faults.
pub(crate) fn explored(setup: u8, faults: u8, mut see: impl FnMut(&World)) {
    let bound = Bound { setup: Setup::decode(setup, 0), faults, rotations: 2, settles: false };
    let report = explore(bound, |_, _| {}, |world| see(world), |_| true);
    assert!(report.complete, "{:?}", report.found);
}

/// Shows every state of one simulator run, one step of the world at a time.
pub(crate) fn simulated(seed: u64, mut see: impl FnMut(&World)) {
    let scenario = simulate::scenario(seed, TRANSITIONS);
    let mut world = scenario.setup.begin(|_, _| {});
    for transition in scenario.transitions {
        let (times, each) = match transition {
            Transition::Step(more) => (u16::from(more) + 1, Transition::Step(0)),
            other => (1, other),
        };
        for _ in 0..times {
            if world.violation.is_some() || !world.happen(each) {
                break;
            }
            see(&world);
        }
    }
}

/// The world with its wall clock at each time that changes whether the live identity is valid.
pub(crate) fn after_clock_changes(world: &World) -> impl Iterator<Item = World> {
    let times: Vec<_> = judged(world).iter().flat_map(clock_changes).collect();
    times.into_iter().filter_map(|(_, wall)| {
        let mut world = world.clone();
        let by = wall.unix_ms().saturating_sub(world.now.wall.unix_ms());
        world.happen(Transition::Jump(Jump::By(by))).then_some(world)
    })
}

/// Simulator runs that reach the cells which the explorer does not reach with one fault.
///
/// `longer_searches_reach_no_other_cell` prints a list that does.
pub(crate) const RARE: [u64; 20] = [
    5, 17, 131, 172, 201, 205, 292, 555, 570, 1344, 3222, 4200, 4372, 6084, 9303, 13742, 17598, 17892, 19475,
    20224,
];

/// Every step of each phase.
const STAGES: [(Phase, &[Stage]); 9] = [
    (Phase::New, &[Stage::NotStarted]),
    (Phase::Locking, &[Stage::TakingLock, Stage::WaitingToLock]),
    (
        Phase::Recovering,
        &[
            Stage::Scanning,
            Stage::RemovingFiles,
            Stage::Quarantining,
            Stage::DrainingOperation,
            Stage::Pausing,
            Stage::SyncingDirectory,
            Stage::Linking,
            Stage::Switching,
        ],
    ),
    (Phase::Resting, &[Stage::Idle]),
    (Phase::Keying, &[Stage::MakingKey, Stage::MakingKeyInMemory]),
    (
        Phase::Saving,
        &[
            Stage::CreatingFile,
            Stage::WritingFile,
            Stage::SyncingFile,
            Stage::RenamingFile,
            Stage::SyncingDirectory,
            Stage::RemovingPrevious,
            Stage::RemovingRetired,
            Stage::SyncingRetired,
        ],
    ),
    (
        Phase::Asking,
        &[
            Stage::WaitingToCreate,
            Stage::Creating,
            Stage::WaitingToGet,
            Stage::Watching,
            Stage::Getting,
            Stage::GettingAndWatching,
        ],
    ),
    (
        Phase::Installing,
        &[
            Stage::CreatingFile,
            Stage::WritingFile,
            Stage::SyncingFile,
            Stage::RenamingFile,
            Stage::SyncingDirectory,
            Stage::RemovingPending,
            Stage::SyncingHeld,
            Stage::Linking,
            Stage::Switching,
            Stage::SyncingSwitch,
        ],
    ),
    (Phase::Ended, &[Stage::Exited]),
];

/// Every live state.
pub(crate) const LIVES: [LiveState; 7] = [
    LiveState::None,
    LiveState::Durable,
    LiveState::InMemory,
    LiveState::NotYetValid,
    LiveState::InMemoryNotYetValid,
    LiveState::Expired,
    LiveState::OtherSubject,
];

/// Every cell, reachable or not.
pub(crate) fn all_cells() -> BTreeSet<Cell> {
    let places = STAGES.iter().flat_map(|(phase, stages)| stages.iter().map(|stage| (*phase, *stage)));
    places.flat_map(|(phase, stage)| LIVES.map(|live| (phase, stage, live))).collect()
}

/// Why no run reaches a cell.
pub(crate) fn why_unreachable((phase, _, live): Cell) -> Option<&'static str> {
    let before_the_scan = matches!(phase, Phase::New | Phase::Locking) && live != LiveState::None;
    before_the_scan.then_some("no identity is live before the first scan")
}

/// Every cell that the explorer reaches within a bound of faults.
pub(crate) fn reached_by_explorer(faults: u8) -> BTreeSet<Cell> {
    let mut cells = BTreeSet::new();
    for setup in SETUPS {
        explored(setup, faults, |world| cells.extend(judged(world).as_ref().map(cell)));
    }
    cells
}

/// Every cell that the simulator reaches in its first runs, and the numbers of up to 20 runs that reach it.
pub(crate) fn reached_by_simulator(runs: u64) -> BTreeMap<Cell, Vec<u64>> {
    let mut first = BTreeMap::<Cell, Vec<u64>>::new();
    for seed in 1..=runs {
        let mut cells = BTreeSet::new();
        simulated(seed, |world| cells.extend(judged(world).as_ref().map(cell)));
        for cell in cells {
            let seeds = first.entry(cell).or_default();
            if seeds.len() < 20 {
                seeds.push(seed);
            }
        }
    }
    first
}

/// A short list of runs that together reach all of these cells, chosen greedily.
pub(crate) fn cover(mut cells: BTreeSet<Cell>, first: &BTreeMap<Cell, Vec<u64>>) -> Vec<u64> {
    let mut runs = Vec::new();
    cells.retain(|cell| first.contains_key(cell));
    while !cells.is_empty() {
        let mut counts = BTreeMap::<u64, usize>::new();
        for seed in cells.iter().flat_map(|cell| &first[cell]) {
            *counts.entry(*seed).or_default() += 1;
        }
        let best = counts.into_iter().max_by_key(|(seed, count)| (*count, std::cmp::Reverse(*seed)));
        let Some((best, _)) = best else { break };
        runs.push(best);
        cells.retain(|cell| !first[cell].contains(&best));
    }
    runs.sort_unstable();
    runs
}
