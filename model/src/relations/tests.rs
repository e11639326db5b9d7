use super::*;
use crate::simulate::scenario;
use crate::world::Driver;

fn as_it_is(_: &mut ConfigSpec, _: &mut World) {}

#[test]
fn m2_shifted_times_hold_in_random_scenarios() {
    for seed in 0..200 {
        for shift in SHIFTS {
            let scenario = scenario(seed, 60);
            let found = m2_times_may_shift(&scenario, shift, as_it_is);
            assert_eq!(found, None, "seed {seed}, {shift:?}\n{scenario}");
        }
    }
}

#[test]
fn m2_world_that_reads_absolute_time_is_found() {
    let scenario = Scenario { setup: quiet(0), transitions: vec![Transition::Step(7); 20] };
    let found = m2_times_may_shift(&scenario, SHIFTS[1], |_, world| {
        world.server.ca_end = WallTime::from_unix_secs(1_893_456_000);
    });
    assert_eq!(found.map(|it| it.id), Some("M2"));
}

#[test]
fn m7_a_thousand_leaves_and_ten_seeds_are_spread() {
    assert_eq!(m7_renewals_spread(as_it_is), None);
    assert_eq!(m7_retries_differ(as_it_is), None);
}

#[test]
fn m7_nodes_without_jitter_are_found() {
    let found = m7_retries_differ(|spec, _| spec.timing.jitter = 0);
    assert_eq!(found.map(|it| it.id), Some("M7"));
}

#[test]
fn s15_random_scenarios_replay_equal() {
    for seed in 0..100 {
        assert_eq!(s15_replays(&scenario(seed, 60), as_it_is), None, "seed {seed}");
        assert_eq!(s15_replays(&scenario(seed, 60), |_, world| world.driver = Driver::AsksTwice), None);
    }
}
