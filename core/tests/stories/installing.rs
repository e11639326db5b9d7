//! A wall clock that moves in the middle of an installation.

use super::*;
use certrotate_model::transition::{Damage, Transition};

/// The second certificate is being installed, and this operation on the disk is under way.
pub(super) fn installing(mut world: World, wanted: impl Fn(&DiskCommand) -> bool) -> World {
    world.run_until("the operation", |world| {
        phase(world) == Phase::Installing
            && world.asked.iter().any(|asked| match asked.what {
                What::Disk(command) => wanted(&command),
                _ => false,
            })
    });
    world
}

fn link(world: &World) -> Option<Generation> {
    match world.disk.live_name() {
        CurrentLink::Link(name) => name.generation(),
        _ => None,
    }
}

#[test]
fn a_certificate_that_starts_while_the_removal_of_its_pending_file_is_synced_is_linked_before_it_is_served() {
    let mut world = running();
    world.server.bad_next = Some(Bad::Between(20_000, 86_400_000));
    let mut world = installing(world, |command| matches!(command, DiskCommand::Unlink { .. }));
    world.deliver();
    assert_eq!(phase(&world), Phase::Installing, "the directory is to be synced");
    world.now.wall = world.now.wall.plus(Span::from_secs(30));
    world.run_until("the second certificate", |world| world.served() == Some(Generation(2)));
    assert_eq!(link(&world), Some(Generation(2)));
}

#[test]
fn a_clock_that_goes_back_while_the_live_name_is_switched_has_it_switched_back() {
    let world = running();
    let switched = |command: &DiskCommand| matches!(command, DiskCommand::Rename { to: Name::Current, .. });
    let mut world = installing(world, switched);
    world.deliver();
    assert_eq!(phase(&world), Phase::Installing, "the directory is to be synced");
    let start = world.now.wall;
    world.now.wall = start.minus(Span::from_mins(20));
    world.run_until("rest", |world| phase(world) == Phase::Resting);
    assert_eq!((world.served(), link(&world)), (Some(Generation(1)), Some(Generation(1))));
    world.run_until("the second certificate", |world| world.served() == Some(Generation(2)));
    assert_eq!(world.now.wall, start.minus(Span::from_mins(5)).whole_second(), "in the moment of its start");
    assert_eq!((link(&world), world.server.created()), (Some(Generation(2)), 2));
}

fn refused(world: &World) -> usize {
    said(world, |event| matches!(event, Event::CertificateRefused { .. }))
}

#[test]
fn a_certificate_that_ends_while_it_is_made_durable_is_refused_in_words_and_another_is_asked_for() {
    let mut world = running();
    world.server.bad_next = Some(Bad::Between(-3_600_000, 7_200_000));
    let mut world = installing(world, |command| matches!(command, DiskCommand::SyncFile { .. }));
    world.now.wall = world.now.wall.plus(Span::from_hours(3));
    world.run_until("another certificate", |world| world.served() > Some(Generation(1)));
    assert_eq!((refused(&world), world.served()), (1, Some(Generation(3))));
}

#[test]
fn a_pair_that_ends_while_it_is_copied_is_not_refused_because_nobody_issued_it() {
    let mut world = world();
    assert!(world.happen(Transition::Plant(Damage::DatedPair)));
    let mut world = installing(world, |command| matches!(command, DiskCommand::SyncFile { .. }));
    world.now.wall = world.now.wall.plus(Span::from_hours(30 * 24));
    world.run_until("a certificate", |world| world.served().is_some());
    assert_eq!((refused(&world), world.server.created()), (0, 1));
}

/// A start finds a newer bundle that does not have the live name yet.
fn started_before_the_switch() -> World {
    let mut world = installing(running(), |command| matches!(command, DiskCommand::Symlink { .. }));
    world.kill();
    world
}

fn from_memory(world: &World) -> bool {
    said(world, |event| matches!(event, Event::IdentityInMemory { .. })) > 0
}

#[test]
fn a_scan_that_failed_is_no_reason_to_serve_from_memory_what_the_next_one_shows() {
    let mut world = started_before_the_switch();
    world.disk.faults.push(Fault { after: 0, times: 1, kind: Kind::Scan, fault: DiskFault::Io });
    world.start();
    world.run_until("the second certificate", |world| world.served() == Some(Generation(2)));
    assert!(!from_memory(&world), "the ordinary way is tried first");
    assert_eq!(link(&world), Some(Generation(2)));
}

#[test]
fn a_link_that_is_not_answered_is_reason_to_serve_what_is_there_at_once() {
    let mut world = started_before_the_switch();
    world.start();
    let linking = |world: &World| {
        world.asked.iter().any(|asked| matches!(asked.what, What::Disk(DiskCommand::Symlink { .. })))
    };
    world.run_until("the link", linking);
    world.lose_disk_answers = 1;
    world.run_until("the second certificate", |world| world.served() == Some(Generation(2)));
    assert!(from_memory(&world), "nobody knows how long the disk will be silent");
    world.run_until("the live name", |world| link(world) == Some(Generation(2)));
}

/// A bundle got its name, and the directory cannot be synced once; and how many files there had been by then.
fn fails_once_beside_its_bundle(bad: Option<Bad>) -> (World, usize) {
    let mut world = running();
    world.server.bad_next = bad;
    let mut world = installing(world, |command| matches!(command, DiskCommand::SyncDir));
    world.disk.faults.push(Fault { after: 0, times: 1, kind: Kind::SyncDir, fault: DiskFault::Io });
    let created = created(&world);
    (world, created)
}

fn created(world: &World) -> usize {
    world.log().disk.iter().filter(|(command, _)| matches!(command, DiskCommand::Create { .. })).count()
}

#[test]
fn a_certificate_that_waits_for_its_start_and_is_found_durable_after_a_failure_is_not_written_again() {
    let (mut world, before) = fails_once_beside_its_bundle(Some(Bad::Between(1_200_000, 86_400_000)));
    let held = |world: &World| said(world, |event| matches!(event, Event::Held { .. }));
    world.run_until("it is held", |world| held(world) > 0);
    world.run_until("its start", |world| world.served() == Some(Generation(2)));
    assert_eq!((held(&world), created(&world), world.server.created()), (1, before, 2));
}

#[test]
fn a_certificate_that_the_clock_is_hours_behind_when_the_disk_works_again_is_not_written_again() {
    let (mut world, before) = fails_once_beside_its_bundle(None);
    world.now.wall = world.now.wall.minus(Span::from_hours(3));
    world.run_until("rest", |world| phase(world) == Phase::Resting);
    world.run_for(Span::from_mins(5));
    assert_eq!(created(&world), before, "and it is waited before another one is asked for");
    world.now.wall = world.now.wall.plus(Span::from_hours(3));
    world.run_until("the second certificate", |world| world.served() == Some(Generation(2)));
    assert_eq!(world.server.created(), 2);
}

/// Nothing is served, two requests were denied, and the third certificate ended while it was made durable; meanwhile something
/// else happened. Until when another is waited for.
pub(super) fn came_too_late(meanwhile: impl FnOnce(&mut World)) -> (World, Span) {
    let mut world = world();
    world.server.approver = Approver::Denies;
    world.start();
    let denied = |world: &World| said(world, |event| matches!(event, Event::RequestDenied { .. }));
    world.run_until("two denials", |world| denied(world) == 2);
    world.server.approver = Approver::Auto;
    world.server.bad_next = Some(Bad::Between(-3_600_000, 7_200_000));
    let mut world = installing(world, |command| matches!(command, DiskCommand::SyncFile { .. }));
    world.now.wall = world.now.wall.plus(Span::from_hours(3));
    meanwhile(&mut world);
    let wait = |world: &World| {
        world.log().events.iter().find_map(|(_, event)| match event {
            Event::CertificateRefused { again_in, .. } => Some(*again_in),
            _ => None,
        })
    };
    world.run_until("it is refused", |world| wait(world).is_some());
    let wait = wait(&world).expect("it was refused");
    (world, wait)
}

#[test]
fn the_wait_after_a_certificate_that_came_too_late_does_not_outlast_a_pair_that_is_adopted_meanwhile() {
    let short = Span::from_mins(20);
    let (mut world, wait) = came_too_late(|world| {
        world.server.lifetime = short;
        assert!(world.happen(Transition::Plant(Damage::DatedPair)));
    });
    assert!(wait > short, "{wait}");
    world.run_until("the pair", |world| world.served().is_some());
    let (adopted, end) = (world.served(), world.served_facts().expect("it is served").not_after);
    world.run_until("its end, or what comes before", |world| world.served() != adopted);
    assert!(world.served() > adopted && world.now.wall < end);
}

#[test]
fn what_was_asked_for_in_vain_is_remembered_when_the_live_bundle_is_copied_into_a_private_one() {
    let mut world = running();
    world.server.approver = Approver::Denies;
    let denied = |world: &World| said(world, |event| matches!(event, Event::RequestDenied { .. })) > 0;
    world.run_until("a denial", denied);
    let pending = |world: &World| world.disk.names().any(|name| matches!(name, Name::Pending { .. }));
    assert!(pending(&world));
    assert!(world.happen(Transition::Plant(Damage::Exposed)));
    let adopted = |world: &World| said(world, |event| matches!(event, Event::Adopted { .. })) > 0;
    world.run_until("the copy", adopted);
    assert!(pending(&world), "how often it was denied is read off the disk");
}
