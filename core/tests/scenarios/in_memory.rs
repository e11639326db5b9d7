//! A disk that refuses writes for long: when a request with an in-memory key is made, and how often.

use super::*;
use certrotate_model::transition::{Damage, Transition};

fn refuses(world: &mut World, kind: Kind) {
    keeps_failing(world, kind, DiskFault::NoSpace);
}

fn keeps_failing(world: &mut World, kind: Kind, fault: DiskFault) {
    let fault = Fault { after: 0, times: u16::MAX, kind, fault };
    assert!(world.disk.faults.push(fault), "a disk has room for two faults");
}

/// How long before `end` each request was made with a key that is in memory only.
fn in_memory(world: &World, end: WallTime) -> Vec<Span> {
    let events = world.log().events.iter();
    events
        .filter(|(_, event)| matches!(event, Event::RequestInMemory { .. }))
        .map(|(now, _)| end.since(now.wall))
        .collect()
}

fn end(world: &World) -> WallTime {
    world.served_facts().expect("it is served").not_after
}

#[test]
fn no_request_in_memory_before_the_expiry_margin() {
    let mut world = running();
    let end = end(&world);
    refuses(&mut world, Kind::Create);
    world.run_until("another identity", |world| world.served() == Some(Generation(2)));
    assert_eq!(in_memory(&world, end).len(), 1, "one request");
    assert!(in_memory(&world, end)[0] <= Span::from_mins(1), "{:?}", in_memory(&world, end));
    assert!(world.now.wall < end, "and in time");
}

#[test]
fn disordered_directory_allows_one_request_in_memory() {
    let mut world = running();
    let end = end(&world);
    // A stale file cannot be removed.
    assert!(world.happen(Transition::Damage(Damage::Temporary)));
    for kind in [Kind::Create, Kind::Unlink] {
        refuses(&mut world, kind);
    }
    world.run_until("another identity", |world| world.served() == Some(Generation(2)));
    assert_eq!(in_memory(&world, end).len(), 1);
    assert!(in_memory(&world, end)[0] <= Span::from_mins(1));
    assert!(world.now.wall < end, "and in time");
}

#[test]
fn unlinkable_bundle_goes_live_in_memory_before_the_linked_one_expires() {
    let mut world = running();
    let end = end(&world);
    // The next one starts in an hour. Its pending file and its bundle get their names; the link does not.
    world.server.bad_next = Some(Bad::Early);
    let fault = DiskFault::Io;
    world.disk.faults.push(Fault { after: 2, times: u16::MAX, kind: Kind::Rename, fault });
    let failed = |world: &World| said(world, |event| matches!(event, Event::DiskFailed { .. })) > 0;
    world.run_until("the link cannot be renamed", failed);
    world.server.outage = Some(IssuerFault::Unavailable { retry_after: None });
    world.run_until("another identity, or none", |world| world.served() != Some(Generation(1)));
    let unsaved = |world: &World| world.node.as_ref().is_some_and(|node| node.view().in_memory);
    assert_eq!((world.served(), unsaved(&world)), (Some(Generation(2)), true));
    assert!(world.now.wall < end && end.since(world.now.wall) <= Span::from_mins(1), "in the last minute");
    assert_eq!(in_memory(&world, end), [], "the bundle on disk is good");
    world.disk.faults.clear();
    world.run_until("it is saved", |world| !unsaved(world));
    assert_eq!(world.served(), Some(Generation(2)));
}

#[test]
fn without_rotation_no_request_in_memory_before_expiry() {
    let mut world = without_rotation();
    let end = end(&world);
    refuses(&mut world, Kind::Create);
    refuses(&mut world, Kind::SyncDir);
    world.run_until("the end", |world| world.served().is_none());
    assert_eq!(in_memory(&world, end), []);
    world.run_until("another identity", |world| world.served() == Some(Generation(2)));
    assert_eq!(in_memory(&world, end), [Span::ZERO], "one, after the end");
}

#[test]
fn backoff_after_a_denial_is_kept_on_a_failing_disk_without_identity() {
    let mut world = world();
    world.server.approver = Approver::Denies;
    world.start();
    let denied = |world: &World| said(world, |event| matches!(event, Event::RequestDenied { .. })) > 0;
    world.run_until("the denial", denied);
    let (from, now) = (world.log().calls.len(), world.now.mono);
    for kind in [Kind::Create, Kind::SyncDir] {
        refuses(&mut world, kind);
    }
    world.run_until("another call", |world| world.log().calls.len() > from);
    assert!(world.now.mono.since(now) >= Span::from_mins(10), "{:?}", world.now.mono.since(now));
}

#[test]
fn failing_sync_without_rotation_makes_no_request_before_expiry() {
    let mut world = without_rotation();
    let end = end(&world);
    world.kill();
    refuses(&mut world, Kind::SyncDir);
    world.start();
    world.run_until("the first certificate", |world| world.served().is_some());
    world.run_until("the end", |world| world.served().is_none());
    assert_eq!((world.now.wall, in_memory(&world, end)), (end, vec![]));
    world.run_until("another identity", |world| world.served() == Some(Generation(2)));
    assert_eq!(in_memory(&world, end), [Span::ZERO], "one, at the end");
}

#[test]
fn tick_that_puts_an_identity_in_memory_is_applied() {
    let mut world = running();
    let end = end(&world);
    world.disk.faults.push(Fault {
        after: 1,
        times: u16::MAX,
        kind: Kind::Create,
        fault: DiskFault::ReadOnly,
    });
    let waits = |world: &World| phase(world) == Phase::Recovering && world.in_flight.is_empty();
    world.run_until("a certificate in hand and a wait for the disk", |world| {
        waits(world) && world.server.created() == 2
    });
    // The clock jumps into the last minute, and nothing else is due.
    world.now.wall = end.minus(Span::from_secs(30));
    let step = world.give(Input::Tick).expect("it runs");
    assert_eq!((step.disposition, world.served()), (Disposition::Applied, Some(Generation(2))));
}

#[test]
fn disk_fault_is_followed_by_a_scan_before_a_certificate_is_installed() {
    let mut world = world();
    world.server.approver = Approver::Absent;
    world.disk.faults.push(Fault { after: 1, times: 1, kind: Kind::SyncDir, fault: DiskFault::Io });
    world.start();
    world.run_until("the request", |world| world.server.created() == 1 && phase(world) == Phase::Asking);
    assert_eq!(view::view(&world).failures.disk, 1, "it is not known what became of the last things");
    let before = world.log().disk.len();
    world.server.approver = Approver::Auto;
    world.run_until("the first certificate", |world| world.served().is_some());
    let kinds: Vec<Kind> = world.log().disk[before..].iter().map(|(command, _)| Kind::of(command)).collect();
    assert_eq!(kinds[0], Kind::Scan, "{kinds:?}");
}

#[test]
fn failing_disk_makes_no_request_in_memory_while_a_certificate_is_held() {
    let mut world = world();
    world.server.bad_next = Some(Bad::Between(50 * 60_000, 86_400_000));
    world.start();
    let held = |world: &World| said(world, |event| matches!(event, Event::Held { .. })) > 0;
    world.run_until("it is held", held);
    world.kill();
    refuses(&mut world, Kind::SyncDir);
    world.start();
    let calls = world.log().calls.len();
    world.run_for(Span::from_mins(45));
    assert_eq!((world.served(), world.log().calls.len()), (None, calls));
    world.run_until("its start", |world| world.served() == Some(Generation(1)));
    assert_eq!(world.log().calls.len(), calls);
}

#[test]
fn backoff_after_a_late_certificate_is_kept_by_a_request_in_memory() {
    let (mut world, wait) = installing::came_too_late(|_| {});
    for kind in [Kind::Create, Kind::SyncDir] {
        refuses(&mut world, kind);
    }
    let (calls, now) = (world.log().calls.len(), world.now.mono);
    assert!(wait > Span::from_mins(25), "longer than it takes until a disk is gone without: {wait}");
    world.run_until("another request", |world| world.log().calls.len() > calls);
    assert!(world.now.mono.since(now) >= wait, "{} and not {wait}", world.now.mono.since(now));
}

/// The world after ten hours in which no removal has an effect, with a stale file from the start on. Removals are tried ever less
/// often.
fn without_removals(fault: DiskFault) -> World {
    // The pending file of a bundle that is durable.
    let unlinks = |command: &DiskCommand| matches!(command, DiskCommand::Unlink { .. });
    let mut world = installing::installing(running(), unlinks);
    world.kill();
    keeps_failing(&mut world, Kind::Unlink, fault);
    let tries = |world: &World| world.log().disk.iter().filter(|(command, _)| unlinks(command)).count();
    let before = tries(&world);
    world.start();
    world.run_for(Span::from_hours(10));
    let tries = tries(&world) - before;
    assert!((15..=60).contains(&tries), "{tries} times in ten hours");
    world
}

#[test]
fn failing_cleanup_is_tried_ever_less_often() {
    without_removals(DiskFault::NoSpace);
}

#[test]
fn removals_without_effect_are_reported_and_tried_ever_less_often() {
    let world = without_removals(DiskFault::NoEffect);
    let reports = said(&world, |event| {
        matches!(
            event,
            Event::DiskFailed { command: DiskCommand::Unlink { .. }, fault: DiskFault::NoEffect, .. }
        )
    });
    assert!(reports > 0);
}

#[test]
fn stale_files_that_cannot_be_removed_do_not_keep_the_node_from_renewing() {
    for damage in [Damage::Temporary, Damage::PendingGarbage] {
        let mut world = running();
        assert!(world.happen(Transition::Damage(damage)));
        world.kill();
        keeps_failing(&mut world, Kind::Unlink, DiskFault::NoEffect);
        world.start();
        world.run_until("its start", |world| world.served() == Some(Generation(1)));
        for generation in 2..=4 {
            let end = end(&world);
            world.run_until("another identity", |world| world.served() == Some(Generation(generation)));
            assert!(world.now.wall < end, "generation {generation} is in time after {damage:?}");
        }
    }
}
