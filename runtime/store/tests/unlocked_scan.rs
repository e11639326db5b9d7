//! A scan without the lock, for a program that only shows the directory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};

use certrotate_core::disk::{CurrentLink, DiskCommand, DiskFault, Found};
use common::{bundle_content, bundle_name, done, home, listing, locked, put, root_for, set_mode, unlocked};

#[test]
fn unlocked_scan_sees_the_same_while_another_process_has_the_lock() {
    let home = home();
    let mut store = locked(&home);
    let content = bundle_content(&store, 7);
    put(&mut store, bundle_name(7, 1), content);
    let inventory = unlocked(&home.path().join("pki")).scan_unlocked().unwrap();
    assert_eq!((inventory.current, inventory.more), (CurrentLink::Absent, false));
    assert!(matches!(&inventory.entries[..], [entry] if matches!(entry.found, Found::Bundle(_))));
}

#[test]
fn unlocked_scan_takes_no_lock_and_creates_nothing() {
    let home = home();
    let directory = home.path().join("pki");
    let mut store = unlocked(&directory);
    assert_eq!(store.scan_unlocked().unwrap_err().kind, DiskFault::NoDirectory);
    assert!(!directory.exists());
    fs::create_dir(&directory).unwrap();
    set_mode(&directory, 0o700);
    store.scan_unlocked().unwrap();
    // Another process gets the lock while this store still exists.
    done(&mut unlocked(&directory), DiskCommand::Lock);
    assert_eq!(listing(&directory), [""; 0]);
}

#[test]
fn unlocked_scan_reports_an_unsafe_directory_and_shows_it() {
    let home = home();
    let directory = home.path().join("pki");
    fs::create_dir(&directory).unwrap();
    set_mode(&directory, 0o777);
    let mut store = unlocked(&directory);
    assert_eq!(store.scan_unlocked().unwrap().current, CurrentLink::Absent);
    assert!(store.remarks()[0].contains("may be written by group or others"), "{:?}", store.remarks());
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o777);
}

#[test]
fn root_sees_the_files_of_the_user_that_the_directory_belongs_to() {
    if !root_for("giving files away") {
        return;
    }
    let home = home();
    let mut store = locked(&home);
    let content = bundle_content(&store, 7);
    put(&mut store, bundle_name(7, 1), content);
    let directory = home.path().join("pki");
    let file = fs::read_dir(&directory).unwrap().next().unwrap().unwrap().path();
    for path in [&directory, &file] {
        chown(path, Some(12_345), Some(12_345)).unwrap();
    }
    let found = unlocked(&directory).scan_unlocked().unwrap();
    assert!(matches!(found.entries[0].found, Found::Bundle(_)), "{found:?}");
    chown(&file, Some(0), Some(0)).unwrap();
    let found = unlocked(&directory).scan_unlocked().unwrap();
    let Found::Bundle(bundle) = &found.entries[0].found else { panic!("{found:?}") };
    assert!(!bundle.private, "a file of another user is not that user's");
}
