//! The served identity: what is presented now, and what must not be presented again.

use crate::world::World;

/// Whether the served identity is within its validity at the time of the last step.
#[must_use]
pub fn s1_served_within_validity(world: &World) -> bool {
    let valid = |(start, end)| start <= world.now.wall && world.now.wall < end;
    world.served.and_then(|(_, cert)| world.dates(cert)).is_none_or(valid)
}

/// Whether the driver, which follows the actions, serves the identity that the rotator calls live.
#[must_use]
pub fn s1_driver_serves_live_identity(world: &World) -> bool {
    world.node.as_ref().is_none_or(|node| {
        let view = node.view();
        let live = view.identity.filter(|_| view.serving).map(|identity| identity.generation);
        let read = node.live(world.now.wall).is_some();
        live == world.served() && read == live.is_some()
    })
}

/// Whether no identity went live that is older than a served, valid one.
#[must_use]
pub fn s13_never_older(world: &World) -> bool {
    !world.ghost.older
}

/// Whether no identity that expired while it was served went live again in this run, wherever the clock goes.
#[must_use]
pub fn s14_expired_identity_stays_withdrawn(world: &World) -> bool {
    !world.ghost.revived
}

/// Whether an announced identity is served until it expires, in a scenario that declares that nothing touches its clocks,
/// process and files.
#[must_use]
pub fn s5_faults_take_no_identity_away(world: &World) -> bool {
    !world.ghost.undisturbed || world.served().is_some() || world.ghost.announced.is_none()
}
