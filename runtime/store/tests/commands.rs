//! What each command does to the directory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use certrotate_core::disk::{Content, DiskCommand, DiskFault, Name};
use certrotate_core::id::{CertHandle, Generation, KeyHandle};
use certrotate_core::time::WallTime;
use certrotate_store::Vault;
use common::{
    ISSUED, bundle_content, bundle_name, done, fails, home, listing, locked, mode, pending_content,
    pending_name, put, temporary,
};

#[test]
fn create_makes_an_empty_file_with_mode_0600() {
    let home = home();
    let mut store = locked(&home);
    done(&mut store, DiskCommand::Create { name: temporary(3, 1) });
    let path = store.directory().join("kubelet-client-tmp-3.1");
    assert_eq!((fs::read(&path).unwrap(), mode(&path)), (Vec::new(), 0o600));
}

#[test]
fn create_refuses_an_existing_name_even_a_dangling_link() {
    let home = home();
    let mut store = locked(&home);
    fs::write(store.path_of(temporary(1, 1)), "old").unwrap();
    symlink(home.path().join("outside"), store.path_of(temporary(1, 2))).unwrap();
    for name in [temporary(1, 1), temporary(1, 2)] {
        let (kind, line) = fails(&mut store, DiskCommand::Create { name });
        assert_eq!(kind, DiskFault::Exists);
        assert!(line.ends_with(": file exists; move it away"), "{line}");
    }
    assert_eq!(fs::read(store.path_of(temporary(1, 1))).unwrap(), b"old");
    assert!(!home.path().join("outside").exists());
}

#[test]
fn write_copies_the_exact_bytes_of_the_vault() {
    let home = home();
    let mut store = locked(&home);
    for (file, content) in [(1, pending_content(&store, 1)), (2, bundle_content(&store, 1))] {
        let name = temporary(1, file);
        done(&mut store, DiskCommand::Create { name });
        done(&mut store, DiskCommand::Write { name, content });
        done(&mut store, DiskCommand::SyncFile { name });
        assert_eq!(
            fs::read(store.path_of(name)).unwrap(),
            **store.vault().content(&content).as_ref().unwrap()
        );
        assert_eq!(mode(&store.path_of(name)), 0o600);
    }
}

#[test]
fn only_an_unsynced_file_of_this_run_is_written_or_synced() {
    let home = home();
    let mut store = locked(&home);
    let content = pending_content(&store, 1);
    fs::write(store.path_of(temporary(1, 1)), "of an earlier run").unwrap();
    done(&mut store, DiskCommand::Create { name: temporary(1, 2) });
    done(&mut store, DiskCommand::SyncFile { name: temporary(1, 2) });
    for name in [temporary(1, 1), temporary(1, 2), temporary(1, 3)] {
        for command in [DiskCommand::Write { name, content }, DiskCommand::SyncFile { name }] {
            let (kind, line) = fails(&mut store, command);
            assert_eq!(kind, DiskFault::Io);
            assert!(line.contains(": it is not open for writing; "), "{line}");
        }
    }
    assert_eq!(fs::read(store.path_of(temporary(1, 1))).unwrap(), b"of an earlier run");
    assert_eq!(fs::read(store.path_of(temporary(1, 2))).unwrap(), b"");
}

#[test]
fn content_missing_in_the_vault_is_a_fault_and_file_stays_usable() {
    let home = home();
    let mut store = locked(&home);
    let name = temporary(1, 1);
    done(&mut store, DiskCommand::Create { name });
    let gone = Content::Bundle {
        generation: Generation(1),
        key: KeyHandle(77),
        cert: CertHandle(78),
        issued: ISSUED,
    };
    let (kind, line) = fails(&mut store, DiskCommand::Write { name, content: gone });
    assert_eq!(kind, DiskFault::HandleGone);
    assert!(line.contains("its key or certificate is not in memory"), "{line}");
    let content = pending_content(&store, 1);
    done(&mut store, DiskCommand::Write { name, content });
}

#[test]
fn rename_replaces_the_existing_file_and_keeps_the_descriptor() {
    let home = home();
    let mut store = locked(&home);
    fs::write(store.path_of(pending_name(1, 1)), "old").unwrap();
    fs::write(store.path_of(temporary(1, 1)), "new").unwrap();
    let inode = fs::metadata(store.path_of(temporary(1, 1))).unwrap().ino();
    done(&mut store, DiskCommand::Rename { from: temporary(1, 1), to: pending_name(1, 1) });
    assert_eq!(listing(store.directory()), ["kubelet-client-pending-1.1"]);
    assert_eq!(fs::metadata(store.path_of(pending_name(1, 1))).unwrap().ino(), inode);
}

#[test]
fn rename_of_a_link_moves_the_link_and_not_its_target() {
    let home = home();
    let mut store = locked(&home);
    fs::write(home.path().join("outside"), "x").unwrap();
    symlink("../outside", store.path_of(bundle_name(1, 1))).unwrap();
    let to = Name::Quarantine { generation: Generation(1), file: certrotate_core::id::FileNumber(1) };
    done(&mut store, DiskCommand::Rename { from: bundle_name(1, 1), to });
    assert_eq!(fs::read_link(store.path_of(to)).unwrap().to_str(), Some("../outside"));
    assert_eq!(fs::read(home.path().join("outside")).unwrap(), b"x");
}

#[test]
fn descriptor_follows_its_renamed_file() {
    let home = home();
    let mut store = locked(&home);
    let content = pending_content(&store, 1);
    done(&mut store, DiskCommand::Create { name: temporary(1, 1) });
    done(&mut store, DiskCommand::Rename { from: temporary(1, 1), to: temporary(1, 2) });
    assert_eq!(fails(&mut store, DiskCommand::Write { name: temporary(1, 1), content }).0, DiskFault::Io);
    done(&mut store, DiskCommand::Write { name: temporary(1, 2), content });
    done(&mut store, DiskCommand::SyncFile { name: temporary(1, 2) });
    assert!(!fs::read(store.path_of(temporary(1, 2))).unwrap().is_empty());
}

#[test]
fn failed_rename_names_the_cause_and_changes_nothing() {
    let home = home();
    let mut store = locked(&home);
    let missing = DiskCommand::Rename { from: temporary(1, 1), to: Name::Current };
    assert_eq!(fails(&mut store, missing).0, DiskFault::NotFound);
    fs::write(store.path_of(temporary(1, 1)), "x").unwrap();
    fs::create_dir(store.current_link_path()).unwrap();
    let (kind, line) = fails(&mut store, missing);
    assert_eq!(kind, DiskFault::Io);
    assert!(line.starts_with(&format!(
        "cannot rename a file to {}: is a directory; ",
        store.current_link_path().display()
    )));
    assert_eq!(listing(store.directory()), ["kubelet-client-current.pem", "kubelet-client-tmp-1.1"]);
}

#[test]
fn symlink_makes_a_link_with_a_plain_relative_target() {
    let home = home();
    let mut store = locked(&home);
    done(&mut store, DiskCommand::Symlink { name: temporary(1, 2), target: bundle_name(1, 1) });
    let target = fs::read_link(store.path_of(temporary(1, 2))).unwrap();
    assert_eq!(target.to_str(), Some("kubelet-client-2027-01-15-08-00-00-1.1.pem"));
    let again = DiskCommand::Symlink { name: temporary(1, 2), target: bundle_name(1, 2) };
    assert_eq!(fails(&mut store, again).0, DiskFault::Exists);
}

#[test]
fn unlink_removes_only_the_name_and_accepts_a_missing_one() {
    let home = home();
    let mut store = locked(&home);
    fs::write(home.path().join("outside"), "x").unwrap();
    symlink("../outside", store.path_of(temporary(1, 1))).unwrap();
    done(&mut store, DiskCommand::Unlink { name: temporary(1, 1) });
    done(&mut store, DiskCommand::Unlink { name: temporary(1, 1) });
    assert_eq!(listing(store.directory()), [""; 0]);
    assert_eq!(fs::read(home.path().join("outside")).unwrap(), b"x");
}

#[test]
fn unlink_closes_the_open_descriptor() {
    let home = home();
    let mut store = locked(&home);
    let content = pending_content(&store, 1);
    done(&mut store, DiskCommand::Create { name: temporary(1, 1) });
    done(&mut store, DiskCommand::Unlink { name: temporary(1, 1) });
    assert_eq!(fails(&mut store, DiskCommand::Write { name: temporary(1, 1), content }).0, DiskFault::Io);
    done(&mut store, DiskCommand::Create { name: temporary(1, 1) });
    done(&mut store, DiskCommand::Write { name: temporary(1, 1), content });
}

#[test]
fn directory_under_our_name_is_not_removed() {
    let home = home();
    let mut store = locked(&home);
    fs::create_dir(store.path_of(temporary(1, 1))).unwrap();
    let (_, line) = fails(&mut store, DiskCommand::Unlink { name: temporary(1, 1) });
    assert!(line.ends_with("; move that directory away by hand"), "{line}");
    assert_eq!(listing(store.directory()), ["kubelet-client-tmp-1.1"]);
}

#[test]
fn name_that_does_not_parse_back_is_refused() {
    let home = home();
    let mut store = locked(&home);
    let far = Name::Bundle {
        issued: WallTime::MAX,
        generation: Generation(1),
        file: certrotate_core::id::FileNumber(1),
    };
    let content = bundle_content(&store, 1);
    put(&mut store, bundle_name(1, 1), content);
    for command in [
        DiskCommand::Create { name: far },
        DiskCommand::Rename { from: bundle_name(1, 1), to: far },
        DiskCommand::Symlink { name: temporary(1, 2), target: far },
    ] {
        assert!(fails(&mut store, command).1.contains("the year in its name has not four digits"));
    }
    assert_eq!(listing(store.directory()), ["kubelet-client-2027-01-15-08-00-00-1.1.pem"]);
}

#[test]
fn sync_directory_succeeds_on_a_directory_in_order() {
    let home = home();
    let mut store = locked(&home);
    done(&mut store, DiskCommand::SyncDir);
}

#[test]
fn store_shows_its_paths_and_no_key() {
    let home = home();
    let mut store = locked(&home);
    assert_eq!(store.current_link_path(), home.path().join("pki/kubelet-client-current.pem"));
    assert_eq!(store.path_of(pending_name(2, 1)), home.path().join("pki/kubelet-client-pending-2.1"));
    let content = pending_content(&store, 1);
    put(&mut store, pending_name(1, 1), content);
    let shown = format!("{store:?}");
    assert!(shown.starts_with("Store { path: ") && shown.ends_with("locked: true, .. }"), "{shown}");
}
