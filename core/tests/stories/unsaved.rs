//! A disk that refuses for long: what is asked for with a key that is in memory only, when, and how often.

use super::*;
use certrotate_model::transition::{Damage, Transition};

fn refuses(world: &mut World, kind: Kind) {
    let fault = Fault { after: 0, times: u16::MAX, kind, fault: DiskFault::NoSpace };
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
fn while_an_identity_is_served_none_is_asked_for_in_memory_before_the_last_minute_of_its_life() {
    let mut world = running();
    let end = end(&world);
    refuses(&mut world, Kind::Create);
    world.run_until("another identity", |world| world.served() == Some(Generation(2)));
    assert_eq!(in_memory(&world, end).len(), 1, "one request");
    assert!(in_memory(&world, end)[0] <= Span::from_mins(1), "{:?}", in_memory(&world, end));
    assert!(world.now.wall < end, "and in time");
}

#[test]
fn a_directory_that_cannot_be_put_in_order_does_not_keep_a_node_from_one_request_in_memory() {
    let mut world = running();
    let end = end(&world);
    // Something is to be tidied away, and cannot be.
    assert!(world.happen(Transition::Plant(Damage::Temporary)));
    for kind in [Kind::Create, Kind::Unlink] {
        refuses(&mut world, kind);
    }
    world.run_until("another identity", |world| world.served() == Some(Generation(2)));
    assert_eq!(in_memory(&world, end).len(), 1);
    assert!(in_memory(&world, end)[0] <= Span::from_mins(1));
    assert!(world.now.wall < end, "and in time");
}

#[test]
fn a_bundle_that_cannot_be_given_the_live_name_is_served_before_what_has_it_ends_and_nothing_is_asked_for() {
    let mut world = running();
    let end = end(&world);
    // The next one starts in an hour. Its pending file and its bundle get their names; the link does not.
    world.server.bad_next = Some(Bad::Early);
    let fault = DiskFault::Io;
    world.disk.faults.push(Fault { after: 2, times: u16::MAX, kind: Kind::Rename, fault });
    let failed = |world: &World| said(world, |event| matches!(event, Event::DiskFailed { .. })) > 0;
    world.run_until("the link cannot be renamed", failed);
    world.server.outage = Some(ApiFault::ServerError { retry_after: None });
    world.run_until("another identity, or none", |world| world.served() != Some(Generation(1)));
    let unsaved = |world: &World| world.node.as_ref().is_some_and(|node| node.view().unsaved);
    assert_eq!((world.served(), unsaved(&world)), (Some(Generation(2)), true));
    assert!(world.now.wall < end && end.since(world.now.wall) <= Span::from_mins(1), "in the last minute");
    assert_eq!(in_memory(&world, end), [], "what is there is good");
    world.disk.faults.clear();
    world.run_until("it is saved", |world| !unsaved(world));
    assert_eq!(world.served(), Some(Generation(2)));
}

#[test]
fn where_rotation_is_off_nothing_is_asked_for_in_memory_before_the_end() {
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
fn after_a_denial_the_wait_is_kept_also_where_the_disk_refuses_and_nothing_is_served() {
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
fn where_rotation_is_off_a_directory_that_cannot_be_synced_leads_to_no_request_before_the_end() {
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
fn what_is_served_from_memory_by_a_tick_makes_that_tick_count() {
    let mut world = running();
    let end = end(&world);
    world.disk.faults.push(Fault {
        after: 1,
        times: u16::MAX,
        kind: Kind::Create,
        fault: DiskFault::ReadOnly,
    });
    let waits = |world: &World| phase(world) == Phase::Recovering && world.asked.is_empty();
    world.run_until("a certificate in hand and a wait for the disk", |world| {
        waits(world) && world.server.created() == 2
    });
    // The clock jumps into the last minute, and nothing else is due.
    world.now.wall = end.minus(Span::from_secs(30));
    let step = world.give(Input::Tick).expect("it runs");
    assert_eq!((step.disposition, world.served()), (Disposition::Applied, Some(Generation(2))));
}

#[test]
fn after_a_disk_failure_the_directory_is_looked_at_before_a_certificate_is_installed() {
    let mut world = world();
    world.server.approver = Approver::Absent;
    world.disk.faults.push(Fault { after: 1, times: 1, kind: Kind::SyncDir, fault: DiskFault::Io });
    world.start();
    world.run_until("the request", |world| world.server.created() == 1 && phase(world) == Phase::Asking);
    assert_eq!(view::view(&world).disk_failures, 1, "it is not known what became of the last things");
    let before = world.log().disk.len();
    world.server.approver = Approver::Auto;
    world.run_until("the first certificate", |world| world.served().is_some());
    let kinds: Vec<Kind> = world.log().disk[before..].iter().map(|(command, _)| Kind::of(command)).collect();
    assert_eq!(kinds[0], Kind::Scan, "{kinds:?}");
}

#[test]
fn while_a_certificate_waits_for_its_start_a_disk_that_refuses_leads_to_no_request_in_memory() {
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
fn the_wait_after_a_certificate_that_came_too_late_is_kept_by_a_request_in_memory() {
    let (mut world, wait) = installing::came_too_late(|_| {});
    for kind in [Kind::Create, Kind::SyncDir] {
        refuses(&mut world, kind);
    }
    let (calls, now) = (world.log().calls.len(), world.now.mono);
    assert!(wait > Span::from_mins(25), "longer than it takes until a disk is gone without: {wait}");
    world.run_until("another request", |world| world.log().calls.len() > calls);
    assert!(world.now.mono.since(now) >= wait, "{} and not {wait}", world.now.mono.since(now));
}

#[test]
fn what_cannot_be_tidied_away_is_tried_ever_less_often() {
    // The pending file of a bundle that is durable.
    let unlinks = |command: &DiskCommand| matches!(command, DiskCommand::Unlink { .. });
    let mut world = installing::installing(running(), unlinks);
    world.kill();
    refuses(&mut world, Kind::Unlink);
    let tries = |world: &World| world.log().disk.iter().filter(|(command, _)| unlinks(command)).count();
    let before = tries(&world);
    world.start();
    world.run_for(Span::from_hours(10));
    let tries = tries(&world) - before;
    assert!((15..=60).contains(&tries), "{tries} times in ten hours");
}
