//! Every seeded bug of core has an effect, and without one the seeded core is the shipped core.
//!
//! Whether a bug breaks an invariant is for the kill matrix. A bug without any effect would be no fault of the harness.

use certrotate_core::config::{ConfigSpec, Template};
use certrotate_core::input::{Action, Disposition, Input};
use certrotate_core::time::Now;
use certrotate_core::view::Wake;
use certrotate_model::simulate;
use certrotate_seeded_bugs::Bug;

const RUNS: u64 = 1000;
const LENGTH: usize = 60;

/// Returns the inputs and outputs of core, step by step. State digests would contain the bug
/// itself.
fn steps(bug: Option<Bug>, seed: u64) -> Vec<(Now, Input, Disposition, Vec<Action>, Wake)> {
    let played = simulate::scenario(seed, LENGTH).play_in(
        |spec, world| {
            spec.bug = bug;
            world.traces = Some(Vec::new());
        },
        true,
    );
    let records = played.world.traces.into_iter().flatten().flat_map(|(_, records)| records);
    records.map(|it| (it.now, it.input, it.disposition, it.actions, it.wake)).collect()
}

#[test]
fn every_bug_of_core_has_an_effect() {
    let mut left: Vec<Bug> = Bug::of_core().collect();
    for seed in 0..RUNS {
        if left.is_empty() {
            break;
        }
        let right = steps(None, seed);
        left.retain(|bug| steps(Some(*bug), seed) == right);
    }
    assert_eq!(left, [], "these change nothing in {RUNS} runs");
}

#[test]
fn equal_runs_without_a_bug_are_equal() {
    for seed in 0..50 {
        assert_eq!(steps(None, seed), steps(None, seed), "seed {seed}");
    }
}

#[test]
fn seeded_core_without_a_bug_is_the_shipped_core() {
    let shipped = |seed| {
        let scenario = shipped_model::simulate::scenario(seed, LENGTH);
        let played = scenario.play_in(|_, world| world.traces = Some(Vec::new()), true);
        let records = played.world.traces.into_iter().flatten().flat_map(|(_, records)| records);
        // The types of the two builds differ, their text does not.
        // Inputs are left out: one may hold a configuration, whose digest covers the bug.
        records.map(|it| format!("{:?}", (it.now, it.disposition, it.actions, it.wake))).collect::<Vec<_>>()
    };
    for seed in 0..200 {
        let outputs =
            |(now, _, disposition, actions, wake)| format!("{:?}", (now, disposition, actions, wake));
        let seeded: Vec<_> = steps(None, seed).into_iter().map(outputs).collect();
        assert_eq!(seeded, shipped(seed), "seed {seed}");
    }
}

#[test]
fn new_configuration_has_no_bug() {
    assert_eq!(ConfigSpec::new(Template::kubelet_client("n")).bug, None);
}
