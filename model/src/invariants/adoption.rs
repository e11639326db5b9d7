//! Pairs that are in no bundle of ours: a kubelet's, or a backup's.

use certrotate_core::disk::{DiskCommand, Inventory, Name, PairFound};
use certrotate_core::id::{CertHandle, Generation};
use certrotate_core::time::Span;

use super::exceptions::{
    failing_disk, held_identity, in_memory_without_bundle, newer_bundle_on_disk, requested_rotation,
};
use crate::disk::{Bundle, File, Outside};
use crate::world::World;

/// Whether a scan shows a pair that is [better](is_better) than the served identity.
#[must_use]
pub fn shows_a_better_pair(world: &World, inventory: &Inventory) -> bool {
    let pair = |it: &PairFound| Outside { place: it.place, key: it.key.0 as u32, cert: it.cert.0 as u32 };
    inventory.outside.iter().any(|it| is_better(world, pair(it)))
}

/// Whether a pair is better than the served identity: it is valid now, it begins and expires later, also later than any
/// identity that expired in this run, and no bundle has it. No pair is called better than an in-memory identity, because
/// a bundle on disk may be better still.
#[must_use]
pub fn is_better(world: &World, pair: Outside) -> bool {
    if world.ghost.is_in_memory {
        return false;
    }
    let cert = CertHandle(pair.cert.into());
    let Some((start, end)) = world.dates(cert) else { return false };
    let newer = |(its_start, its_end)| start > its_start && end > its_end;
    let lasts = match world.served {
        Some((_, served)) => {
            world.is_wanted(cert) && served != cert && world.dates(served).is_some_and(newer)
        }
        // A held identity is newer, and is live again when the clock reaches its notBefore.
        None => world.is_servable(cert) && !held_identity(world),
    };
    let expired = Some(end) <= world.ghost.over;
    let valid = start <= world.now.wall && world.now.wall < end && !expired;
    let bundle = Bundle { key: pair.key, cert: pair.cert, ..Bundle::default() };
    world.config.spec().adopt
        && valid
        && lasts
        && world.is_acceptable(&bundle)
        && !world.disk.has_bundle_of(pair.key, pair.cert)
}

/// Whether a [better](is_better) pair is on disk: an external party left it since the last rescan, and the next one adopts it.
#[must_use]
pub fn better_pair_on_disk(world: &World) -> bool {
    world.disk.pairs().any(|pair| is_better(world, pair))
}

/// Whether a pair under the name of the current link is durable in a bundle before a rename replaces it. It counts if the last
/// scan saw it, if it is valid now, acceptable and newer than the served identity, and if it was never a bundle of ours.
#[must_use]
pub fn s5_replaced_pair_was_copied(world: &World, command: &DiskCommand) -> bool {
    let (DiskCommand::Rename { to: Name::Current, .. }, Some(File::Bundle(bundle))) =
        (command, world.disk.read(Name::Current))
    else {
        return true;
    };
    let Bundle { key, cert, .. } = bundle;
    let usable = world.is_acceptable(&bundle) && world.is_servable(CertHandle(cert.into()));
    let dates = |cert| world.dates(cert).unwrap_or_default();
    let (start, end) = dates(CertHandle(cert.into()));
    let newer = world.served.is_none_or(|(_, served)| start > dates(served).0);
    let expired = Some(end) <= world.ghost.over;
    let usable = usable && newer && start <= world.now.wall && world.now.wall < end && !expired;
    let seen = world.ghost.filed == Some((key, cert)) && !world.ghost.was_ours(key);
    !usable || !seen || world.disk.has_bundle_of(key, cert)
}

/// Whether an adopted pair expires later than the identity that it replaces, if that is valid and fits the template.
#[must_use]
pub fn s13_adopted_pair_lasts_longer(world: &World, cert: CertHandle) -> bool {
    let adopted = world.disk.outside.iter().any(|pair| u64::from(pair.cert) == cert.0);
    let Some((before, served)) = world.served.filter(|(_, served)| adopted && *served != cert) else {
        return true;
    };
    let end = |cert| world.dates(cert).map(|(_, end)| end);
    newer_bundle_on_disk(world, before, cert)
        || in_memory_without_bundle(world, served)
        || !world.is_wanted(served)
        || end(served) <= Some(world.now.wall)
        || end(cert) > end(served)
}

/// Whether no better pair is on disk when an attempt begins, of those that the scan of this step showed.
#[must_use]
pub fn s5_no_better_pair_is_left(world: &World) -> bool {
    // An identity may have gone live in this very step, after the scan, so the pairs are compared once more.
    world.ghost.better_pair_seen != Some(true)
        || failing_disk(world)
        || requested_rotation(world)
        || !world.disk.pairs().any(|pair| is_better(world, pair))
}

/// Whether the step that begins an attempt was given a scan.
#[must_use]
pub fn s13_attempt_follows_scan(world: &World) -> bool {
    world.ghost.better_pair_seen.is_some() || requested_rotation(world)
}

/// Whether an adopted pair is not due at once, although its notBefore may be backdated: its issue is unknown, so its lifetime
/// counts from the adoption. A pair with less than a tenth of its lifetime left, and less than an hour, may be due.
#[must_use]
pub fn s9_adopted_pair_is_not_due(world: &World, generation: Generation) -> bool {
    let Some(identity) = world.view().and_then(|view| view.identity) else { return true };
    let now = world.shown();
    let (left, lifetime) =
        (identity.not_after.since(now.wall), identity.not_after.since(identity.not_before));
    let enough = Span::from_ms((lifetime.ms() / 10).min(3_600_000)).max(Span::from_secs(5));
    let external = world.disk.outside.iter().any(|pair| u64::from(pair.cert) == identity.cert.0);
    // A slow disk may take as long as the pair is valid: then its lifetime counts from an adoption long ago.
    let from_start = identity.issued <= identity.not_before;
    identity.generation != generation
        || identity.old_template
        || !external
        || left < enough
        || !(from_start && identity.is_due(now))
}
