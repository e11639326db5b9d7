//! The best identity that is on disk, and whether it is the live one.

use certrotate_core::disk::Name;
use certrotate_core::id::{CertHandle, Generation};
use certrotate_core::view::Phase;

use super::exceptions::{broken_current_link, external_change, misread_in_this_run, unreadable_in_this_run};
use super::has_recovered;
use crate::disk::File;
use crate::ghost::Announced;
use crate::world::World;

/// Whether a run that has just recovered serves an identity. It must if one was announced, or if one is in a complete
/// bundle, that is valid now and for the configured subject.
#[must_use]
pub fn s5_last_good_one_survives(world: &World) -> bool {
    best_at_start(world).is_none() || world.served().is_some()
}

/// Whether a run that has just recovered serves no older identity than the best of these.
#[must_use]
pub fn s4_start_finds_the_last_one(world: &World) -> bool {
    let (Some(best), Some(served)) = (best_at_start(world), world.served()) else { return true };
    served >= best
}

/// Returns the generation that a run has to serve when it has just recovered.
fn best_at_start(world: &World) -> Option<Generation> {
    let just_recovered = has_recovered(world) && !world.ghost.recovered;
    // The clock went back before the notBefore of the identity that recovery found. It holds that one and takes no older.
    let view = world.view();
    let holds = view.is_some_and(|view| view.identity.is_some() && !view.serving);
    if !just_recovered || holds || external_change(&world.disk) || misread_in_this_run(world) {
        return None;
    }
    let announced = world.ghost.announced.filter(|it| it.generation > world.ghost.withdrawn);
    let announced = announced.filter(|it| world.now.wall >= it.not_before && world.is_servable(it.cert));
    announced.map(|Announced { generation, .. }| generation).into_iter().chain(best_on_disk(world)).max()
}

/// Returns the highest generation in a complete bundle that is valid now, for the configured subject, and did not expire in
/// this run.
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

/// Whether a tick without an identity, at rest or during a request, leaves no bundle unused that is valid now. A bundle up to
/// the generation that was live last in this run does not count.
#[must_use]
pub fn l3_tick_uses_valid_bundle(world: &World) -> bool {
    let Some(view) = world.view() else { return true };
    let idle = matches!(view.phase, Phase::Resting | Phase::Asking) && view.identity.is_none();
    let read = !misread_in_this_run(world) && !unreadable_in_this_run(world);
    let untouched = !external_change(&world.disk) && !broken_current_link(&world.disk);
    let last = world.spec.last.map(|(generation, ..)| generation);
    let asked = idle && world.ghost.recovered && world.ghost.burst.may_rescan && read && untouched;
    !asked || best_on_disk(world) <= last
}
