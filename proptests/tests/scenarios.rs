//! Random scenarios in the simulated world: every invariant after every step, then the world heals, and the node settles,
//! renews and starts again.
//!
//! Found again and again is the same, with more cases or another seed:
//! `CERTROTATE_CASES=10000000 PROPTEST_RNG_SEED=2 cargo test --release -p certrotate-proptests --test scenarios`.

use certrotate_model::event::{CODES, Event};
use certrotate_model::scenario::{Scenario, Setup};
use certrotate_proptests::told::{self, EVENTS};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestError, TestRunner};

/// Any bytes, as the fuzz target `life` gets them.
fn bytes() -> impl Strategy<Value = Scenario> {
    vec(any::<u8>(), 2 + 2 * EVENTS..=2 + 4 * EVENTS).prop_map(|bytes| Scenario::decode(&bytes))
}

/// Events of some kinds only, which the case draws (swarm testing, Groce et al., ISSTA 2012), and a draw of how often
/// things take their course between two of them: with all kinds in each run none would get far.
fn swarm() -> impl Strategy<Value = Scenario> {
    let event = (any::<u8>(), any::<u8>(), any::<u8>());
    let setup = (any::<u8>(), any::<u8>());
    (setup, any::<u64>(), 0..5_u8, vec(event, EVENTS..=2 * EVENTS)).prop_map(
        |((choice, seed), kinds, calm, drawn)| {
            // Each kind is there in every other case; two masks in one would be there in every fourth.
            let kinds: Vec<u8> = (5..CODES).filter(|code| kinds >> code & 1 == 1).collect();
            let noise = 192_u8 >> calm;
            let events = drawn.into_iter().map(|(kind, code, arg)| {
                let fault = kinds.get(usize::from(code) % kinds.len().max(1)).filter(|_| kind < noise);
                fault.map_or(Event::Step(arg % 8), |code| Event::decode(*code, arg))
            });
            Scenario { setup: Setup::decode(choice, seed), events: events.collect() }
        },
    )
}

/// Plays so many scenarios, on as many threads as there are cores. Our own reducer shortens what fails: it knows events.
fn all_hold<S: Strategy<Value = Scenario>>(cases: u64, strategy: fn() -> S) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let play = |thread: u64| {
        let config = ProptestConfig {
            cases: u32::try_from(cases.div_ceil(threads)).unwrap_or(u32::MAX),
            failure_persistence: None,
            max_shrink_iters: 0,
            rng_seed: RngSeed::Fixed(told::seed().wrapping_mul(1000).wrapping_add(thread)),
            ..ProptestConfig::default()
        };
        TestRunner::new(config).run(&strategy(), |scenario| match told::violation(&scenario) {
            None => Ok(()),
            Some(_) => Err(TestCaseError::fail(told::failure(&scenario).unwrap_or_default())),
        })
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || play(thread))).collect();
        for thread in running {
            match thread.join().expect("a failure is an error and no panic") {
                Ok(()) => {}
                // The scenario itself is in the reason, shorter and in words.
                Err(TestError::Fail(reason, _)) => panic!("{reason}"),
                Err(TestError::Abort(reason)) => panic!("no scenario could be drawn: {reason}"),
            }
        }
    });
}

#[test]
fn every_swarm_of_events_keeps_the_invariants_and_the_node_settles_renews_and_starts_again() {
    all_hold(told::cases() / 4 * 3, swarm);
}

#[test]
fn any_bytes_keep_the_invariants_and_the_node_settles_renews_and_starts_again() {
    all_hold(told::cases().div_ceil(4), bytes);
}

#[test]
fn a_failure_names_the_invariant_the_events_and_the_command_that_replays_them() {
    // No scenario fails by itself, so the message is made for one that does not.
    let scenario = Scenario::decode(&[128, 1, 30, 4, 0, 7]);
    assert_eq!(told::failure(&scenario), None);
    let (id, sentence) = ("S1", "the identity that is served is within its validity");
    let text = scenario.failure(&certrotate_model::invariants::Violation { id, sentence });
    for part in ["S1: the identity", "Suspend(Renewal)", "Step(7)", "replay", "80011e040007"] {
        assert!(text.contains(part), "{part} is in\n{text}");
    }
}
