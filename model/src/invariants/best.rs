//! The best identity that there is, and that it is the one in use.

use certrotate_core::disk::Name;
use certrotate_core::id::{CertHandle, Generation};
use certrotate_core::view::Phase;

use super::has_recovered;
use crate::disk::File;
use crate::ghost::Announced;
use crate::world::World;

/// When a run has found out what is on disk, it serves an identity if it announced one over all runs, or there is one in a
/// complete bundle, that is valid now and is what is wanted; unless somebody broke it or it was misread.
#[must_use]
pub fn s5_last_good_one_survives(world: &World) -> bool {
    best_at_start(world).is_none() || world.served().is_some()
}

/// What it serves then is no older than the best of these.
#[must_use]
pub fn s4_start_finds_the_last_one(world: &World) -> bool {
    let (Some(best), Some(served)) = (best_at_start(world), world.served()) else { return true };
    served >= best
}

/// The generation that a run has to serve when it has just found out what is on disk.
fn best_at_start(world: &World) -> Option<Generation> {
    let just_recovered = has_recovered(world) && !world.ghost.recovered;
    // What it found first and then holds, because the clock went back behind its start, it does not go behind itself.
    let view = world.view();
    let holds = view.is_some_and(|view| view.identity.is_some() && !view.serving);
    if !just_recovered || holds || world.disk.meddled || world.ghost.misread {
        return None;
    }
    let announced = world.ghost.announced.filter(|it| it.generation > world.ghost.withdrawn);
    let announced = announced.filter(|it| world.now.wall >= it.not_before && world.is_servable(it.cert));
    announced.map(|Announced { generation, .. }| generation).into_iter().chain(best_on_disk(world)).max()
}

/// The highest generation in a complete bundle that is valid now, is what is wanted, and did not end in this run.
pub(crate) fn best_on_disk(world: &World) -> Option<Generation> {
    let valid = |(start, end)| start <= world.now.wall && world.now.wall < end;
    let on_disk = world.disk.names().filter_map(|name| match (name, world.disk.read(name)) {
        (Name::Bundle { generation, .. }, Some(File::Bundle(bundle))) if bundle.generation == generation => {
            let cert = CertHandle(bundle.cert.into());
            let good = world.is_acceptable(&bundle)
                && world.is_servable(cert)
                && world.dates(cert).is_some_and(valid);
            (good && generation > world.ghost.withdrawn).then_some(generation)
        }
        _ => None,
    });
    on_disk.max()
}

/// Where nothing is in use, and nothing is in flight or it is a request, a tick looks at what is on disk and valid by now,
/// unless that was live in this run, or something was misread or could not be read in it.
#[must_use]
pub fn l3_what_is_good_now_is_looked_at(world: &World) -> bool {
    let Some(view) = world.view() else { return true };
    let idle = matches!(view.phase, Phase::Resting | Phase::Asking) && view.identity.is_none();
    let read = !world.ghost.misread && !world.ghost.unread;
    let known = world.ghost.recovered && read && !world.disk.meddled && !world.disk.damaged;
    let over = world.spec.last.map(|(generation, ..)| generation);
    !idle || !known || !world.ghost.at_once.looked || best_on_disk(world) <= over
}
