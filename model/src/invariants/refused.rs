//! A certificate that the disk refuses.

use certrotate_core::view::Phase;

use crate::world::World;

/// Whether an identity is served while recovery retries the disk for a good certificate that it refused.
#[must_use]
pub fn s5_refused_certificate_is_served(world: &World) -> bool {
    let Some(view) = world.view() else { return true };
    let retries = view.phase == Phase::Recovering && view.attempt.is_some();
    view.serving || !retries || !world.ghost.monitor.is_refused()
}
