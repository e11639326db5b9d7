//! The simulation finds every seeded bug of the agent within a bounded number of seeds, under an invariant that the table
//! names. `certrotate-simulation` runs the same seeds without a bug and reports nothing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use certrotate_seeded_bugs::{Bug, Home, with};
use certrotate_simulation_seeded::{report, run};

/// The bugs of the shell, each with the number of seeds that are enough to find it.
const BUGS: [(Bug, u64); 17] = [
    (Bug::G02, 1000),
    (Bug::G03, 1000),
    (Bug::G06, 1000),
    (Bug::G07, 1000),
    (Bug::G09, 1000),
    (Bug::G10, 1000),
    (Bug::G11, 1000),
    (Bug::G12, 1000),
    (Bug::G14, 1000),
    (Bug::G15, 1000),
    (Bug::G16, 1000),
    (Bug::G17, 1000),
    (Bug::G18, 1000),
    (Bug::G19, 1000),
    (Bug::G20, 1000),
    (Bug::G22, 1000),
    (Bug::G23, 1000),
];

/// Returns the first seed that reports the bug under one of its invariants.
fn find(bug: Bug, seeds: u64) -> Option<u64> {
    with(bug, || {
        (1..=seeds).find(|seed| {
            let outcome = run(*seed);
            let violation = outcome.violation.as_ref().map(|violation| violation.id);
            violation.is_some_and(|id| bug.breaks().contains(&id))
        })
    })
}

#[test]
fn every_bug_of_the_shell_is_searched_for() {
    for bug in Bug::of_tests().filter(|bug| bug.home() == Home::Shell) {
        assert!(BUGS.iter().any(|(searched, _)| *searched == bug), "{} has no search", bug.name());
    }
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "hundreds of seeds for each bug: scripts/simulation runs it, optimised"
)]
fn simulation_finds_every_bug_of_the_shell() {
    let (next, missed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let search = || {
        while let Some((bug, seeds)) = BUGS.get(next.fetch_add(1, Ordering::Relaxed)) {
            match find(*bug, *seeds) {
                Some(seed) => println!("{}: seed {seed}", bug.name()),
                None => missed.lock().expect("no search panics").push(bug.name()),
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(search))));
    let missed = missed.into_inner().expect("no search panics");
    assert!(missed.is_empty(), "not found: {missed:?}");
}

#[test]
fn seed_without_a_bug_is_good() {
    for seed in 1..=20 {
        let outcome = run(seed);
        assert!(outcome.violation.is_none(), "{}", report(&outcome));
    }
}
