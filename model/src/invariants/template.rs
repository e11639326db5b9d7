//! After a change of the template.

use certrotate_core::view::Phase;

use super::exceptions::{clock_invalid, held_certificate, rotation_off};
use crate::world::{Fit, World};

/// Whether the served identity is for the configured subject. Other alternative names or usages it may have until its
/// successor is live.
#[must_use]
pub fn s2_served_has_configured_subject(world: &World) -> bool {
    world.served.is_none_or(|(_, cert)| world.fit(cert) != Some(Fit::Foreign))
}

/// Whether, at rest after a template change that the live identity does not fit, a deadline comes within the template-change
/// interval of a minute, or when the wait for a suspect clock ends.
#[must_use]
pub fn l3_new_template_is_requested_soon(world: &World) -> bool {
    let (Some(node), Some(by)) = (&world.node, world.ghost.changed) else { return true };
    let view = node.view();
    let fits = view.identity.is_some_and(|identity| world.is_wanted(identity.cert));
    let waits = clock_invalid(world) || held_certificate(world);
    if view.phase != Phase::Resting || fits || waits || rotation_off(world) {
        return true;
    }
    let by = by.max(world.ghost.monitor.clock_suspect_until()).ms().max(world.now.mono.ms());
    node.wake().mono.is_some_and(|mono| mono.plus(world.lag).plus(world.back).ms() <= by)
}
