//! Expired while off, asleep or cut off.

use super::*;
use certrotate_core::disk::DiskFault;
use certrotate_core::issuer::IssuerFault;
use certrotate_core::judge::Refusal;
use certrotate_model::cert::Flaw;
use certrotate_model::disk::{Fault, Kind};
use certrotate_model::server::{Approver, Bad};

/// A node that was switched off when it had its first certificate.
fn off_for(hours: u64) -> World {
    let mut world = running();
    world.kill();
    world.pass(Span::from_hours(hours));
    world
}

#[test]
fn f01_expired_pair_is_never_presented_while_bootstrap_works() {
    let mut world = off_for(48);
    let before = world.log().credentials().len();
    world.start();
    serves_any(&mut world);
    assert_eq!(kinds_since(&world, before), [Credential::Bootstrap]);
    assert!(saw(&world, |event| matches!(
        event,
        Event::FileRefused { refusal: Refusal::Expired { .. }, .. }
    )));
}

#[test]
fn f02_certificate_expired_in_an_outage_is_replaced_without_a_restart() {
    let mut world = running();
    world.server.outage = Some(IssuerFault::Unreachable);
    world.run_until("the end", |world| world.served().is_none());
    world.run_for(Span::from_hours(24 * 7));
    assert_eq!(world.exit, None, "no restart is needed");
    world.server.outage = None;
    let back = world.now.mono;
    serves(&mut world, 2);
    assert!(world.now.mono.since(back) <= Span::from_mins(15), "within the longest backoff");
}

#[test]
fn f06_outage_past_expiry_recovers_without_the_expired_identity() {
    for hours in [10, 24, 31, 24 * 30] {
        let mut world = running();
        world.server.outage = Some(IssuerFault::Unavailable { retry_after: None });
        world.run_for(Span::from_hours(hours));
        let (expired, before) = (world.served().is_none(), world.log().credentials().len());
        world.server.outage = None;
        serves(&mut world, 2);
        let expected = if expired { Credential::Bootstrap } else { Credential::Live(Generation(1)) };
        assert_eq!(kinds_since(&world, before), [expected], "{hours} h");
    }
}

#[test]
fn f09_node_off_past_expiry_recovers_unattended() {
    let mut world = off_for(30);
    world.start();
    serves_any(&mut world);
    assert_eq!(world.log().requests.len(), 2);
    assert_eq!(world.log().credentials().last(), Some(&Credential::Bootstrap));
}

#[test]
fn f10_restarts_while_a_request_is_pending_keep_one_request() {
    let mut world = world();
    world.server.approver = Approver::Absent;
    for days in 1..=5 {
        world.start();
        world.run_for(Span::from_hours(8));
        world.kill();
        world.pass(Span::from_hours(24 * days));
        assert_eq!(world.server.objects.len(), 1);
    }
    assert_eq!(world.log().requests.len(), 1, "the same key and the same request all along");
    world.server.approver = Approver::Auto;
    world.start();
    serves(&mut world, 1);
}

#[test]
fn f12_a_node_renews_for_ten_years_without_a_restart() {
    let mut world = running();
    world.ghost.undisturbed = true;
    world.run_for(Span::from_hours(10 * 365 * 24));
    let rotations = world.log().requests.len() as u64 - 1;
    let days = 10 * 365;
    assert!((days * 10 / 9..=days * 10 / 7).contains(&rotations), "{rotations} in {days} days");
    assert_eq!(world.served(), Some(Generation(rotations as u32 + 1)));
    assert!(!saw(&world, |event| matches!(event, Event::Expired { .. })));
    assert!(world.log().names_max <= 5);
}

#[test]
fn f14_failed_renewal_keeps_a_usable_certificate() {
    let mut failures: Vec<fn(&mut World)> = vec![
        |world| world.server.silent = true,
        |world| world.server.approver = Approver::Denies,
        |world| world.server.approver = Approver::Fails,
        |world| world.server.approver = Approver::NoSigner,
        |world| world.server.refuse_live = true,
        |world| {
            let fault = DiskFault::NoSpace;
            world.disk.faults.push(Fault { after: 0, times: 99, kind: Kind::Create, fault });
        },
        |world| {
            world.disk.faults.push(Fault { after: 1, times: 99, kind: Kind::SyncDir, fault: DiskFault::Io });
        },
    ];
    failures.push(|world| world.server.outage = Some(IssuerFault::NotAuthenticated));
    failures.push(|world| world.server.bad = Some(Bad::Flawed(Flaw::Key)));
    failures.push(|world| world.server.bad = Some(Bad::Expired));
    failures.push(|world| world.server.bad = Some(Bad::Unreadable));
    for (number, fail) in failures.iter().enumerate() {
        let mut world = running();
        let end = world.served_facts().expect("it is served").not_after;
        world.ghost.undisturbed = true;
        fail(&mut world);
        let almost = Span::from_ms(end.since(world.now.wall).ms() - 1);
        world.run_for(almost);
        assert!(world.served().is_some(), "failure {number}: served to the last millisecond");
        assert!(
            world.log().calls.len() + world.log().disk.len() > 20,
            "failure {number}: a renewal was tried"
        );
    }
}

#[test]
fn f14_certificate_expiring_during_installation_keeps_the_live_one() {
    let mut world = running();
    world.ghost.undisturbed = true;
    world.server.bad = Some(Bad::Between(-300_000, 6000));
    world.run_until("the switch", |world| {
        world.disk.live_bundle().is_some_and(|it| it.generation == Generation(2))
    });
    assert_eq!(phase(&world), Phase::Installing, "the last sync is under way");
    world.pass(Span::from_secs(7));
    world.settle();
    assert_eq!(world.served(), Some(Generation(1)));
    assert_eq!(world.disk.live_bundle().map(|it| it.generation), Some(Generation(1)), "pointed back");
    world.server.bad = None;
    serves(&mut world, 3);
}

#[test]
fn f15_crash_at_any_step_of_a_rotation_leaves_a_usable_identity() {
    let steps = {
        let mut world = running();
        let before = world.steps;
        serves(&mut world, 2);
        world.steps - before
    };
    for step in 0..=steps {
        for forgotten in [false, true] {
            let mut world = running();
            for _ in 0..step {
                world.advance();
            }
            world.restart();
            world.run_until("recovery", |world| world.ghost.recovered);
            assert!(world.served().is_some(), "step {step}: old or new, at once");
            world.server.refuse_live = forgotten;
            world.run_until("the next one", |world| world.served() >= Some(Generation(2)));
            assert_eq!(world.log().requests.len(), 2, "step {step}: the second request was resumed");
        }
    }
}

#[test]
fn f16_disk_failing_after_issue_gets_the_same_pair_and_no_new_request() {
    for fault in [DiskFault::ReadOnly, DiskFault::NoSpace] {
        for kind in [Kind::Create, Kind::Write, Kind::SyncFile, Kind::Rename, Kind::SyncDir] {
            let mut world = running();
            // The first of each kind is the pending file's: the second comes after the issue.
            world.disk.faults.push(Fault { after: 1, times: 8, kind, fault });
            serves(&mut world, 2);
            assert_eq!(world.server.created(), 2, "{kind:?}: one request for each");
            assert!(!saw(&world, |event| matches!(event, Event::Expired { .. })), "{kind:?}");
            assert!(saw(&world, |event| matches!(event, Event::DiskFailed { .. })), "{kind:?}");
        }
    }
}

/// From now on nothing can be created on this disk.
fn refuses(world: &mut World) {
    world.disk.faults.push(Fault {
        after: 0,
        times: u16::MAX,
        kind: Kind::Create,
        fault: DiskFault::NoSpace,
    });
}

fn is_unsaved(world: &World) -> bool {
    world.node.as_ref().is_some_and(|node| node.view().in_memory)
}

#[test]
fn f16_unwritable_certificate_goes_live_in_memory_before_expiry() {
    let mut world = running();
    world.disk.faults.push(Fault {
        after: 1,
        times: u16::MAX,
        kind: Kind::Create,
        fault: DiskFault::ReadOnly,
    });
    let (_, end) = world.served_facts().map(|it| (it.not_before, it.not_after)).expect("1 is served");
    world.run_until("an in-memory identity", is_unsaved);
    assert_eq!(world.served(), Some(Generation(2)));
    assert_eq!(end.since(world.now.wall), Span::from_mins(1), "no sooner than a minute before the end");
    assert!(!saw(&world, |it| matches!(it, Event::Expired { .. })));
    world.disk.faults.clear();
    world.run_until("that it is saved", |world| !is_unsaved(world));
    assert_eq!((world.served(), world.server.created()), (Some(Generation(2)), 2), "the same pair");
}

#[test]
fn f16_failing_disk_without_an_identity_makes_one_request_in_memory() {
    let mut world = world();
    refuses(&mut world);
    world.start();
    world.run_until("an in-memory identity", is_unsaved);
    assert!(saw(&world, |it| matches!(it, Event::RequestInMemory { .. })));
    assert!(world.now.wall.since(certrotate_model::world::START) > Span::from_mins(15), "not in a hurry");
    world.run_for(DAY.plus(DAY));
    assert_eq!(world.served(), None, "it ended");
    assert_eq!(world.server.created(), 1, "one in a run");
    world.disk.faults.clear();
    serves_any(&mut world);
    assert!(!is_unsaved(&world));
}

#[test]
fn f16_start_without_directory_sync_serves_the_bundle_as_in_memory() {
    let mut world = running();
    world.kill();
    world.disk.faults.push(Fault { after: 0, times: u16::MAX, kind: Kind::SyncDir, fault: DiskFault::Io });
    let start = world.now;
    world.start();
    world.run_until("the files on disk", |world| world.served().is_some());
    assert!(is_unsaved(&world));
    assert!(world.now.mono.since(start.mono) < Span::from_secs(10), "with the second look");
    world.disk.faults.clear();
    world.run_until("that it is saved", |world| !is_unsaved(world));
    assert_eq!((world.served(), world.server.created()), (Some(Generation(1)), 1));
}

/// A node whose renewal waits for approval, up to the expiry of its identity.
fn pending_past_expiry() -> World {
    let mut world = running();
    world.server.approver = Approver::Absent;
    world.run_until("the expiry", |world| world.served().is_none());
    world
}

fn given_up(world: &World) -> usize {
    world.log().events.iter().filter(|(_, event)| matches!(event, Event::RequestOfExpired { .. })).count()
}

#[test]
fn f100_request_of_an_expired_identity_gives_way_to_one_of_bootstrap() {
    let mut world = pending_past_expiry();
    let expired = world.now.mono;
    world.run_until("the request of the bootstrap credential", |world| world.log().requests.len() == 3);
    assert!(world.now.mono.since(expired) <= Span::from_mins(2), "at the next poll");
    assert!(world.server.objects[0].by_node && !world.server.objects[1].by_node);
    world.run_for(Span::from_hours(20));
    assert_eq!((given_up(&world), world.log().requests.len()), (1, 3), "once for the expiry");
    world.server.approver = Approver::Auto;
    serves(&mut world, 3);
}

#[test]
fn f100_restart_at_any_step_gives_up_no_second_request() {
    for steps in 0..40 {
        let mut world = pending_past_expiry();
        for _ in 0..steps {
            world.advance();
        }
        for _ in 0..3 {
            world.restart();
            world.run_for(Span::from_hours(2));
        }
        assert_eq!(world.log().requests.len(), 3, "after {steps} steps");
        world.server.approver = Approver::Auto;
        serves_any(&mut world);
    }
}

#[test]
fn f100_node_that_was_off_at_the_expiry_gives_its_request_up_at_start() {
    let mut world = running();
    world.server.approver = Approver::Absent;
    world.run_until("the request", |world| world.log().requests.len() == 2);
    world.kill();
    world.pass(Span::from_hours(12));
    world.start();
    world.run_until("the next request", |world| world.log().requests.len() == 3);
    world.run_for(Span::from_hours(6));
    assert_eq!((given_up(&world), world.log().requests.len()), (1, 3));
}

#[test]
fn f100_bootstrap_user_that_is_the_node_gives_up_one_request() {
    let mut world = running();
    world.server.bootstrap_is_node = true;
    world.server.approver = Approver::Absent;
    world.run_until("the expiry", |world| world.served().is_none());
    world.run_for(Span::from_hours(20));
    world.restart();
    world.run_for(Span::from_hours(20));
    assert_eq!((given_up(&world), world.log().requests.len()), (1, 3));
}

#[test]
fn f100_clock_that_goes_back_after_the_expiry_gives_up_no_second_request() {
    let mut world = running();
    world.server.bootstrap_is_node = true;
    world.server.approver = Approver::Absent;
    world.run_until("the expiry", |world| world.served().is_none());
    world.now.wall = world.now.wall.minus(Span::from_hours(3));
    world.run_for(Span::from_hours(1));
    assert_eq!((given_up(&world), world.log().requests.len()), (1, 3));
    world.restart();
    world.run_for(Span::from_hours(20));
    assert_eq!((given_up(&world), world.log().requests.len()), (1, 3));
}

#[test]
fn f100_request_is_kept_while_bootstrap_cannot_read_it_or_it_is_approved() {
    let mut world = running();
    world.server.approver = Approver::Absent;
    world.run_until("the expiry", |world| world.served().is_none());
    world.server.refuse_bootstrap = true;
    world.run_for(Span::from_hours(3));
    assert_eq!((given_up(&world), world.log().requests.len()), (0, 2));
    world.server.approver = Approver::NoSigner;
    world.server.refuse_bootstrap = false;
    world.run_for(Span::from_hours(1));
    assert_eq!((given_up(&world), world.log().requests.len()), (0, 2));
    world.server.approver = Approver::Auto;
    world.server.objects.clear();
    serves(&mut world, 2);
}

#[test]
fn f100_late_approval_of_the_given_up_request_changes_nothing() {
    let mut world = pending_past_expiry();
    world.run_until("the request of the bootstrap credential", |world| world.log().requests.len() == 3);
    world.server.approver = Approver::Auto;
    world.server.control(world.now.wall);
    world.server.approver = Approver::Absent;
    serves(&mut world, 3);
    world.run_for(Span::from_hours(2));
    assert_eq!(world.served(), Some(Generation(3)));
}
