//! The reducer: turns a failing scenario into a short one that fails in the same way.
//!
//! It works on transitions, not on bytes. It removes ever smaller pieces, and then replaces each
//! transition by the plainest one that still fails, until no change shortens the scenario.

use crate::invariants::Violation;
use crate::scenario::{Scenario, Setup};
use crate::transition::Transition;

/// The most scenarios that the reducer plays.
pub const MOST_TRIES: usize = 20_000;

/// Returns the shortest found scenario that still violates the same invariant. `fails` plays a
/// scenario and returns its violation and the number of transitions before it.
pub fn reduce(
    scenario: &Scenario,
    mut fails: impl FnMut(&Scenario) -> Option<(Violation, usize)>,
) -> Scenario {
    let mut tries = 0;
    let mut best = scenario.clone();
    let Some((violation, transitions)) = fails(&best) else { return best };
    best.transitions.truncate(transitions);
    let mut still = |candidate: &Scenario| {
        tries += 1;
        let found = if tries > MOST_TRIES { None } else { fails(candidate) };
        found.filter(|(it, _)| it.id == violation.id).map(|(_, transitions)| transitions)
    };
    loop {
        let before = best.clone();
        leave_out(&mut best, &mut still);
        unroll(&mut best, &mut still);
        plainer_setup(&mut best, &mut still);
        plainer_transitions(&mut best, &mut still);
        if best == before {
            return best;
        }
    }
}

type Still<'a> = &'a mut dyn FnMut(&Scenario) -> Option<usize>;

fn take(best: &mut Scenario, mut candidate: Scenario, still: Still<'_>) -> bool {
    let Some(transitions) = still(&candidate) else { return false };
    candidate.transitions.truncate(transitions);
    *best = candidate;
    true
}

fn leave_out(best: &mut Scenario, still: Still<'_>) {
    let mut size = best.transitions.len().next_power_of_two().max(1);
    while size > 0 {
        let mut at = 0;
        while at < best.transitions.len() {
            let mut candidate = best.clone();
            candidate.transitions.drain(at..(at + size).min(best.transitions.len()));
            if !take(best, candidate, still) {
                at += size;
            }
        }
        size /= 2;
    }
}

/// Splits a transition of several steps into single ones, of which some may be removed; and joins
/// single ones.
fn unroll(best: &mut Scenario, still: Still<'_>) {
    for at in 0..best.transitions.len() {
        while let Some(Transition::Step(more @ 1..)) = best.transitions.get(at) {
            let mut candidate = best.clone();
            candidate.transitions[at] = Transition::Step(more - 1);
            if !take(best, candidate, still) {
                break;
            }
        }
    }
    let mut at = 0;
    while at + 1 < best.transitions.len() {
        if let [Transition::Step(one), Transition::Step(two)] = best.transitions[at..at + 2]
            && one + two < 7
        {
            let mut candidate = best.clone();
            candidate.transitions.splice(at..at + 2, [Transition::Step(one + two + 1)]);
            if take(best, candidate, still) {
                continue;
            }
        }
        at += 1;
    }
}

fn plainer_setup(best: &mut Scenario, still: Still<'_>) {
    let choices = (0..=u8::MAX).filter(|choice| choice.count_ones() <= 1 || *choice == 129);
    for setup in choices.map(|choice| Setup::decode(choice, 0)) {
        if setup == best.setup {
            return;
        }
        let candidate = Scenario { setup, ..best.clone() };
        if take(best, candidate, still) {
            return;
        }
    }
}

fn plainer_transitions(best: &mut Scenario, still: Still<'_>) {
    for at in 0..best.transitions.len() {
        let Some(transition) = best.transitions.get(at).copied() else { return };
        let [code, arg] = transition.encode();
        let plainer =
            std::iter::once(Transition::Step(0)).chain((0..arg).map(|arg| Transition::decode(code, arg)));
        for other in plainer.take(24) {
            let mut candidate = best.clone();
            if candidate.transitions.get(at) == Some(&other) {
                break;
            }
            candidate.transitions[at] = other;
            if take(best, candidate, still) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests;
