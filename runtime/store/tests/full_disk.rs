//! Real file systems that refuse: small ones in memory, mounted for the test. Needs root; a process of its own, as
//! it starts `mount`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use certrotate_core::disk::{DiskCommand, DiskFault};
use common::{
    bundle_name, done, fails, home, listing, locked, mode, pending_content, put, root_for, scan, temporary,
};

/// A child shares every lock from its fork to its exec, so these tests run one after the other.
static ONE_BY_ONE: Mutex<()> = Mutex::new(());

/// A file system at `<home>/pki`, unmounted at the end.
struct Mounted(PathBuf, #[expect(dead_code, reason = "held until the end")] MutexGuard<'static, ()>);

impl Mounted {
    fn new(home: &Path, options: &str) -> Option<Self> {
        let turn = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let path = home.join("pki");
        fs::create_dir(&path).unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", options, "tmpfs"], &path);
        if !mounted {
            eprintln!("SKIPPED, as mount is refused here: a tmpfs with {options}");
        }
        mounted.then_some(Self(path, turn))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    Command::new("mount").args(arguments).arg(path).status().is_ok_and(|status| status.success())
}

#[test]
fn full_disk_gives_up_the_file_which_can_be_written_again_later() {
    if !root_for("a full tmpfs") {
        return;
    }
    let home = home();
    let Some(mounted) = Mounted::new(home.path(), "size=16k,mode=0700") else { return };
    let mut store = locked(&home);
    let filler = mounted.0.join("filler");
    fs::write(&filler, [0; 16 * 1024]).unwrap();

    let (name, content) = (temporary(1, 1), pending_content(&store, 1));
    done(&mut store, DiskCommand::Create { name });
    let (kind, line) = fails(&mut store, DiskCommand::Write { name, content });
    assert_eq!(kind, DiskFault::NoSpace);
    let path = store.path_of(name).display().to_string();
    assert_eq!(line, format!("cannot write {path}: no space left on device; free space on that file system"));

    fs::remove_file(&filler).unwrap();
    for command in [
        DiskCommand::Write { name, content },
        DiskCommand::SyncFile { name },
        DiskCommand::Rename { from: name, to: bundle_name(1, 1) },
        DiskCommand::Symlink { name: temporary(1, 3), target: name },
        DiskCommand::Create { name },
    ] {
        let (kind, line) = fails(&mut store, command);
        assert_eq!(kind, DiskFault::Io, "room or not, a failed file stays failed");
        assert!(line.contains("an earlier operation on it failed"), "{line}");
    }
    assert_eq!(fs::read(store.path_of(name)).unwrap(), b"", "nothing more was written to it");
    done(&mut store, DiskCommand::Unlink { name });
    done(&mut store, DiskCommand::SyncDir);
    put(&mut store, bundle_name(1, 2), content);
    assert_eq!(listing(store.directory()), ["kubelet-client-2027-01-15-08-00-00-1.2.pem"]);
}

#[test]
fn create_reports_a_directory_without_room_for_a_name() {
    if !root_for("a tmpfs with no inode left") {
        return;
    }
    let home = home();
    let Some(_mounted) = Mounted::new(home.path(), "nr_inodes=2,mode=0700") else { return };
    let mut store = locked(&home);
    done(&mut store, DiskCommand::Create { name: temporary(1, 1) });
    let (kind, line) = fails(&mut store, DiskCommand::Create { name: temporary(1, 2) });
    assert_eq!(kind, DiskFault::NoSpace);
    assert!(line.starts_with("cannot create ") && line.contains(": no space left on device; "), "{line}");
    done(&mut store, DiskCommand::Unlink { name: temporary(1, 1) });
    done(&mut store, DiskCommand::Create { name: temporary(1, 2) });
}

#[test]
fn read_only_directory_is_locked_and_scanned_and_refuses_changes() {
    if !root_for("a read-only tmpfs") {
        return;
    }
    let home = home();
    let Some(mounted) = Mounted::new(home.path(), "mode=0700") else { return };
    let mut store = locked(&home);
    let content = pending_content(&store, 1);
    put(&mut store, common::pending_name(1, 1), content);
    drop(store);
    assert!(mount(&["-o", "remount,ro"], &mounted.0));

    let mut store = locked(&home);
    assert_eq!(fails(&mut common::unlocked(&mounted.0), DiskCommand::Lock).0, DiskFault::Locked);
    assert_eq!(scan(&mut store).entries.len(), 1);
    let there = common::pending_name(1, 1);
    for command in [
        DiskCommand::Create { name: temporary(1, 1) },
        DiskCommand::Rename { from: there, to: temporary(1, 1) },
        DiskCommand::Symlink { name: temporary(1, 1), target: there },
        DiskCommand::Unlink { name: there },
    ] {
        let (kind, line) = fails(&mut store, command);
        assert_eq!(kind, DiskFault::ReadOnly, "{line}");
        assert!(line.ends_with(": read-only file system; mount that file system writable"), "{line}");
    }
    assert_eq!(mode(&store.path_of(there)), 0o600);
}

#[test]
fn directory_is_created_when_the_refusing_disk_recovers() {
    if !root_for("a read-only and a full tmpfs") {
        return;
    }
    for (refuse, allow, kind, text) in [
        ("remount,ro", "remount,rw", DiskFault::ReadOnly, "read-only file system"),
        ("remount,nr_inodes=1", "remount,nr_inodes=9", DiskFault::NoSpace, "no space left on device"),
    ] {
        let home = home();
        let Some(mounted) = Mounted::new(home.path(), "nr_inodes=9,mode=0700") else { return };
        assert!(mount(&["-o", refuse], &mounted.0));
        let mut store = common::unlocked(&mounted.0.join("node/pki"));
        let (found, line) = fails(&mut store, DiskCommand::Lock);
        assert_eq!(found, kind, "not that there is no directory, which would end the agent: {line}");
        assert!(line.starts_with("cannot make ") && line.contains(text), "{line}");
        assert!(mount(&["-o", allow], &mounted.0));
        done(&mut store, DiskCommand::Lock);
        assert_eq!(mode(&mounted.0.join("node/pki")), 0o700);
    }
}
