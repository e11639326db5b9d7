//! What a scan makes of key and certificate in files of another program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use certrotate_core::disk::{Content, CurrentLink, Place};
use certrotate_core::time::WallTime;
use certrotate_store::Vault;
use common::{Memory, bundle_content, fifo, home, listing, locked, scan};

fn files(store: &certrotate_store::Store<Memory>) -> (String, String) {
    let content = bundle_content(store, 1);
    let text = store.vault().content(&content).unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    let (certificate, key) =
        (text.find("-----BEGIN CERTIFICATE").unwrap(), text.find("-----BEGIN PRIVATE").unwrap());
    (text[certificate..key].to_owned(), text[key..].to_owned())
}

fn pair(store: &certrotate_store::Store<Memory>) -> String {
    let (certificate, key) = files(store);
    certificate + &key
}

fn time(day: i64) -> WallTime {
    WallTime::from_unix_secs(1_767_225_600 + day * 86_400)
}

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn target_of_a_foreign_current_link_is_read() {
    let home = home();
    let mut store = locked(&home);
    let elsewhere = write(home.path(), "elsewhere.pem", &pair(&store));
    symlink(&elsewhere, store.current_link_path()).unwrap();
    let before = listing(store.directory());
    let found = scan(&mut store);
    assert_eq!((found.current, found.outside.len()), (CurrentLink::Foreign, 1));
    let [it] = &found.outside[..] else { panic!("{found:?}") };
    assert_eq!((it.place, it.key_digest), (Place::Current, it.facts.key));
    assert_eq!(listing(store.directory()), before, "a scan changes nothing");
    // The handles stay good whatever becomes of the file.
    fs::remove_file(elsewhere).unwrap();
    let (key, cert, issued) = (it.key, it.cert, time(0));
    let content = Content::Bundle { generation: certrotate_core::id::Generation(1), key, cert, issued };
    assert!(store.vault().content(&content).is_some());
}

#[test]
fn current_link_that_is_a_file_is_read() {
    let home = home();
    let mut store = locked(&home);
    fs::write(store.current_link_path(), pair(&store)).unwrap();
    let found = scan(&mut store);
    assert_eq!((found.current, found.outside[0].place), (CurrentLink::File, Place::Current));
}

#[test]
fn two_newest_dated_kubelet_files_are_read_once_per_pair() {
    let home = home();
    let mut store = locked(&home);
    let mut last = PathBuf::new();
    for day in [2, 0, 1] {
        let path = write(store.directory(), &store.pair().dated(time(day)), &pair(&store));
        if day == 2 {
            last = path;
        }
    }
    let places = |found: &certrotate_core::disk::Inventory| {
        found.outside.iter().map(|it| it.place).collect::<Vec<_>>()
    };
    let dated = |day| Place::Dated(time(day));
    assert_eq!(places(&scan(&mut store)), [dated(2), dated(1)]);
    symlink(last, store.current_link_path()).unwrap();
    assert_eq!(places(&scan(&mut store)), [Place::Current, dated(1)], "the newest is the live pair");
}

#[test]
fn a_certificate_and_its_key_in_two_files_are_one_pair() {
    let home = home();
    let mut store = locked(&home);
    let (certificate, key) = files(&store);
    write(store.directory(), "kubelet-client.crt", &certificate);
    assert!(scan(&mut store).outside.is_empty(), "one half is none");
    write(store.directory(), "kubelet-client.key", &key);
    assert_eq!(scan(&mut store).outside[0].place, Place::Split);
}

#[test]
fn unusable_pair_is_skipped_and_the_current_one_gets_a_reason() {
    let home = home();
    let mut store = locked(&home);
    let (certificate, _) = files(&store);
    write(store.directory(), &store.pair().dated(time(0)), &certificate);
    write(store.directory(), "kubelet-client-2026-02-30-00-00-00.pem", &pair(&store));
    write(store.directory(), "other-2026-01-01-00-00-00.pem", &pair(&store));
    write(store.directory(), "kubelet-client-pending-1.1", "nothing of ours");
    symlink(home.path().join("gone"), store.current_link_path()).unwrap();
    assert!(scan(&mut store).outside.is_empty());
    let [live, pending] = store.remarks() else { panic!("{:?}", store.remarks()) };
    assert!(live.contains("current.pem") && live.contains("it is not adopted: no such file"), "{live}");
    assert!(pending.contains("pending-1.1") && !pending.contains("adopted"), "{pending}");
    fs::remove_file(store.current_link_path()).unwrap();
    symlink(home.path(), store.current_link_path()).unwrap();
    assert!(scan(&mut store).outside.is_empty(), "a directory is none");
}

#[test]
fn fifo_in_place_of_a_pair_does_not_block() {
    let home = home();
    let mut store = locked(&home);
    fifo(&store.directory().join(store.pair().dated(time(0))));
    fifo(&store.directory().join("kubelet-client.crt"));
    assert!(scan(&mut store).outside.is_empty());
}

#[test]
fn unreadable_pair_is_reported() {
    let home = home();
    let mut store = locked(&home);
    symlink("kubelet-client.crt", store.directory().join("kubelet-client.crt")).unwrap();
    assert!(scan(&mut store).outside.is_empty());
    let [said] = store.remarks() else { panic!("{:?}", store.remarks()) };
    assert!(said.contains("kubelet-client.crt is not adopted: too many levels"), "{said}");
}
