//! Seeds replay, and the shipped agent keeps its promises in each of them.

use std::collections::BTreeSet;

use certrotate_simulation::{report, run};

#[test]
fn same_seed_gives_same_trace() {
    let mut digests = BTreeSet::new();
    for seed in 1..=40 {
        let (one, other) = (run(seed), run(seed));
        if let Some(line) = one.trace.iter().zip(&other.trace).find(|(one, other)| one != other) {
            panic!("seed {seed} differs from itself: {line:#?}");
        }
        assert_eq!(one.digest, other.digest, "seed {seed} differs in a step that no line shows");
        digests.insert(one.digest);
    }
    assert_eq!(digests.len(), 40, "another seed is another run");
}

#[test]
fn agent_keeps_its_promises_in_each_seed() {
    for seed in 1000..1060 {
        let outcome = run(seed);
        assert!(outcome.violation.is_none(), "{}", report(&outcome));
    }
}

#[test]
fn report_has_the_faults_and_the_command_that_replays() {
    let outcome = run(12);
    let text = report(&outcome);
    assert!(outcome.faults.iter().all(|fault| text.contains(fault)), "{text}");
    assert!(text.ends_with("again: certrotate-simulation replay 12\n"), "{text}");
}
