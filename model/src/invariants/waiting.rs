//! What holds of what waits: for the disk, or for its start.

use certrotate_core::view::Phase;

use crate::world::World;

/// A good certificate that the disk did not take is served where there is nothing else.
#[must_use]
pub fn s5_what_the_disk_refuses_is_served(world: &World) -> bool {
    let Some(view) = world.view() else { return true };
    let stuck = view.phase == Phase::Recovering && view.attempt.is_some();
    view.serving || !stuck || !world.ghost.monitor.is_refused()
}

/// At rest, a certificate that is held is looked at when it starts, at the latest.
#[must_use]
pub fn l1_what_is_held_is_looked_at_when_it_starts(world: &World) -> bool {
    let Some(node) = &world.node else { return true };
    let (view, wake) = (node.view(), node.wake());
    let Some(start) = view.held.filter(|_| view.phase == Phase::Resting) else { return true };
    wake.wall.is_some_and(|wall| wall <= start)
}
