//! What holds of pairs that are in no bundle of ours: a kubelet's, or a backup's.

use certrotate_core::disk::{DiskCommand, Inventory, Name};
use certrotate_core::id::CertHandle;

use crate::disk::{Bundle, File, Outside};
use crate::world::World;

/// Whether a scan shows a pair that is better than what is served: it may be served now, begins later and lasts
/// longer; and no bundle has it.
#[must_use]
pub fn shows_a_better_pair(world: &World, inventory: &Inventory) -> bool {
    let (start, end) = (|cert| world.dates(cert).map(|it| it.0), |cert| world.dates(cert).map(|it| it.1));
    let lasts = |cert| match world.served {
        Some((_, served)) => {
            world.is_wanted(cert) && served != cert && start(cert) > start(served) && end(cert) > end(served)
        }
        // What is held back is newer, and goes on when the clock gets to its start.
        None => world.is_servable(cert) && !world.ghost.held_back,
    };
    let over = world.ghost.ended.map(|it| it.not_after);
    world.config.spec().adopt
        && inventory.outside.iter().any(|pair| {
            let (key, cert) = (pair.key.0 as u32, pair.cert.0 as u32);
            let bundle = Bundle { key, cert, ..Bundle::default() };
            let valid = world
                .dates(pair.cert)
                .is_some_and(|(start, end)| start <= world.now.wall && world.now.wall < end);
            let copy = Outside { place: pair.place, key, cert };
            let again = world.dates(pair.cert).map(|it| it.1) <= over;
            valid && !again && world.is_acceptable(&bundle) && lasts(pair.cert) && !world.disk.has_copy(copy)
        })
}

/// What had the live name when the directory was looked at last is in a bundle, durably, before it is replaced: nothing that
/// somebody left is lost.
#[must_use]
pub fn s5_what_is_replaced_was_copied(world: &World, command: &DiskCommand) -> bool {
    let (DiskCommand::Rename { to: Name::Live, .. }, Some(File::Bundle(bundle))) =
        (command, world.disk.read(Name::Live))
    else {
        return true;
    };
    let Bundle { key, cert, .. } = bundle;
    let ours = world.is_acceptable(&bundle) && world.is_servable(CertHandle(cert.into()));
    let dates = |cert| world.dates(cert).unwrap_or_default();
    let (start, end) = dates(CertHandle(cert.into()));
    let newer = world.served.is_none_or(|(_, served)| start > dates(served).0);
    let ours = ours && newer && start <= world.now.wall && world.now.wall < end;
    let seen = world.ghost.filed == Some((key, cert));
    !ours || !seen || world.disk.has_copy(Outside { key, cert, ..Outside::default() })
}

/// What is adopted lasts longer than what it takes the place of, while that is valid and what is wanted.
#[must_use]
pub fn s13_what_is_adopted_lasts_longer(world: &World, cert: CertHandle) -> bool {
    let adopted = world.disk.outside.iter().any(|pair| u64::from(pair.cert) == cert.0);
    let Some((_, served)) = world.served.filter(|(_, served)| adopted && *served != cert) else {
        return true;
    };
    let end = |cert| world.dates(cert).map(|(_, end)| end);
    !world.is_wanted(served) || end(served) <= Some(world.now.wall) || end(cert) > end(served)
}
