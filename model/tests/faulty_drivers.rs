//! Every faulty driver breaks an invariant in a plain scenario, so those invariants can fail.

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::id::Generation;
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::Span;
use certrotate_model::World;
use certrotate_model::server::Approver;
use certrotate_model::transition::{Transition, Until};
use certrotate_model::world::Driver;

/// A world in which nothing has happened yet.
fn world(driver: Driver) -> World {
    let spec = ConfigSpec::new(Template::kubelet_client("node-1"));
    let mut world = World::quiet(Config::new(spec).expect("the template is complete"));
    world.driver = driver;
    world
}

/// Goes on for a week, or until something does not hold: what that is.
fn week(mut world: World) -> Option<String> {
    let end = world.now.mono.plus(Span::from_hours(24 * 7));
    if world.node.is_none() {
        world.start();
    }
    while world.now.mono < end && world.violation.is_none() {
        assert!(world.advance(), "the node goes on");
    }
    world.violation.map(|violation| violation.to_string())
}

/// What is noticed of a driver in a week of rotations.
fn noticed(driver: Driver) -> Option<String> {
    week(world(driver))
}

fn outage(driver: Driver) -> World {
    let mut world = world(driver);
    world.start();
    world.run_until("the first certificate", |world| world.served().is_some());
    world.server.outage = Some(IssuerFault::Unreachable);
    world
}

fn absent(driver: Driver) -> World {
    let mut world = world(driver);
    world.server.approver = Approver::Absent;
    world
}

fn asleep(driver: Driver) -> World {
    let mut world = world(driver);
    world.start();
    world.run_until("the first certificate", |world| world.served().is_some());
    world.run_for(Span::from_mins(10));
    world.happen(Transition::Suspend(Until::Span(Span::from_hours(6))));
    world
}

#[test]
fn correct_driver_breaks_no_invariant() {
    for scenario in [world, outage, absent, asleep] {
        assert_eq!(week(scenario(Driver::Correct)), None);
    }
    let mut world = world(Driver::Correct);
    world.start();
    world.run_for(Span::from_hours(24 * 7));
    assert!(world.served() > Some(Generation(7)), "there were rotations to check");
}

#[test]
fn s3_finds_driver_that_skips_directory_syncs() {
    let sentence = "S3: the current link leads to a whole bundle in every image";
    assert_eq!(noticed(Driver::SkipsDirectorySyncs).as_deref(), Some(sentence));
}

#[test]
fn s7_finds_driver_that_skips_file_syncs() {
    let sentence = "S7: a file on which an operation failed is not used";
    assert_eq!(noticed(Driver::SkipsFileSyncs).as_deref(), Some(sentence));
}

#[test]
fn s12_finds_driver_that_skips_removals() {
    let sentence = "S12: at most five names of ours are in any image";
    assert_eq!(noticed(Driver::SkipsUnlinks).as_deref(), Some(sentence));
}

#[test]
fn s4_finds_driver_that_serves_before_go_live() {
    let sentence = "S4: the current link leads to the served generation or a newer one in every image";
    assert_eq!(noticed(Driver::ServesEarly).as_deref(), Some(sentence));
}

#[test]
fn s1_finds_driver_that_serves_an_expired_identity() {
    let sentence = "S1: the served identity is within its validity";
    assert_eq!(week(outage(Driver::ServesOn)).as_deref(), Some(sentence));
}

#[test]
fn s10_finds_driver_that_reuses_keys() {
    let sentence = "S10: no two requests, and no two generations, share a key";
    assert_eq!(noticed(Driver::ReusesKeys).as_deref(), Some(sentence));
}

#[test]
fn s8_finds_driver_that_sends_a_second_request() {
    let sentence = "S8: at most one request is open";
    assert_eq!(week(absent(Driver::AsksTwice)).as_deref(), Some(sentence));
}

#[test]
fn s14_finds_driver_whose_clock_stops_in_suspend() {
    let sentence = "S14: a renewal is due by monotonic time at 90 % of the lifetime";
    assert_eq!(week(asleep(Driver::StopsInSuspend)).as_deref(), Some(sentence));
}

#[test]
fn s2_finds_driver_that_writes_an_unjudged_certificate() {
    let sentence = "S2: the bundle behind the current link is acceptable";
    assert_eq!(noticed(Driver::FetchesAgain).as_deref(), Some(sentence));
}
