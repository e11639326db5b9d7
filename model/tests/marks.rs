//! The simulator meets what it is for: a check that is never in a situation to fail shows nothing.

use std::collections::BTreeSet;

use certrotate_core::view::Phase;
use certrotate_model::marks::{INPUTS, Marks, PHASES, SITUATIONS};
use certrotate_model::simulate::{Plan, runs};
use certrotate_model::transition::Transition;

/// How often each situation is met at least.
const LEAST: u64 = 1000;

/// How often each fault is met at least. One in three comes a thousand times; the rarest need an operation of their own
/// kind under way, as a rename for a name that is gone.
const LEAST_OF_A_FAULT: u64 = 10;

/// Why an input never meets a phase.
fn unreachable(phase: Phase, input: &str) -> Option<&'static str> {
    use Phase::{Asking, Ended, Installing, Keying, Locking, New, Recovering, Resting, Saving};
    let under_way = match input {
        "tick" | "rotate now" | "reconfigure" | "shutdown" | "answer to nothing" => true,
        "scanned" => phase == Recovering,
        // A key that was not waited for any longer comes late.
        "key made" | "key failed" => matches!(phase, Keying | Resting | Recovering),
        "object" | "call failed" => phase == Asking,
        _ => !matches!(phase, Resting | Keying | Asking),
    };
    match phase {
        New if input != "tick" => Some("the first input of a run is a tick"),
        Ended => Some("a stopped run gets no input"),
        _ if !under_way => Some("a phase gets answers only to its own operations in flight, or to none"),
        New | Locking | Recovering | Resting | Keying | Saving | Asking | Installing => None,
    }
}

fn marks() -> Marks {
    let report = runs(Plan { seed: 1, transitions: 200 }, |report| report.runs < 9_000);
    assert!(report.found.is_none(), "{:?}", report.found);
    report.marks
}

#[test]
fn every_mark_is_met_and_a_third_of_the_runs_are_fair() {
    let marks = marks();
    for (count, (situation, _)) in marks.situations.iter().zip(SITUATIONS) {
        assert!(*count >= LEAST, "{situation}: {count}");
    }
    let faults: BTreeSet<&str> = Transition::all().into_iter().filter_map(Transition::fault).collect();
    let counts: Vec<u64> =
        faults.iter().map(|fault| marks.faults.get(fault).copied().unwrap_or_default()).collect();
    for (count, fault) in counts.iter().zip(&faults) {
        assert!(*count >= LEAST_OF_A_FAULT, "{fault}: {count}");
    }
    let often = counts.iter().filter(|count| **count >= LEAST).count();
    assert!(often * 3 >= faults.len(), "{often} of {} faults are met often", faults.len());
    for (row, phase) in marks.cells.iter().zip(PHASES) {
        for (count, input) in row.iter().zip(INPUTS) {
            let reason = unreachable(phase, input);
            assert_eq!(*count == 0, reason.is_some(), "{input} in {phase:?}: {count}, {reason:?}");
        }
    }
    assert!(marks.fair * 10 >= marks.runs * 3, "{} of {} runs are fair", marks.fair, marks.runs);
    assert_eq!(marks.runs, 9_000);
}
