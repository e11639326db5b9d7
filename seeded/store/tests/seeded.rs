//! Every seeded bug shows where the ordinary checks look, and only while it is chosen.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use certrotate_core::disk::{DiskCommand, DiskDone, Found};
use certrotate_seeded_bugs::{Bug, with};

use common::{bundle_content, bundle_name, done, home, locked, mode, put, scan, set_mode, temporary};

// The helpers and these tests use the buggy builds under the names of the shipped crates.
extern crate certrotate_store_seeded as certrotate_store;

#[path = "../../../runtime/store/tests/common/mod.rs"]
mod common;

#[test]
fn b45_shows_in_a_race_on_the_mode() {
    let home = home();
    let (mut store, name) = (locked(&home), temporary(1, 1));
    let path = store.path_of(name);
    let (widest, stop) = (AtomicU32::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                if let Ok(found) = fs::metadata(&path) {
                    widest.fetch_or(std::os::unix::fs::MetadataExt::mode(&found) & 0o777, Ordering::Relaxed);
                }
            }
        });
        let mut create = || {
            done(&mut store, DiskCommand::Create { name });
            assert_eq!(mode(&path), 0o600);
            done(&mut store, DiskCommand::Unlink { name });
        };
        (0..2000).for_each(|_| create());
        let right = widest.load(Ordering::Relaxed);
        let began = Instant::now();
        while widest.load(Ordering::Relaxed) & 0o077 == 0 && began.elapsed() < Duration::from_secs(30) {
            with(Bug::B45, &mut create);
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(right & 0o077, 0, "never wider at any moment");
    });
    assert_ne!(widest.load(Ordering::Relaxed) & 0o077, 0, "wider for a moment with the bug");
}

#[test]
fn x6_shows_where_a_sync_cannot_succeed() {
    let home = home();
    let mut store = common::unlocked(&home.path().join("pki"));
    assert!(store.run(&DiskCommand::SyncDir).is_err(), "nothing is locked");
    assert_eq!(with(Bug::X6, || store.run(&DiskCommand::SyncDir)).unwrap(), DiskDone::Done);
}

#[test]
fn x7_shows_with_a_link_under_our_name() {
    let home = home();
    let mut store = locked(&home);
    let content = bundle_content(&store, 1);
    put(&mut store, bundle_name(1, 1), content);
    let aside = home.path().join("aside.pem");
    fs::rename(store.path_of(bundle_name(1, 1)), &aside).unwrap();
    symlink(&aside, store.path_of(bundle_name(1, 1))).unwrap();
    assert_eq!(scan(&mut store).entries[0].found, Found::Corrupt);
    assert!(matches!(with(Bug::X7, || scan(&mut store)).entries[0].found, Found::Bundle(_)));
}

#[test]
fn x8_shows_with_a_name_that_is_taken() {
    let home = home();
    let mut store = locked(&home);
    let command = DiskCommand::Create { name: temporary(1, 1) };
    fs::write(store.path_of(temporary(1, 1)), "the old content").unwrap();
    assert!(store.run(&command).is_err());
    assert_eq!(with(Bug::X8, || store.run(&command)).unwrap(), DiskDone::Done);
}

#[test]
fn x9_shows_with_a_file_that_others_may_read() {
    let home = home();
    let mut store = locked(&home);
    let content = bundle_content(&store, 1);
    put(&mut store, bundle_name(1, 1), content);
    set_mode(&store.path_of(bundle_name(1, 1)), 0o644);
    let mut private = || match &scan(&mut store).entries[0].found {
        Found::Bundle(bundle) => bundle.private,
        other => panic!("it is {other:?}"),
    };
    assert!(!private());
    assert!(with(Bug::X9, &mut private));
    assert!(!private());
}

#[test]
fn x10_shows_with_a_second_name() {
    let home = home();
    let mut store = locked(&home);
    let content = bundle_content(&store, 1);
    put(&mut store, bundle_name(1, 1), content);
    fs::hard_link(store.path_of(bundle_name(1, 1)), home.path().join("other")).unwrap();
    assert_eq!(scan(&mut store).entries[0].found, Found::Corrupt);
    assert!(matches!(with(Bug::X10, || scan(&mut store)).entries[0].found, Found::Bundle(_)));
}
