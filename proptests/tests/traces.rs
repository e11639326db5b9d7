//! Traces of the simulated world as text.

use certrotate_core::config::ConfigSpec;
use certrotate_model::World;
use certrotate_model::scenario::Scenario;
use certrotate_proptests::trace;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn config() -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(1);
    ProptestConfig { cases: 32, failure_persistence: None, rng_seed, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_scenario_trace_is_written_read_and_replayed_equal(
        bytes in proptest::collection::vec(any::<u8>(), 1..60),
    ) {
        let record = |_: &mut ConfigSpec, world: &mut World| world.traces = Some(Vec::new());
        let world = Scenario::decode(&bytes).play_in(record, true).world;
        for (header, records) in world.traces.expect("they were requested") {
            let text = trace::write(&header, &records);
            trace::check(text.as_bytes());
            let (read_header, read_records) = trace::read(text.as_bytes());
            let mut machine = header.rotator().expect("the configuration is valid");
            prop_assert!(read_header == Some(header) && read_records == records);
            for record in read_records {
                prop_assert_eq!(record.replay(&mut machine), Ok(()));
            }
        }
    }
}
