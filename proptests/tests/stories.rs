//! Random stories, told to the machine in its simulated world.

use std::panic::catch_unwind;

use certrotate_model::scenario::{self, Report};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn script() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 1..120)
}

/// The same stories on every run: a test that finds something new only now and then is a flaky one. More, and
/// others, with `PROPTEST_CASES=100000 PROPTEST_RNG_SEED=$RANDOM`.
fn config() -> ProptestConfig {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let cases = number("PROPTEST_CASES").and_then(|cases| u32::try_from(cases).ok()).unwrap_or(512);
    let rng_seed = RngSeed::Fixed(number("PROPTEST_RNG_SEED").unwrap_or(1));
    ProptestConfig { cases, failure_persistence: None, rng_seed, ..ProptestConfig::default() }
}

fn play(bytes: &[u8]) -> Report {
    scenario::play(&mut scenario::world(bytes), bytes)
}

/// Tells a story; a promise that it breaks is the error, with the events in words.
fn told<T>(bytes: &[u8], tell: fn(&[u8]) -> T) -> Result<T, TestCaseError> {
    catch_unwind(|| tell(bytes)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map_or("a panic without words", String::as_str);
        let events = scenario::events(bytes.get(1..).unwrap_or_default());
        let events: String = events.map(|event| format!("\n  {event:?}")).collect();
        TestCaseError::fail(format!(
            "{text}\n{bytes:?} tells of{events}\nand keeps as a file in proptests/stories/"
        ))
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_story_keeps_the_invariants_settles_when_healed_and_ends_the_same_when_told_again(bytes in script()) {
        prop_assert_eq!(told(&bytes, play)?, told(&bytes, play)?);
    }

    #[test]
    fn no_failure_of_server_or_disk_takes_a_usable_identity_away(bytes in script()) {
        told(&bytes, scenario::keeps_serving)?;
    }
}

#[test]
fn every_story_that_once_broke_a_promise_keeps_it_now() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/stories");
    let mut told = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let bytes = std::fs::read(&path).expect("it can be read");
        eprintln!("{}", path.display());
        scenario::run(&bytes);
        scenario::keeps_serving(&bytes);
        told += 1;
    }
    assert!(told > 0, "there are stories");
}
