//! The served identity: what is presented now, and what must not be presented again.

use certrotate_core::time::Span;
use certrotate_core::view::{Handle, Phase};

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

/// Whether a reader gets no identity when its own clock shows the expiry, or a time before the notBefore: it may read between two
/// steps, or after a suspend.
#[must_use]
pub fn s1_reader_gets_valid_identity_only(world: &World) -> bool {
    let Some(node) = &world.node else { return true };
    node.view().identity.is_none_or(|identity| {
        let before = identity.not_before.minus(Span::from_ms(1));
        node.live(identity.not_after).is_none()
            && (before >= identity.not_before || node.live(before).is_none())
    })
}

/// Whether no key is named except those of identities and of the attempt: abandoned keys are erased. An operation that was given
/// up may still write its key.
#[must_use]
pub fn s11_abandoned_keys_are_erased(world: &World) -> bool {
    let Some(node) = &world.node else { return true };
    let view = node.view();
    // An in-memory identity may hide the durable one.
    let identities = usize::from(view.identity.is_some()) + usize::from(view.in_memory);
    let attempts = usize::from(!matches!(view.phase, Phase::Resting | Phase::Keying));
    let keys = node.handles().filter(|handle| matches!(handle, Handle::Key(_))).count();
    keys <= identities + attempts
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
