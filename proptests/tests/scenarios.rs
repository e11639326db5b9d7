//! Random scenarios: any bytes, and transitions of a few kinds at a time.

use certrotate_model::invariants::Violation;
use certrotate_model::reduce::reduce;
use certrotate_model::scenario::{Played, Scenario, Setup};
use certrotate_model::simulate::{self, Plan};
use certrotate_model::transition::{CODES, Transition};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The same scenarios on every run: a test that finds something new only now and then is a flaky one. More, and
/// others, with `CERTROTATE_CASES=100000 PROPTEST_RNG_SEED=$RANDOM`.
fn config(cases: u32) -> ProptestConfig {
    let cases = number("CERTROTATE_CASES").and_then(|cases| u32::try_from(cases).ok()).unwrap_or(cases);
    let rng_seed = RngSeed::Fixed(number("PROPTEST_RNG_SEED").unwrap_or(1));
    // What fails is made short by our own reducer, which knows what transitions mean.
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    }
}

fn fails(scenario: &Scenario) -> Option<(Violation, usize)> {
    let Played { world, transitions, .. } = scenario.play();
    world.violation.map(|violation| (violation, transitions))
}

/// Plays a scenario. The error is the violation, with a short scenario that shows it and the
/// command that replays it.
fn holds(scenario: &Scenario) -> Result<Played, TestCaseError> {
    let played = scenario.play();
    match played.world.violation {
        None => Ok(played),
        Some(violation) => Err(TestCaseError::fail(reduce(scenario, fails).failure(&violation))),
    }
}

/// Transitions of at most eight kinds, and what takes its course between them: a run with everything in it never gets far.
fn few_kinds() -> impl Strategy<Value = Scenario> {
    let kinds = proptest::collection::vec(0..CODES, 1..8);
    (any::<[u8; 2]>(), kinds).prop_flat_map(|([choice, seed], kinds)| {
        let code = prop_oneof![2 => Just(0u8), 1 => proptest::sample::select(kinds)];
        let transitions = (code, any::<u8>()).prop_map(|(code, arg)| Transition::decode(code, arg));
        proptest::collection::vec(transitions, 32..96)
            .prop_map(move |transitions| Scenario { setup: Setup::decode(choice, seed), transitions })
    })
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn any_bytes_decode_to_a_scenario_that_holds(bytes in proptest::collection::vec(any::<u8>(), 66..160)) {
        holds(&Scenario::decode(&bytes))?;
    }

    #[test]
    fn scenarios_with_few_kinds_of_faults_hold(scenario in few_kinds()) {
        holds(&scenario)?;
    }

    #[test]
    fn scenario_plays_the_same_twice(scenario in few_kinds()) {
        let (one, other) = (holds(&scenario)?, holds(&scenario)?);
        prop_assert_eq!(one.digest, other.digest);
        prop_assert_eq!(one.world.fingerprint(), other.world.fingerprint());
    }
}

/// How many scenarios of 32 transitions the simulator plays in a test run.
const SEQUENCES: u64 = 200_000;

#[test]
fn two_hundred_thousand_sequences_of_32_transitions_hold() {
    let half = |first: u64| {
        let plan = Plan { seed: first, transitions: 32 };
        simulate::runs(plan, |report| report.runs < SEQUENCES / 2)
    };
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1 << 32));
        (half(1), other.join().expect("a run does not panic"))
    });
    for report in [one, other] {
        if let Some((seed, scenario, violation)) = report.found {
            panic!("seed {seed}: {}", reduce(&scenario, fails).failure(&violation));
        }
        assert!(report.steps > 20 * report.runs, "{} steps in {} runs", report.steps, report.runs);
    }
}
