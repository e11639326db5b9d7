//! Every exception that a check of this folder makes, by name.
//!
//! A check calls the function of its exception, and `docs/invariants.md` lists the name in the row of the
//! check. `proptests/tests/invariants_page.rs` compares the two.

use certrotate_core::disk::Name;
use certrotate_core::id::{CertHandle, Generation};

use crate::disk::{Disk, File, Stranger};
use crate::server::Object;
use crate::world::{Fit, World};

/// An external change, or a misread bundle, broke what the current link leads to. It lasts until the node has replaced
/// the link and synced the directory.
#[must_use]
pub fn broken_current_link(disk: &Disk) -> bool {
    disk.damaged
}

/// An external party changed a file, and no run has rescanned the directory since.
#[must_use]
pub fn external_change(disk: &Disk) -> bool {
    disk.is_changed_externally
}

/// The served identity is in memory only, because the disk refused it. The node reports it as not durable.
#[must_use]
pub fn in_memory_identity(world: &World) -> bool {
    world.is_unsaved()
}

/// No bundle was ever linked: the current link is still to be made.
#[must_use]
pub fn no_link_yet(disk: &Disk) -> bool {
    !disk.linked_once
}

/// A power cut during the rename of the current link took it away, as POSIX permits, and it was not made again.
#[must_use]
pub fn link_lost_in_power_cut(disk: &Disk) -> bool {
    disk.unlinked
}

/// The current link was renamed and the directory is not synced: a power cut may leave the link absent.
#[must_use]
pub fn link_rename_in_flight(disk: &Disk) -> bool {
    disk.is_renaming(Name::Current)
}

/// The request was open when the template changed, or the node reported it as stuck. The node may not delete it.
#[must_use]
pub fn abandoned_request(object: &Object) -> bool {
    object.given_up
}

/// The node reported that it made the request as an identity which has expired since, and went on to another: an approver
/// may never approve it. That happens once for each expiry.
#[must_use]
pub fn request_of_expired_identity(object: &Object) -> bool {
    object.of_expired
}

/// How many requests lost their pending file: it was removed or misread, or the disk refused it and the key was in
/// memory only. One request each stays open, because its key is gone.
#[must_use]
pub fn lost_pending_files(world: &World) -> usize {
    usize::from(world.ghost.requests_lost)
}

/// The clock was before the notBefore of the live identity, and nothing newer is durable since. Both the held bundle and
/// the one that replaces it must stay.
#[must_use]
pub fn held_identity(world: &World) -> bool {
    world.ghost.was_held
}

/// A certificate waits for its notBefore, for an hour at most.
#[must_use]
pub fn held_certificate(world: &World) -> bool {
    world.view().is_some_and(|view| view.held.is_some())
}

/// This run took an intact file for a corrupt one.
#[must_use]
pub fn misread_in_this_run(world: &World) -> bool {
    world.ghost.misread
}

/// This run could not read the bundle behind the current link.
#[must_use]
pub fn unreadable_in_this_run(world: &World) -> bool {
    world.ghost.unread
}

/// A run that misread a file, or could not read it, was killed, and no later run has recovered.
#[must_use]
pub fn misread_before_crash(world: &World) -> bool {
    world.ghost.misread_before_crash
}

/// A bundle for another subject is on disk, so a bundle for the current subject may lie beside the pair in use.
#[must_use]
pub fn foreign_subject_bundle(world: &World) -> bool {
    world.disk.names().any(|name| match world.disk.read(name) {
        Some(File::Bundle(it)) => world.fit(CertHandle(it.cert.into())) == Some(Fit::Foreign),
        _ => false,
    })
}

/// The last removal failed, so the removal that was to follow it was not tried.
#[must_use]
pub fn skipped_removal(disk: &Disk) -> bool {
    disk.removal_failed && disk.resisting.is_empty()
}

/// A removal was answered as done and had no effect.
#[must_use]
pub fn ineffective_removal(disk: &Disk) -> bool {
    disk.ineffective_removal
}

/// An external party made the file of this name, and the node has not dealt with it.
#[must_use]
pub fn external_file(disk: &Disk, name: Name) -> bool {
    disk.strangers.contains(&Stranger(name))
}

/// The disk refused to remove this name.
#[must_use]
pub fn irremovable_file(disk: &Disk, name: Name) -> bool {
    disk.resisting.contains(&Stranger(name))
}

/// The file is in quarantine: it is kept for a person, with the mode that it has.
#[must_use]
pub fn quarantined_file(name: Name) -> bool {
    matches!(name, Name::Quarantine { .. })
}

/// Rotation is switched off: the node serves its identity and makes no attempt.
#[must_use]
pub fn rotation_off(world: &World) -> bool {
    !world.config.spec().rotate
}

/// The clock shows less than the build time: no attempt may begin.
#[must_use]
pub fn clock_invalid(world: &World) -> bool {
    world.view().is_some_and(|view| view.clock_invalid)
}

/// A bundle of ours with another certificate is newer than the served generation: it was to be live before the adopted pair.
#[must_use]
pub fn newer_bundle_on_disk(world: &World, served: Generation, adopted: CertHandle) -> bool {
    world.disk.names().any(|name| match world.disk.read(name) {
        Some(File::Bundle(bundle)) => bundle.generation > served && u64::from(bundle.cert) != adopted.0,
        _ => false,
    })
}

/// The served identity is in memory only and no bundle has it: it does not outlive the process.
#[must_use]
pub fn in_memory_without_bundle(world: &World, served: CertHandle) -> bool {
    let is_its = |name| match (name, world.disk.read(name)) {
        (Name::Bundle { .. }, Some(File::Bundle(bundle))) => u64::from(bundle.cert) == served.0,
        _ => false,
    };
    world.ghost.is_in_memory && !world.disk.names().any(is_its)
}

/// A rotation was requested of the driver in this step, so the node does not wait and does not look
/// for a better pair.
#[must_use]
pub fn requested_rotation(world: &World) -> bool {
    world.ghost.monitor.is_rotation_requested()
}

/// The last disk operations failed: an adopted pair cannot be copied.
#[must_use]
pub fn failing_disk(world: &World) -> bool {
    world.disk_failures() > 0
}

/// The renewal was due before the faults ended, so its margin may have begun.
#[must_use]
pub fn overdue_renewal(world: &World) -> bool {
    world.view().and_then(|view| view.identity).is_some_and(|identity| identity.is_due(world.now))
}

/// The generation is far above all that the node used: an external party made the file, and the node leaves it there.
#[must_use]
pub fn external_far_bundle(name: Name) -> bool {
    name.generation().is_some_and(|generation| generation.0 > 1 << 20)
}
