use super::*;
use crate::scenario::Setup;
use crate::world::Driver;

fn bound(faults: u8, rotations: u8) -> Bound {
    Bound { setup: Setup::decode(0, 0), faults, rotations, settles: false }
}

/// A world whose driver is faulty on purpose, and in which no check reads the images of a crash before the crash comes.
fn blind(driver: Driver) -> impl Fn(&mut ConfigSpec, &mut World) + Copy {
    move |_, world| (world.driver, world.blind) = (driver, true)
}

/// What crashes show of a driver of which nothing else shows anything; the scenario shows it too.
fn found(driver: Driver, faults: u8, depth: u8) -> Violation {
    let explored = explore::explore(bound(faults, 2), blind(driver), |_| {}, |_| true);
    assert!(explored.complete, "without crashes nothing is seen: {:?}", explored.found);
    let report = enumerate(bound(faults, 2), blind(driver), depth, Profile::Alice, |_| true);
    let (scenario, violation) = report.found.expect("a crash shows it");
    let played = scenario.play_in(blind(driver), true);
    assert_eq!(played.world.violation, Some(violation), "{scenario}");
    violation
}

#[test]
fn crashes_nested_to_depth_two_after_one_fault_are_recovered() {
    let report = enumerate(bound(1, 1), |_, _| {}, MOST_DEPTH, Profile::Alice, |_| true);
    assert!(report.complete, "{:?}", report.found);
    let progress = report.progress;
    assert!(progress.sequences > 80 && progress.prefixes > 700, "{progress}");
    assert!(progress.levels[0].images > 3 * progress.prefixes, "{progress}");
    assert!(progress.most_images >= 8, "{progress}");
    assert!(progress.levels.iter().all(|level| level.recoveries > 400), "{progress}");
    assert!(progress.recoveries() > 10_000 && progress.steps > 5 * progress.recoveries(), "{progress}");
    assert!(progress.settled > 1000, "{progress}");
}

#[test]
fn s5_skipped_directory_syncs_are_found_by_crashes_alone() {
    assert_eq!(found(Driver::SkipsDirectorySyncs, 0, 0).id, "S5");
}

#[test]
fn s5_skipped_file_syncs_are_found_by_crashes_alone() {
    assert_eq!(found(Driver::SkipsFileSyncs, 0, 0).id, "S5");
}

#[test]
fn every_profile_holds_and_the_weakest_has_the_most_images() {
    let run = |profile| enumerate(bound(0, 2), |_, _| {}, MOST_DEPTH, profile, |_| true);
    let images = Profile::ALL.map(|profile| {
        let report = run(profile);
        assert!(report.complete, "{profile}: {:?}", report.found);
        report.progress.levels[0].images
    });
    assert!(images.iter().all(|other| *other <= images[0]), "{images:?}");
    assert!(images[4] < images[3] && images[3] < images[0], "{images:?}");
}

#[test]
fn violation_in_any_profile_has_a_scenario_that_fails() {
    for profile in [Profile::Ext4Ordered, Profile::Xfs, Profile::Btrfs] {
        let change = blind(Driver::SkipsDirectorySyncs);
        let report = enumerate(bound(0, 2), change, 1, profile, |_| true);
        let (scenario, violation) = report.found.expect("every file system shows it");
        assert_eq!(scenario.play_in(change, true).world.violation, Some(violation), "{profile}\n{scenario}");
    }
}

#[test]
fn s15_panic_during_recovery_is_found_with_its_scenario() {
    let change = |_: &mut ConfigSpec, world: &mut World| {
        (world.driver, world.blind, world.strict) = (Driver::SkipsDirectorySyncs, true, true);
    };
    let report = enumerate(bound(0, 2), change, 0, Profile::Alice, |_| true);
    let (scenario, violation) = report.found.expect("a strict world panics");
    assert_eq!(violation.id, "S15");
    assert!(
        scenario
            .transitions
            .iter()
            .any(|transition| matches!(transition, crate::transition::Transition::PowerCut(_)))
    );
    let lenient = blind(Driver::SkipsDirectorySyncs);
    assert!(
        scenario.play_in(lenient, false).world.violation.is_some(),
        "its last transition breaks something"
    );
}

#[test]
fn enumeration_stops_on_request() {
    let report = enumerate(bound(1, 1), |_, _| {}, 0, Profile::Alice, |progress| progress.recoveries() < 50);
    assert!(!report.complete && report.found.is_none());
    assert!(report.progress.recoveries() < 200);
}
