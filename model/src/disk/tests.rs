use std::collections::BTreeSet;

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::id::{FileNumber, Generation};
use certrotate_core::time::WallTime;

use super::image::Profile;
use super::*;
use crate::World;
use crate::world::Driver;

const JOURNALLED: [Profile; 2] = [Profile::Ext4Ordered, Profile::Xfs];
const CONTENT: File =
    File::Pending(Pending { generation: Generation(1), made: WallTime::from_unix_ms(0), key: 1 });

fn tmp(number: u32) -> Name {
    Name::Temporary { generation: Generation(1), file: FileNumber(number) }
}

fn pending(number: u32) -> Name {
    Name::Pending { generation: Generation(1), file: FileNumber(number) }
}

fn bundle(number: u32) -> (Name, File) {
    let (generation, issued) = (Generation(number), WallTime::from_unix_ms(0));
    let name = Name::Bundle { issued, generation, file: FileNumber(1) };
    (name, File::Bundle(Bundle { generation, issued, key: number, cert: number }))
}

fn well(disk: &mut Disk, command: DiskCommand) {
    assert_eq!(disk.run(&command, How::Well, CONTENT), Ok(()), "{command:?}");
}

fn write(name: Name) -> DiskCommand {
    use certrotate_core::disk::Content;
    use certrotate_core::id::KeyHandle;
    let content =
        Content::Pending { generation: Generation(1), key: KeyHandle(1), made: WallTime::from_unix_ms(0) };
    DiskCommand::Write { name, content }
}

/// A file that was created and written.
fn written(disk: &mut Disk, name: Name) {
    well(disk, DiskCommand::Create { name });
    well(disk, write(name));
}

/// A file that is there for good.
fn durable(disk: &mut Disk, name: Name) {
    written(disk, name);
    well(disk, DiskCommand::SyncFile { name });
    well(disk, DiskCommand::SyncDir);
}

/// What the images hold, each once or more often.
fn images(disk: &Disk, profile: Profile) -> Vec<Vec<(Name, File)>> {
    let mut all = Vec::new();
    disk.images(profile, |image| {
        all.push(image.names().filter_map(|name| Some((name, image.read(name)?))).collect());
        true
    });
    all
}

/// Tells images apart by what is behind one name.
fn behind(disk: &Disk, profile: Profile, name: Name) -> Vec<Option<File>> {
    let mut all = Vec::new();
    disk.images(profile, |image| {
        all.push(image.read(name));
        true
    });
    all
}

#[test]
fn name_is_lost_without_a_directory_sync_despite_a_file_sync() {
    let mut disk = Disk::default();
    written(&mut disk, tmp(1));
    well(&mut disk, DiskCommand::SyncFile { name: tmp(1) });
    for profile in [Profile::Alice, Profile::Ext4Ordered, Profile::Xfs, Profile::Btrfs] {
        assert_eq!(behind(&disk, profile, tmp(1)), [None, Some(CONTENT)], "{profile}");
    }
    well(&mut disk, DiskCommand::SyncDir);
    for profile in Profile::ALL {
        assert_eq!(behind(&disk, profile, tmp(1)), [Some(CONTENT)], "{profile}");
    }
}

#[test]
fn unsynced_file_is_empty_torn_or_whole_under_its_durable_name() {
    let mut disk = Disk::default();
    well(&mut disk, DiskCommand::Create { name: tmp(1) });
    well(&mut disk, DiskCommand::SyncDir);
    assert_eq!(behind(&disk, Profile::Alice, tmp(1)), [Some(File::Empty)], "nothing was written");
    well(&mut disk, write(tmp(1)));
    let (empty, torn, whole) = (Some(File::Empty), Some(File::Torn), Some(CONTENT));
    for profile in [Profile::Alice, Profile::Xfs, Profile::Btrfs] {
        assert_eq!(behind(&disk, profile, tmp(1)), [empty, torn, whole], "{profile}");
    }
    assert_eq!(behind(&disk, Profile::Ext4Ordered, tmp(1)), [empty, whole], "data=ordered");
    assert_eq!(behind(&disk, Profile::ProcessCrashOnly, tmp(1)), [whole]);
    well(&mut disk, DiskCommand::SyncFile { name: tmp(1) });
    for profile in Profile::ALL {
        assert_eq!(behind(&disk, profile, tmp(1)), [whole], "{profile}");
    }
}

#[test]
fn rename_is_three_changes_in_alice_and_one_in_other_profiles() {
    let mut disk = Disk::default();
    durable(&mut disk, pending(1));
    durable(&mut disk, tmp(2));
    let (old, new) = (disk.number_of(pending(1)), disk.number_of(tmp(2)));
    well(&mut disk, DiskCommand::Rename { from: tmp(2), to: pending(1) });
    let mut alice = Vec::new();
    disk.images(Profile::Alice, |image| {
        alice.push((image.number_of(pending(1)), image.number_of(tmp(2))));
        true
    });
    let all = [(old, new), (old, None), (None, new), (None, None), (new, new), (new, None)];
    assert_eq!(
        alice, all,
        "what is replaced goes, what is named comes, and the other name goes: in any order"
    );
    for profile in [Profile::Ext4Ordered, Profile::Xfs, Profile::Btrfs] {
        let mut found = Vec::new();
        disk.images(profile, |image| {
            found.push((image.number_of(pending(1)), image.number_of(tmp(2))));
            true
        });
        assert_eq!(found, [(old, new), (new, None)], "{profile}");
    }
}

#[test]
fn journal_keeps_a_prefix_of_the_operations() {
    let mut disk = Disk::default();
    for number in [1, 2] {
        written(&mut disk, tmp(number));
        well(&mut disk, DiskCommand::SyncFile { name: tmp(number) });
    }
    let kept = |profile| -> Vec<usize> { images(&disk, profile).iter().map(Vec::len).collect() };
    for profile in JOURNALLED {
        assert_eq!(kept(profile), [0, 1, 2], "{profile}");
    }
    for profile in [Profile::Alice, Profile::Btrfs] {
        let mut kept = kept(profile);
        kept.sort_unstable();
        assert_eq!(kept, [0, 1, 1, 2], "{profile}: each may be lost without the other");
    }
    assert_eq!(kept(Profile::ProcessCrashOnly), [2]);
}

#[test]
fn removed_name_may_return_until_the_directory_is_synced() {
    let mut disk = Disk::default();
    durable(&mut disk, pending(1));
    well(&mut disk, DiskCommand::Unlink { name: pending(1) });
    assert_eq!(disk.read(pending(1)), None);
    assert_eq!(behind(&disk, Profile::Alice, pending(1)), [Some(CONTENT), None]);
    well(&mut disk, DiskCommand::SyncDir);
    assert_eq!(behind(&disk, Profile::Alice, pending(1)), [None]);
}

#[test]
fn file_sync_after_a_failed_one_succeeds_and_does_nothing() {
    for how in [How::Fails(DiskFault::Io), How::FailsDone(DiskFault::Io)] {
        let mut disk = Disk::default();
        written(&mut disk, tmp(1));
        well(&mut disk, DiskCommand::SyncDir);
        let sync = DiskCommand::SyncFile { name: tmp(1) };
        assert_eq!(disk.run(&sync, how, File::Empty), Err(DiskFault::Io));
        assert_eq!(disk.exposed, None);
        well(&mut disk, sync);
        assert_eq!(images(&disk, Profile::Alice).len(), 3, "{how:?}: it is not durable");
        assert!(disk.exposed.is_some(), "{how:?}: and the command should not have been given");
        disk.process_ended();
        well(&mut disk, sync);
        assert_eq!(images(&disk, Profile::Alice).len(), 3, "{how:?}: nor is it for the next process");
    }
}

#[test]
fn failed_directory_sync_keeps_changes_pending_and_is_repeatable() {
    let mut disk = Disk::default();
    written(&mut disk, tmp(1));
    well(&mut disk, DiskCommand::SyncFile { name: tmp(1) });
    assert_eq!(disk.run(&DiskCommand::SyncDir, How::Fails(DiskFault::Io), File::Empty), Err(DiskFault::Io));
    assert_eq!(behind(&disk, Profile::Alice, tmp(1)), [None, Some(CONTENT)]);
    well(&mut disk, DiskCommand::SyncDir);
    assert_eq!(behind(&disk, Profile::Alice, tmp(1)), [Some(CONTENT)]);
}

#[test]
fn killed_process_loses_its_descriptors_and_no_pending_change() {
    let mut disk = Disk::default();
    written(&mut disk, tmp(1));
    let before = (disk.changes(), images(&disk, Profile::Alice), images(&disk, Profile::ProcessCrashOnly));
    disk.process_ended();
    assert_eq!(
        before,
        (disk.changes(), images(&disk, Profile::Alice), images(&disk, Profile::ProcessCrashOnly))
    );
    assert_eq!(disk.read(tmp(1)), Some(CONTENT));
    assert_eq!(disk.run(&write(tmp(1)), How::Well, CONTENT), Err(DiskFault::Io), "it has no descriptor");
}

#[test]
fn failed_operation_does_nothing_a_part_or_everything() {
    let mut disk = Disk::default();
    let create = DiskCommand::Create { name: tmp(1) };
    assert_eq!(disk.run(&create, How::Fails(DiskFault::NoSpace), File::Empty), Err(DiskFault::NoSpace));
    assert_eq!(disk.names().count(), 0);
    assert_eq!(disk.run(&create, How::FailsDone(DiskFault::Io), File::Empty), Err(DiskFault::Io));
    assert_eq!(disk.read(tmp(1)), Some(File::Empty));
    assert_eq!(disk.run(&create, How::Well, File::Empty), Err(DiskFault::Exists));
    assert_eq!(
        disk.run(&write(tmp(1)), How::FailsHalfway(DiskFault::NoSpace), CONTENT),
        Err(DiskFault::NoSpace)
    );
    assert_eq!(disk.read(tmp(1)), Some(File::Torn));
    assert_eq!(
        disk.run(&write(tmp(1)), How::Well, CONTENT),
        Err(DiskFault::Io),
        "its descriptor is not used again"
    );
    assert_eq!(disk.run(&DiskCommand::SyncDir, How::Pretended, File::Empty), Ok(()));
    assert_eq!(disk.changes(), 1);
    let rename = DiskCommand::Rename { from: tmp(7), to: pending(7) };
    assert_eq!(disk.run(&rename, How::Well, File::Empty), Err(DiskFault::NotFound));
    well(&mut disk, DiskCommand::Unlink { name: tmp(7) });
}

#[test]
fn a_full_directory_takes_no_more_names() {
    let mut disk = Disk::default();
    for number in 0..NAMES as u32 {
        well(&mut disk, DiskCommand::Create { name: tmp(number) });
        well(&mut disk, DiskCommand::SyncDir);
    }
    let create = DiskCommand::Create { name: tmp(99) };
    assert_eq!(disk.run(&create, How::Well, File::Empty), Err(DiskFault::NoSpace));
}

#[test]
fn injected_fault_comes_after_its_delay_and_as_often_as_it_says() {
    let mut disk = Disk::default();
    disk.faults.push(Fault { after: 1, times: 2, kind: Kind::Create, fault: DiskFault::ReadOnly });
    assert_eq!(disk.injected(Kind::SyncDir), None);
    let met: Vec<_> = (0..5).map(|_| disk.injected(Kind::Create)).collect();
    assert_eq!(met, [None, Some(DiskFault::ReadOnly), Some(DiskFault::ReadOnly), None, None]);
}

#[test]
fn only_a_synced_file_of_this_run_gets_a_final_name() {
    let rename = DiskCommand::Rename { from: tmp(1), to: pending(1) };
    let mut good = Disk::default();
    durable(&mut good, tmp(1));
    let mut foreign = good;
    foreign.process_ended();
    let mut unsynced = Disk::default();
    written(&mut unsynced, tmp(1));
    let mut failed = unsynced;
    let _ = failed.run(&DiskCommand::SyncFile { name: tmp(1) }, How::Fails(DiskFault::Io), File::Empty);
    for (what, mut disk, exposes) in [
        ("good", good, false),
        ("foreign", foreign, true),
        ("unsynced", unsynced, true),
        ("failed", failed, true),
    ] {
        well(&mut disk, rename);
        assert_eq!(disk.exposed.is_some(), exposes, "{what}");
    }
}

#[test]
fn kernel_writes_back_between_operations_only() {
    let mut disk = Disk::default();
    durable(&mut disk, pending(1));
    durable(&mut disk, pending(2));
    for round in 0..40 {
        let (from, to) = if round % 2 == 0 { (pending(1), pending(3)) } else { (pending(3), pending(1)) };
        well(&mut disk, DiskCommand::Rename { from, to });
        assert!(disk.changes() <= CHANGES, "round {round}");
        for image in JOURNALLED.iter().flat_map(|profile| images(&disk, *profile)) {
            assert_eq!(image.len(), 2, "round {round}: {image:?}");
        }
    }
}

#[test]
fn external_change_is_durable_and_breaks_the_link_until_relinked() {
    let mut disk = Disk::default();
    let (name, content) = bundle(1);
    disk.put_external(name, content);
    disk.put_external(Name::Current, File::Link(name));
    assert_eq!(disk.strangers.len(), 2);
    assert_eq!(images(&disk, Profile::Alice), [[(Name::Current, File::Link(name)), (name, content)]]);
    well(&mut disk, DiskCommand::SyncDir);
    assert!(disk.damaged, "a sync mends nothing");
    well(&mut disk, DiskCommand::Symlink { name: tmp(1), target: name });
    well(&mut disk, DiskCommand::Rename { from: tmp(1), to: Name::Current });
    assert!(disk.damaged, "a power cut may restore the old file");
    well(&mut disk, DiskCommand::SyncDir);
    assert!(!disk.damaged);
    disk.remove(name);
    assert!(disk.damaged);
    assert_eq!(disk.live_bundle(), None);
}

#[test]
fn disks_with_equal_content_are_one_state() {
    let hash = |disk: &Disk| {
        let now = certrotate_core::time::Now { wall: WallTime::from_unix_ms(0), mono: Default::default() };
        crate::fingerprint::of(disk, now, 0)
    };
    let mut one = Disk::default();
    durable(&mut one, tmp(1));
    let mut other = Disk::default();
    durable(&mut other, tmp(2));
    durable(&mut other, tmp(1));
    well(&mut other, DiskCommand::Unlink { name: tmp(2) });
    assert_ne!(hash(&one), hash(&other), "the removal is not durable");
    well(&mut other, DiskCommand::SyncDir);
    assert_ne!(one.number_of(tmp(1)), other.number_of(tmp(1)));
    assert_eq!(hash(&one), hash(&other));
}

/// Looks at the disk after each step of two rotations.
fn in_rotations(driver: Driver, mut look: impl FnMut(&Disk)) {
    let spec = ConfigSpec::new(Template::kubelet_client("node-1"));
    let mut world = World::quiet(Config::new(spec).expect("the template is complete"));
    world.driver = driver;
    world.start();
    for _ in 0..90 {
        look(&world.disk);
        world.advance();
    }
    assert!(world.server.issued() > 1, "there were rotations");
}

#[test]
fn every_image_comes_once() {
    let mut most = 0;
    for driver in [Driver::Correct, Driver::SkipsFileSyncs, Driver::SkipsDirectorySyncs] {
        in_rotations(driver, |disk| {
            for profile in Profile::ALL {
                // Without directory syncs there are too many images to check.
                let mut all = Vec::new();
                disk.images(profile, |image| {
                    all.push((image.visible.to_vec(), image.inodes.to_vec()));
                    all.len() < 300
                });
                most = most.max(all.len());
                for (number, image) in all.iter().enumerate() {
                    assert!(!all[..number].contains(image), "{profile}, image {number}: {image:?}");
                }
            }
        });
    }
    assert!(most > 20, "{most} images");
}

#[test]
fn invariants_of_all_images_agree_with_enumerated_images() {
    for driver in [Driver::Correct, Driver::SkipsFileSyncs, Driver::SkipsDirectorySyncs] {
        let mut found = BTreeSet::new();
        in_rotations(driver, |disk| {
            if disk.changes() > 9 {
                return;
            }
            let (mut names, mut shown) = (0, BTreeSet::new());
            disk.images(Profile::Alice, |image| {
                names = names.max(image.names().count());
                shown.insert(match (image.read(Name::Current), image.live_bundle()) {
                    (None, _) => "absent",
                    (Some(_), None) => "broken",
                    (Some(_), Some(_)) => "whole",
                });
                true
            });
            let said: BTreeSet<_> = disk
                .current_in_images()
                .map(|live| match live {
                    Ok(None) => "absent",
                    Err(_) => "broken",
                    Ok(Some(_)) => "whole",
                })
                .collect();
            assert_eq!(said.contains("broken"), shown.contains("broken"), "{disk:?}");
            assert_eq!(said.contains("absent"), shown.contains("absent"), "{disk:?}");
            assert_eq!(disk.most_names(|_| true), names, "{disk:?}");
            found.extend(shown);
        });
        let broken = driver != Driver::Correct;
        assert_eq!(found.contains("broken"), broken, "{driver:?}: {found:?}");
        assert!(found.contains("absent") && found.contains("whole"), "{driver:?}: {found:?}");
    }
}
