//! A wall clock that moves in the middle of an installation.

use super::*;
use certrotate_model::transition::{Damage, Transition};

/// The second certificate is being installed, and this operation on the disk is under way.
pub(super) fn installing(mut world: World, wanted: impl Fn(&DiskCommand) -> bool) -> World {
    world.run_until("the operation", |world| {
        phase(world) == Phase::Installing
            && world.in_flight.iter().any(|asked| match asked.effect {
                Effect::Disk(command) => wanted(&command),
                _ => false,
            })
    });
    world
}

fn link(world: &World) -> Option<Generation> {
    match world.disk.current_link() {
        CurrentLink::Link(name) => name.generation(),
        _ => None,
    }
}

#[test]
fn certificate_valid_during_the_last_sync_is_linked_before_it_goes_live() {
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
fn clock_back_during_the_switch_repoints_the_current_link() {
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
fn certificate_that_expires_while_installed_is_refused_and_replaced() {
    let mut world = running();
    world.server.bad_next = Some(Bad::Between(-3_600_000, 7_200_000));
    let mut world = installing(world, |command| matches!(command, DiskCommand::SyncFile { .. }));
    world.now.wall = world.now.wall.plus(Span::from_hours(3));
    world.run_until("another certificate", |world| world.served() > Some(Generation(1)));
    assert_eq!((refused(&world), world.served()), (1, Some(Generation(3))));
}

#[test]
fn pair_that_expires_while_copied_is_not_reported_as_refused() {
    let mut world = world();
    assert!(world.happen(Transition::Damage(Damage::DatedPair)));
    let mut world = installing(world, |command| matches!(command, DiskCommand::SyncFile { .. }));
    world.now.wall = world.now.wall.plus(Span::from_hours(30 * 24));
    world.run_until("a certificate", |world| world.served().is_some());
    assert_eq!((refused(&world), world.server.created()), (0, 1));
}

/// A start finds a newer bundle that the current link does not name.
fn started_before_the_switch() -> World {
    let mut world = installing(running(), |command| matches!(command, DiskCommand::Symlink { .. }));
    world.kill();
    world
}

fn from_memory(world: &World) -> bool {
    said(world, |event| matches!(event, Event::IdentityInMemory { .. })) > 0
}

#[test]
fn failed_scan_alone_puts_no_identity_in_memory() {
    let mut world = started_before_the_switch();
    world.disk.faults.push(Fault { after: 0, times: 1, kind: Kind::Scan, fault: DiskFault::Io });
    world.start();
    world.run_until("the second certificate", |world| world.served() == Some(Generation(2)));
    assert!(!from_memory(&world), "the ordinary way is tried first");
    assert_eq!(link(&world), Some(Generation(2)));
}

#[test]
fn unanswered_link_serves_the_bundle_at_once() {
    let mut world = started_before_the_switch();
    world.start();
    let linking = |world: &World| {
        world.in_flight.iter().any(|asked| matches!(asked.effect, Effect::Disk(DiskCommand::Symlink { .. })))
    };
    world.run_until("the link", linking);
    world.lose_disk_answers = 1;
    world.run_until("the second certificate", |world| world.served() == Some(Generation(2)));
    assert!(from_memory(&world), "the disk may be silent for long");
    world.run_until("the current link", |world| link(world) == Some(Generation(2)));
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
fn held_certificate_found_durable_after_a_fault_is_not_written_again() {
    let (mut world, before) = fails_once_beside_its_bundle(Some(Bad::Between(1_200_000, 86_400_000)));
    let held = |world: &World| said(world, |event| matches!(event, Event::Held { .. }));
    world.run_until("it is held", |world| held(world) > 0);
    world.run_until("its start", |world| world.served() == Some(Generation(2)));
    assert_eq!((held(&world), created(&world), world.server.created()), (1, before, 2));
}

#[test]
fn certificate_hours_ahead_of_the_clock_is_not_written_again() {
    let (mut world, before) = fails_once_beside_its_bundle(None);
    world.now.wall = world.now.wall.minus(Span::from_hours(3));
    world.run_until("rest", |world| phase(world) == Phase::Resting);
    world.run_for(Span::from_mins(5));
    assert_eq!(created(&world), before, "and there is a wait before another request");
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
fn backoff_after_a_late_certificate_ends_when_a_pair_is_adopted() {
    let short = Span::from_mins(20);
    let (mut world, wait) = came_too_late(|world| {
        world.server.lifetime = short;
        assert!(world.happen(Transition::Damage(Damage::DatedPair)));
    });
    assert!(wait > short, "{wait}");
    world.run_until("the pair", |world| world.served().is_some());
    let (adopted, end) = (world.served(), world.served_facts().expect("it is served").not_after);
    world.run_until("its expiry, or an earlier deadline", |world| world.served() != adopted);
    assert!(world.served() > adopted && world.now.wall < end);
}

#[test]
fn failed_attempts_are_counted_on_after_a_copy_of_an_exposed_bundle() {
    let mut world = running();
    world.server.approver = Approver::Denies;
    let denied = |world: &World| said(world, |event| matches!(event, Event::RequestDenied { .. })) > 0;
    world.run_until("a denial", denied);
    let pending = |world: &World| world.disk.names().any(|name| matches!(name, Name::Pending { .. }));
    assert!(pending(&world));
    assert!(world.happen(Transition::Damage(Damage::Exposed)));
    let adopted = |world: &World| said(world, |event| matches!(event, Event::Adopted { .. })) > 0;
    world.run_until("the copy", adopted);
    assert!(pending(&world), "how often it was denied is read off the disk");
}
