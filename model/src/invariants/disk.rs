//! The directory: links, whole files, names.

use certrotate_core::disk::Name;
use certrotate_core::id::{CertHandle, Generation};

use super::exceptions::{
    broken_current_link, external_file, foreign_subject_bundle, held_identity, in_memory_identity,
    ineffective_removal, irremovable_file, link_lost_in_power_cut, link_rename_in_flight,
    misread_before_crash, misread_in_this_run, no_link_yet, quarantined_file, skipped_removal,
};
use crate::disk::{Bundle, Disk};
use crate::violation::Violation;
use crate::world::World;

/// The most names of ours in any image: the current link, two bundles, and two files of the next pair.
pub const MOST_NAMES: usize = 5;

/// Returns the check that fails in an image that a power cut may leave of a world's disk.
#[must_use]
pub fn of_image(world: &World, image: &Disk) -> Option<Violation> {
    // A blind harness judges an image when a process has started on it.
    if world.blind {
        return None;
    }
    if !s3_image_has_whole_bundle(world, image) {
        return Some(Violation {
            id: "S3",
            sentence: "after a power cut the current link leads to a whole, acceptable bundle",
        });
    }
    (!s4_image_has_served_generation(world, image)).then_some(Violation {
        id: "S4",
        sentence: "after a power cut the current link leads to the served generation or a newer one",
    })
}

/// Whether the current link of an image leads to a whole, acceptable bundle, and all bundles are private.
#[must_use]
pub fn s3_image_has_whole_bundle(world: &World, image: &Disk) -> bool {
    let disk = &world.disk;
    let private =
        || image.names().all(|name| !matches!(name, Name::Bundle { .. }) || !image.is_careless(name));
    broken_current_link(disk)
        || match (image.read(Name::Current), image.live_bundle()) {
            (None, _) => no_link_yet(disk) || link_lost_in_power_cut(disk) || link_rename_in_flight(disk),
            (Some(_), Some(bundle)) => private() && world.is_acceptable(&bundle),
            (Some(_), None) => false,
        }
}

/// Whether the current link of an image leads to the served generation or a newer one. S3 judges an image without the link.
#[must_use]
pub fn s4_image_has_served_generation(world: &World, image: &Disk) -> bool {
    let durable = world.served().filter(|_| !in_memory_identity(world));
    broken_current_link(&world.disk)
        || image.live_bundle().is_none_or(|live| durable.is_none_or(|served| live.generation >= served))
}

/// Whether the bundle behind the current link is for its own key and was acceptable when it was issued. If it has the
/// served generation, it is the served certificate: the bytes that were judged are the bytes that were written.
#[must_use]
pub fn s2_linked_bundle_is_acceptable(world: &World) -> bool {
    let judged = |bundle: &Bundle| {
        let served = world.served.filter(|(generation, _)| *generation == bundle.generation);
        // The bundle of an in-memory identity was removed: its request may have led to another certificate.
        let later = |cert: CertHandle| in_memory_identity(world) && cert.0 < u64::from(bundle.cert);
        served.is_none_or(|(_, cert)| cert.0 == u64::from(bundle.cert) || later(cert))
    };
    broken_current_link(&world.disk)
        || world.disk.live_bundle().is_none_or(|bundle| world.is_acceptable(&bundle) && judged(&bundle))
}

/// Whether the current link leads to a whole bundle in every image that a power cut may leave now.
#[must_use]
pub fn s3_current_link_leads_to_whole_bundle(world: &World) -> bool {
    let disk = &world.disk;
    let may_be_absent = no_link_yet(disk) || link_lost_in_power_cut(disk) || link_rename_in_flight(disk);
    // Without a power cut, a rename in flight is no reason to miss the link.
    let visible = disk.read(Name::Current).is_some() || no_link_yet(disk) || link_lost_in_power_cut(disk);
    let legal = |live| match live {
        Ok(None) => may_be_absent,
        Ok(Some(_)) => true,
        Err(_) => false,
    };
    broken_current_link(disk) || visible && disk.current_in_images().all(legal)
}

/// Whether the current link leads to the served generation, or a newer one, in every image that a power cut may leave now.
#[must_use]
pub fn s4_served_identity_is_durable(world: &World) -> bool {
    let Some(served) = world.served().filter(|_| !in_memory_identity(world)) else { return true };
    let serves = |live: Result<Option<Generation>, Name>| match live {
        Ok(Some(generation)) => generation >= served,
        Ok(None) => link_rename_in_flight(&world.disk),
        Err(_) => false,
    };
    broken_current_link(&world.disk) || world.disk.current_in_images().all(serves)
}

/// Whether no file got a final name, and none was synced, after an operation on it failed or in a run that did not write it.
#[must_use]
pub fn s7_failed_files_are_not_used(world: &World) -> bool {
    world.disk.exposed.is_none()
}

/// Whether no file of ours but a quarantined one was ever readable by others, unless an external party changed its mode.
#[must_use]
pub fn s11_files_are_private(world: &World) -> bool {
    world.disk.names().all(|name| quarantined_file(name) || !world.disk.is_careless(name))
}

/// Whether there are at most [`MOST_NAMES`] names of ours in every image that a power cut may leave now.
#[must_use]
pub fn s12_names_are_bounded(world: &World) -> bool {
    let disk = &world.disk;
    let ours =
        |name: Name| !quarantined_file(name) && !external_file(disk, name) && !irremovable_file(disk, name);
    let extra_bundle = || {
        held_identity(world)
            || broken_current_link(disk)
            || misread_in_this_run(world)
            || misread_before_crash(world)
            || foreign_subject_bundle(world)
    };
    let most = MOST_NAMES + usize::from(skipped_removal(disk));
    let names = disk.most_names(ours);
    // The second comparison is the common way out: `extra_bundle` reads every file.
    names <= most || names <= most + 1 && extra_bundle() || ineffective_removal(disk)
}

/// Whether a failed file was removed, and the directory synced, before anything was created.
#[must_use]
pub fn s12_failed_files_go_first(world: &World) -> bool {
    !world.ghost.created_too_early || ineffective_removal(&world.disk)
}
