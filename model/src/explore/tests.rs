use crate::explore::{Bound, explore};
use crate::scenario::{Setup, wrong};
use crate::world::Driver;

fn bound(faults: u8, rotations: u8) -> Bound {
    let setup = Setup { jitter: false, settled: false, ..Setup::decode(0, 0) };
    Bound { setup, faults, rotations, settles: true }
}

#[test]
fn every_scenario_with_one_fault_holds_up_to_the_second_identity() {
    let report = explore(bound(1, 2), |_, _| {}, |_| {}, |_| true);
    assert!(report.complete, "{:?}", report.found);
    assert!(report.progress.states > 5_000, "{:?}", report.progress);
}

#[test]
fn driver_that_skips_directory_syncs_is_found_without_faults() {
    let report = explore(bound(0, 1), wrong(Driver::SkipsDirectorySyncs), |_| {}, |_| true);
    let (scenario, violation) = report.found.expect("S3 does not hold");
    assert!(scenario.transitions.len() < 30, "{violation}\n{scenario}");
}
