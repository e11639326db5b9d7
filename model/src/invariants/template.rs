//! What holds when the node is to ask for something else.

use certrotate_core::view::Phase;

use crate::world::{Fit, World};

/// What is served is for the subject that is wanted by now; other alternative names or usages it may have until what has
/// those that are wanted has taken its place.
#[must_use]
pub fn s2_served_is_for_whom_it_should_be(world: &World) -> bool {
    world.served.is_none_or(|(_, cert)| world.fit(cert) != Some(Fit::Foreign))
}

/// When the template has changed, and what is live is not what is wanted by now, nothing is waited for but the floor between two
/// such changes, a minute, until an attempt begins; but for a clock that cannot be right or is in doubt, and for what is held
/// and is what is wanted.
#[must_use]
pub fn l3_another_template_is_asked_for_soon(world: &World) -> bool {
    let (Some(node), Some(by)) = (&world.node, world.ghost.changed) else { return true };
    let view = node.view();
    let fits = view.identity.is_some_and(|identity| world.is_wanted(identity.cert));
    let waits = view.clock_invalid || view.held.is_some();
    if view.phase != Phase::Resting || fits || waits || !world.config.spec().rotate {
        return true;
    }
    let by = by.max(world.ghost.monitor.doubts_until()).ms().max(world.now.mono.ms());
    node.wake().mono.is_some_and(|mono| mono.ms().saturating_add(world.lag.ms()) <= by)
}
