//! The simulator: seeded scenarios with all faults on, then the world heals and the node must converge.
//!
//! Each run leaves a random half of the faults out and draws how often the others come (swarm testing, Groce et al.,
//! ISSTA 2012): a run with everything in it never gets far enough for what takes a quiet while. A run is its
//! seed; the scenario that the seed draws is bytes like any other, so it can be shrunk and replayed without the simulator.

use crate::invariants::Violation;
use crate::marks::Marks;
use crate::random::Random;
use crate::scenario::{Played, Scenario, Setup, marked};
use crate::transition::{CODES, Transition};

/// The seeds and the length of the runs.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The seed of the first run; the others follow.
    pub seed: u64,
    /// The number of transitions of a run before the world heals.
    pub transitions: usize,
}

/// The result of all runs.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Runs.
    pub runs: u64,
    /// Checked steps of core.
    pub steps: u64,
    /// The coverage marks.
    pub marks: Marks,
    /// The violation found, with the scenario and its seed.
    pub found: Option<(u64, Scenario, Violation)>,
}

/// Returns the scenario of a seed.
#[must_use]
pub fn scenario(seed: u64, transitions: usize) -> Scenario {
    let mut random = Random::new(seed);
    let setup = Setup::decode(random.byte(), random.byte());
    let mut weights = [0u64; CODES as usize];
    let loud = random.below(4) + 1;
    for weight in &mut weights[5..] {
        *weight = if random.below(2) == 0 { 0 } else { random.below(loud * 4) };
    }
    // Between two faults things take their course, from hardly at all to mostly.
    weights[0] = (weights.iter().sum::<u64>() + 1) * (1 << random.below(5));
    let all: u64 = weights.iter().sum();
    let transitions = (0..transitions).map(|_| {
        let mut drawn = random.below(all);
        let code = weights.iter().position(|weight| {
            let hit = drawn < *weight;
            drawn = drawn.wrapping_sub(*weight);
            hit
        });
        Transition::decode(code.unwrap_or_default() as u8, random.byte())
    });
    Scenario { setup, transitions: transitions.collect() }
}

/// Plays the scenario of a seed.
#[must_use]
pub fn run(plan: Plan, seed: u64) -> (Scenario, Played) {
    let scenario = scenario(seed, plan.transitions);
    let played = scenario.play_in(marked, true);
    (scenario, played)
}

/// Plays one seed after the other until a violation, or until `go_on` stops.
pub fn runs(plan: Plan, mut go_on: impl FnMut(&Report) -> bool) -> Report {
    let mut report = Report::default();
    while report.found.is_none() && go_on(&report) {
        let seed = plan.seed.wrapping_add(report.runs);
        let (scenario, played) = run(plan, seed);
        report.runs += 1;
        report.steps += played.world.steps;
        if let Some(marks) = &played.world.marks {
            report.marks.add(marks);
        }
        report.found = played.world.violation.map(|violation| (seed, scenario, violation));
    }
    report
}
