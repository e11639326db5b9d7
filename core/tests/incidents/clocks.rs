//! Clocks.

use super::*;
use certrotate_core::disk::DiskCommand;
use certrotate_core::input::{Action, Disposition, Input, Why};
use certrotate_core::time::{MonoTime, Now, WallTime};
use certrotate_model::server::{Approver, Bad};

const YEAR: Span = Span::from_hours(8760);

/// The next certificate starts `wait` after its issue.
fn starts_later(world: &mut World, wait: Span) {
    let end = i64::try_from(wait.plus(DAY).ms()).expect("some days");
    world.server.bad_next = Some(Bad::Between(i64::try_from(wait.ms()).expect("some days"), end));
}

#[test]
fn f17_certificate_from_a_wrong_year_is_not_served_in_this_one() {
    let mut world = running();
    world.now.wall = world.now.wall.plus(YEAR);
    world.give(Input::Tick);
    serves(&mut world, 2);
    world.now.wall = world.now.wall.minus(YEAR);
    world.give(Input::Tick);
    assert_eq!(world.served(), None, "it has not begun");
    world.restart();
    world.run_until("recovery", |world| world.ghost.recovered);
    assert_eq!(world.served(), Some(Generation(1)), "the one before is valid still, and 2 is not");
    serves(&mut world, 3);
    assert_eq!(world.log().requests.len(), 3);
}

#[test]
fn f18_certificate_valid_in_twenty_seconds_is_held_and_goes_live_then() {
    for restart in [false, true] {
        let mut world = running();
        starts_later(&mut world, Span::from_secs(20));
        world.run_until("that it is held", |world| saw(world, |it| matches!(it, Event::Held { .. })));
        let held = world.now;
        if restart {
            world.restart();
            world.run_until("recovery", |world| world.ghost.recovered);
        }
        assert_eq!(world.served(), Some(Generation(1)), "the live identity stays live");
        serves(&mut world, 2);
        assert_eq!(world.now.wall, held.wall.plus(Span::from_secs(20)), "in the very moment of its start");
        assert_eq!(world.log().requests.len(), 2, "one request for each");
    }
}

#[test]
fn f19_first_certificate_is_held_within_the_cap_and_rejected_beyond() {
    let mut world = world();
    starts_later(&mut world, Span::from_hours(1));
    world.start();
    world.run_for(Span::from_mins(59));
    assert_eq!((world.served(), world.log().requests.len()), (None, 1), "no other request is made");
    let held = world.node.as_ref().and_then(|node| node.view().held).expect("and it says what it waits for");
    serves(&mut world, 1);
    assert_eq!(world.now.wall, held);
    assert_eq!(world.log().requests.len(), 1);

    let mut world = super::world();
    let later = i64::try_from(Span::from_hours(2).ms()).expect("two hours");
    world.server.bad = Some(Bad::Between(later, later * 20));
    world.start();
    world.run_for(DAY);
    assert!(saw(&world, |it| matches!(it, Event::CertificateRefused { .. })));
    assert!((5..=12).contains(&world.log().requests.len()), "{}", world.log().requests.len());
}

#[test]
fn f21_boot_in_1970_requests_and_changes_nothing_until_the_clock_is_set() {
    let true_time = world().now.wall;
    let built = true_time.minus(YEAR);
    let mut world = world_of(ConfigSpec { built, ..spec() });
    world.now.wall = WallTime::from_unix_secs(0);
    world.start();
    world.run_for(DAY);
    assert!(world.log().calls.is_empty(), "{:?}", world.log().calls);
    assert_eq!(world.operations.mutating, 0, "nothing on disk was changed");
    let events = world.log().events.iter().filter(|(_, it)| matches!(it, Event::ClockInvalid { .. }));
    assert_eq!(events.count(), 1, "said once");
    world.now.wall = true_time;
    world.give(Input::Tick);
    serves(&mut world, 1);
    assert_eq!(world.log().requests.len(), 1);
}

#[test]
fn f21_suspect_clock_delays_a_start_by_ten_minutes() {
    for set in [true, false] {
        let mut world = running();
        let before = world.log().calls.len();
        world.kill();
        world.now.wall = world.now.wall.minus(YEAR);
        world.start();
        world.run_for(Span::from_mins(9));
        assert_eq!((world.served(), world.log().calls.len()), (None, before), "it waits");
        assert!(saw(&world, |it| matches!(it, Event::ClockSuspect { .. })));
        if set {
            world.now.wall = world.now.wall.plus(YEAR);
            world.give(Input::Tick);
            serves(&mut world, 1);
            assert_eq!(world.log().calls.len(), before, "the bundle on disk is still good");
        } else {
            serves(&mut world, 2);
            assert_eq!(kinds_since(&world, before), [Credential::Bootstrap]);
        }
    }
}

#[test]
fn l3_bundle_expired_by_a_wrong_clock_goes_live_when_the_clock_is_set() {
    for approver in [Approver::Auto, Approver::Absent, Approver::Denies] {
        let mut world = running();
        world.kill();
        world.now.wall = world.now.wall.plus(YEAR);
        world.server.approver = approver;
        world.start();
        world.run_for(Span::from_mins(5));
        let (asked, phase) = (world.log().requests.len(), phase(&world));
        if approver == Approver::Auto {
            assert_eq!(world.served(), Some(Generation(2)), "the server's clock is as wrong");
            continue;
        }
        assert_eq!((world.served(), asked), (None, 2), "the bootstrap credential asks");
        world.now.wall = world.now.wall.minus(YEAR);
        world.give(Input::Tick);
        world.settle();
        assert_eq!(world.served(), Some(Generation(1)), "{approver:?}: at once, in phase {phase}");
        world.server.approver = Approver::Auto;
        serves(&mut world, if approver == Approver::Absent { 2 } else { 3 });
        assert_eq!(world.log().requests.len(), if approver == Approver::Absent { 2 } else { 3 });
    }
}

#[test]
fn f22_wall_clock_jump_of_twelve_hours_is_followed_within_one_tick() {
    let mut world = running();
    world.run_for(Span::from_hours(10));
    assert_eq!(phase(&world), Phase::Resting);
    world.now.wall = world.now.wall.plus(Span::from_hours(12));
    let node = world.node.clone().expect("it runs");
    assert!(node.clock_check() <= Span::from_mins(1), "the driver looks at the clock this often");
    let tick = world.give(Input::Tick).expect("it runs");
    let is_scan = |action: &Action| matches!(action, Action::Disk { command: DiskCommand::Scan, .. });
    assert!(tick.actions.iter().any(is_scan), "the directory is looked at first: {:?}", tick.actions);
    let now = world.now;
    assert!(world.advance() && world.now == now);
    assert_eq!(phase(&world), Phase::Keying, "and a key is requested");
}

#[test]
fn f23_no_deadline_remembers_how_the_clocks_stood_to_each_other() {
    let mut world = running();
    world.run_for(Span::from_mins(2));
    let node = world.node.clone().expect("it runs");
    let planned = node.wake();
    let renew_at = node.view().identity.expect("it is served").renew_at;
    assert_eq!(planned.wall, Some(renew_at));
    for ahead in [-1, 1, 3_600_000, 15 * 3_600_000] {
        let mut node = node.clone();
        // Suspended: the wall clock went on, and the mono clock did so or not.
        for mono in [0, 1, 60_000] {
            let wall = WallTime::from_unix_ms(world.now.wall.unix_ms() + ahead);
            let now = Now { wall, mono: world.now.mono.plus(Span::from_ms(mono)) };
            assert_eq!(node.step(now, Input::Tick).disposition, Disposition::Ignored(Why::NotDue));
            assert_eq!(node.wake(), planned, "{ahead} ms: neither deadline moves with the other clock");
        }
        let now = Now { wall: renew_at, mono: world.now.mono.plus(Span::from_ms(60_000)) };
        assert_eq!(node.step(now, Input::Tick).disposition, Disposition::Applied, "due by the wall clock");
    }
}

#[test]
fn f25_renewal_is_due_in_its_millisecond_and_not_before() {
    for ms in 0..1000 {
        let mut world = world();
        world.now.wall = world.now.wall.plus(Span::from_ms(ms));
        world.server.lifetime = Span::from_ms(86_400_000 + ms * 7);
        world.start();
        serves(&mut world, 1);
        world.run_for(Span::from_mins(2));
        let node = world.node.clone().expect("it runs");
        let renew_at = node.view().identity.expect("it is served").renew_at;
        let at =
            |wall: i64| Now { wall: WallTime::from_unix_ms(renew_at.unix_ms() + wall), mono: node.mono() };
        let early = node.clone().step(at(-1), Input::Tick);
        assert_eq!(early.disposition, Disposition::Ignored(Why::NotDue), "{ms}: a millisecond before");
        let due = node.clone().step(at(0), Input::Tick);
        assert_eq!(due.disposition, Disposition::Applied, "{ms}: at {renew_at}");
        let renew_by = node.view().identity.expect("it is served").renew_by;
        let by = |mono: u64| Now { wall: world.now.wall, mono: MonoTime::from_ms(mono) };
        let early = node.clone().step(by(renew_by.ms() - 1), Input::Tick);
        assert_eq!(early.disposition, Disposition::Ignored(Why::NotDue), "{ms}: by mono time");
        assert_eq!(node.clone().step(by(renew_by.ms()), Input::Tick).disposition, Disposition::Applied);
    }
}

#[test]
fn f21_start_with_an_invalid_clock_removes_nothing() {
    let true_time = certrotate_model::world::START;
    let built = true_time.minus(YEAR);
    let mut world = world_of(ConfigSpec { built, ..spec() });
    world.start();
    serves(&mut world, 2);
    world.kill();
    let names = |world: &World| world.disk.names().collect::<Vec<_>>();
    let (before, operations) = (names(&world), world.log().disk.len());
    let now = world.now.wall;
    world.now.wall = built.minus(DAY);
    world.start();
    world.run_for(Span::from_hours(2));
    let mutates = |(command, _): &(DiskCommand, _)| command.mutates();
    assert!(!world.log().disk[operations..].iter().any(mutates), "{:?}", &world.log().disk[operations..]);
    assert_eq!((world.served(), names(&world)), (None, before));
    world.give(Input::Tick);
    assert_eq!(
        (phase(&world), world.in_flight.len()),
        (Phase::Recovering, 0),
        "the result of a scan cannot be judged"
    );
    world.now.wall = now.plus(Span::from_hours(2));
    serves(&mut world, 2);
}

#[test]
fn f17_clock_hours_back_does_not_prevent_a_bootstrap_request() {
    let mut world = running();
    let before = creates(&world);
    world.now.wall = world.now.wall.minus(Span::from_hours(10));
    world.give(Input::Tick);
    assert_eq!(world.served(), None, "it has not begun by this clock");
    world.run_for(Span::from_mins(5));
    assert_eq!(creates(&world), before + 1);
    assert_eq!(world.log().credentials().last(), Some(&Credential::Bootstrap));
}

#[test]
fn identity_expires_and_is_renewed_although_the_monotonic_clock_went_back() {
    use certrotate_model::transition::{DriverFault, Transition};
    let mut world = running();
    world.run_for(Span::from_hours(10));
    world.happen(Transition::Driver(DriverFault::MonoBack(Span::from_hours(9))));
    assert!(saw(&world, |it| matches!(it, Event::MonotonicClockRegressed { .. })));
    let mut silent = world.clone();
    serves(&mut world, 2);
    silent.server.silent = true;
    silent.run_for(DAY);
    assert_eq!(silent.served(), None, "it expired by the wall clock");
    silent.server.silent = false;
    serves(&mut silent, 2);
}
