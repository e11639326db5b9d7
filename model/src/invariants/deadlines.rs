//! Deadlines: every wait ends, none is too long, and none depends on the wall clock alone.
//!
//! The caps are copies of core's arithmetic on purpose: an oracle that calls the code it judges is wrong with it.

use certrotate_core::view::{Phase, View};

use super::exceptions::{held_certificate, rotation_off};
use crate::monitor::Validity;
use crate::renewal_range::left_at_latest;
use crate::world::World;

/// Whether the renewal point lies between 70 % and 90 % of the lifetime, counted from the issue or, if that is later, from
/// notBefore.
#[must_use]
pub fn l1_renewal_point_is_in_range(world: &World) -> bool {
    let Some(identity) = world.node.as_ref().and_then(|node| node.view().identity) else { return true };
    let lifetime = Validity { start: identity.issued.max(identity.not_before), end: identity.not_after };
    let point = i128::from(identity.renew_at.unix_ms());
    // Core rounds to whole milliseconds.
    lifetime.earliest_renewal() <= point && point <= lifetime.latest_renewal() + 1
}

/// Whether, at rest, a held certificate has a deadline at its notBefore or earlier.
#[must_use]
pub fn l1_held_certificate_has_deadline(world: &World) -> bool {
    let Some(node) = &world.node else { return true };
    let (view, wake) = (node.view(), node.wake());
    let Some(start) = view.held.filter(|_| view.phase == Phase::Resting) else { return true };
    wake.wall.is_some_and(|wall| wall <= start)
}

fn rests_with_identity(view: &View) -> bool {
    view.phase == Phase::Resting && view.identity.is_some()
}

/// Whether a run has a deadline. At rest with an identity there is one by the wall clock and, unless
/// rotation is off, one by monotonic time. [`l4_waits_are_capped`] requires the deadline of a call and
/// of a rest without an identity.
#[must_use]
pub fn l2_deadline_is_armed(world: &World) -> bool {
    let Some(node) = &world.node else { return true };
    let (view, wake) = (node.view(), node.wake());
    let rests = rests_with_identity(view);
    match view.phase {
        Phase::Asking => true,
        Phase::Resting if !rests => true,
        _ if rests && rotation_off(world) => wake.wall.is_some(),
        _ if rests => wake.mono.is_some() && wake.wall.is_some(),
        _ => wake.mono.is_some() || wake.wall.is_some(),
    }
}

/// Whether a deadline by the wall clock, which can be set, stands beside one by monotonic time.
#[must_use]
pub fn s14_waits_are_monotonic(world: &World) -> bool {
    let Some(node) = &world.node else { return true };
    let (view, wake) = (node.view(), node.wake());
    rests_with_identity(view) && rotation_off(world) || wake.mono.is_some() || wake.wall.is_none()
}

/// Whether no wait is longer than its cap. The cap of a call is 15 minutes, or less where the lifetime is below an hour. The cap
/// of every other wait, except the one for a renewal, is 5 hours: the longest wait after denials, with jitter.
#[must_use]
pub fn l4_waits_are_capped(world: &World) -> bool {
    let Some(node) = &world.node else { return true };
    let (view, wake) = (node.view(), node.wake());
    // L2 sets the deadline of a disk operation and of a new key, if they have no monotonic one.
    let by_l2 = !matches!(view.phase, Phase::Asking | Phase::Resting) && wake.mono.is_none();
    if rests_with_identity(view) || by_l2 {
        return true;
    }
    let Some(mono) = wake.mono else { return false };
    // A wait may have begun when certificates had a longer lifetime. Calls are made while nothing changes the lifetime.
    let cap = match view.phase {
        Phase::Asking => (900_000 * view.lifetime.ms().min(3_600_000) / 3_600_000).max(1000),
        _ => 18_000_000,
    };
    mono.ms().saturating_sub(world.shown().mono.ms()) <= cap
}

/// Returns in milliseconds how long a renewal may wait: after a failed attempt, or an hour and a clock check for a held
/// certificate.
fn longest_wait(world: &World, view: &View) -> u64 {
    let failed = 18_000_000 * view.lifetime.ms().min(3_600_000) / 3_600_000 + 1000;
    if held_certificate(world) { failed.max(3_660_000) } else { failed }
}

/// Whether, at rest with an identity, a deadline by monotonic time comes at 90 % of the lifetime at the latest, or after the
/// wait that follows a failed attempt.
#[must_use]
pub fn s14_renewal_is_not_postponed(world: &World) -> bool {
    let (Some(node), Some(by)) = (&world.node, world.ghost.renew_by) else { return true };
    let (view, wake) = (node.view(), node.wake());
    if view.phase != Phase::Resting || rotation_off(world) || view.identity.is_none() {
        return true;
    }
    let latest = by.ms().max(world.now.mono.ms().saturating_add(longest_wait(world, view)));
    // A clock that stands still while the machine sleeps wakes it as much later.
    wake.mono.is_some_and(|mono| mono.plus(world.lag).plus(world.back).ms() <= latest)
}

/// Whether, at rest with a served identity, a deadline comes at 90 % of the lifetime by the wall clock at the latest, or after
/// the wait that follows a failed attempt.
#[must_use]
pub fn s14_renewal_is_due_by_wall_clock(world: &World) -> bool {
    let Some(node) = &world.node else { return true };
    let (view, wake) = (node.view(), node.wake());
    let Some(identity) = view.identity.filter(|_| view.serving) else { return true };
    if view.phase != Phase::Resting || rotation_off(world) {
        return true;
    }
    let left = left_at_latest(view.lifetime).ms();
    let latest = identity.not_after.unix_ms().saturating_sub_unsigned(left).saturating_add(10);
    let soon = world.shown().mono.ms().saturating_add(longest_wait(world, view));
    wake.wall.is_some_and(|wall| wall.unix_ms() <= latest) || wake.mono.is_some_and(|mono| mono.ms() <= soon)
}
