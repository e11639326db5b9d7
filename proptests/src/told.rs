//! What the tests that draw scenarios share: how many, from which seed, and what they say of one that fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use certrotate_model::invariants::Violation;
use certrotate_model::reduce::reduce;
use certrotate_model::scenario::Scenario;

/// How many scenarios a test run plays; `CERTROTATE_CASES` says otherwise.
pub const CASES: u64 = 200_000;

/// The least number of events in one of them. Waiting for an answer or the next deadline, and mostly several times, is an event.
pub const EVENTS: usize = 32;

/// The seed of what is drawn: a test that finds something new only now and then is a flaky one. `PROPTEST_RNG_SEED` says
/// otherwise.
pub const SEED: u64 = 1;

/// How many scenarios are to be played.
#[must_use]
pub fn cases() -> u64 {
    number("CERTROTATE_CASES").unwrap_or(CASES)
}

/// From which seed they are drawn.
#[must_use]
pub fn seed() -> u64 {
    number("PROPTEST_RNG_SEED").unwrap_or(SEED)
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    // A typing mistake would look like a run that found nothing.
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is to be a number, and is {text:?}")))
}

/// How a scenario fails, and after how many events; a panic of the machine counts as S15.
#[must_use]
pub fn violation(scenario: &Scenario) -> Option<(Violation, usize)> {
    let panics = Violation { id: "S15", sentence: "no sequence of inputs makes the machine panic" };
    match catch_unwind(AssertUnwindSafe(|| scenario.play())) {
        Ok(played) => played.world.violation.map(|violation| (violation, played.events)),
        Err(_) => Some((panics, scenario.events.len())),
    }
}

/// What is to be said of a scenario that fails: a short one that fails in the same way, in words, and the command that
/// replays it. `None` if it does not fail.
#[must_use]
pub fn failure(scenario: &Scenario) -> Option<String> {
    violation(scenario)?;
    let short = reduce(scenario, violation);
    let (violation, _) = violation(&short)?;
    Some(format!("{}\nand keeps as a line in proptests/golden: {}", short.failure(&violation), short.hex()))
}
