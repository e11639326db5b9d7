//! A wall clock that moves in the middle of an installation.

use super::*;

/// The second certificate is being installed, and this operation on the disk is under way.
fn installing(mut world: World, wanted: impl Fn(&DiskCommand) -> bool) -> World {
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
        LiveName::Link(name) => name.generation(),
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
    let switched = |command: &DiskCommand| matches!(command, DiskCommand::Rename { to: Name::Live, .. });
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
