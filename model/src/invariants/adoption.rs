//! What holds of pairs that are in no bundle of ours: a kubelet's, or a backup's.

use certrotate_core::disk::{DiskCommand, Inventory, Name, PairFound};
use certrotate_core::id::CertHandle;

use crate::disk::{Bundle, File, Outside};
use crate::world::World;

/// Whether a scan shows a pair that is [better](is_better) than what is served.
#[must_use]
pub fn shows_a_better_pair(world: &World, inventory: &Inventory) -> bool {
    let pair = |it: &PairFound| Outside { place: it.place, key: it.key.0 as u32, cert: it.cert.0 as u32 };
    inventory.outside.iter().any(|it| is_better(world, pair(it)))
}

/// Whether a pair is better than what is served: it may be served now, begins later and lasts longer, also than what has ended
/// in this run; and no bundle has it. Where what is served is in memory only, what is on disk may be better still.
#[must_use]
pub fn is_better(world: &World, pair: Outside) -> bool {
    if world.ghost.from_memory {
        return false;
    }
    let cert = CertHandle(pair.cert.into());
    let Some((start, end)) = world.dates(cert) else { return false };
    let newer = |(its_start, its_end)| start > its_start && end > its_end;
    let lasts = match world.served {
        Some((_, served)) => {
            world.is_wanted(cert) && served != cert && world.dates(served).is_some_and(newer)
        }
        // What is held back is newer, and goes on when the clock gets to its start.
        None => world.is_servable(cert) && !world.ghost.held_back,
    };
    let over = Some(end) <= world.ghost.over;
    let valid = start <= world.now.wall && world.now.wall < end && !over;
    let bundle = Bundle { key: pair.key, cert: pair.cert, ..Bundle::default() };
    world.config.spec().adopt
        && valid
        && lasts
        && world.is_acceptable(&bundle)
        && !world.disk.has_bundle_of(pair.key, pair.cert)
}

/// What had the live name when the directory was looked at last is in a bundle, durably, before it is replaced, if only in one
/// that others can read: nothing that somebody left is lost. What was a bundle of ours once is another matter.
#[must_use]
pub fn s5_what_is_replaced_was_copied(world: &World, command: &DiskCommand) -> bool {
    let (DiskCommand::Rename { to: Name::Current, .. }, Some(File::Bundle(bundle))) =
        (command, world.disk.read(Name::Current))
    else {
        return true;
    };
    let Bundle { key, cert, .. } = bundle;
    let ours = world.is_acceptable(&bundle) && world.is_servable(CertHandle(cert.into()));
    let dates = |cert| world.dates(cert).unwrap_or_default();
    let (start, end) = dates(CertHandle(cert.into()));
    let newer = world.served.is_none_or(|(_, served)| start > dates(served).0);
    let over = Some(end) <= world.ghost.over;
    let ours = ours && newer && start <= world.now.wall && world.now.wall < end && !over;
    let seen = world.ghost.filed == Some((key, cert)) && !world.ghost.was_ours(key);
    !ours || !seen || world.disk.has_bundle_of(key, cert)
}

/// What is adopted lasts longer than what it takes the place of, while that is durable, valid and what is wanted, and no bundle of
/// ours was to take that place.
#[must_use]
pub fn s13_what_is_adopted_lasts_longer(world: &World, cert: CertHandle) -> bool {
    let adopted = world.disk.outside.iter().any(|pair| u64::from(pair.cert) == cert.0);
    let Some((before, served)) = world.served.filter(|(_, served)| adopted && *served != cert) else {
        return true;
    };
    let next = world.disk.names().any(|name| match world.disk.read(name) {
        Some(File::Bundle(bundle)) => bundle.generation > before && u64::from(bundle.cert) != cert.0,
        _ => false,
    });
    let end = |cert| world.dates(cert).map(|(_, end)| end);
    // What is in memory only, and in no bundle any more, does not outlive the process.
    let fleeting = world.ghost.from_memory
        && !world.disk.names().any(|name| match (name, world.disk.read(name)) {
            (Name::Bundle { .. }, Some(File::Bundle(bundle))) => u64::from(bundle.cert) == served.0,
            _ => false,
        });
    next || fleeting
        || !world.is_wanted(served)
        || end(served) <= Some(world.now.wall)
        || end(cert) > end(served)
}
