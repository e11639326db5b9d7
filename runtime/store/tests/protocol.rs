//! Whole rotations in the order of the protocol, and their view by other programs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use certrotate_core::disk::{CurrentLink, DiskCommand as Do, Found};
use certrotate_store::Store;
use certrotate_x509::bundle;
use common::{
    Memory, bundle_content, bundle_name, done, home, listing, locked, mode, pending_content, pending_name,
    scan, temporary,
};

/// The pending half: durable key and request. Removes the generation before the live one.
fn ask(store: &mut Store<Memory>, generation: u32) {
    let (name, content) = (temporary(generation, 1), pending_content(store, generation));
    done(store, Do::Create { name });
    done(store, Do::Write { name, content });
    done(store, Do::SyncFile { name });
    done(store, Do::Rename { from: name, to: pending_name(generation, 1) });
    done(store, Do::Unlink { name: bundle_name(generation.saturating_sub(2), 2) });
    done(store, Do::SyncDir);
}

/// The installing half: bundle, then the switch.
fn install(store: &mut Store<Memory>, generation: u32) {
    let (name, content) = (temporary(generation, 2), bundle_content(store, generation));
    done(store, Do::Create { name });
    done(store, Do::Write { name, content });
    done(store, Do::SyncFile { name });
    done(store, Do::Rename { from: name, to: bundle_name(generation, 2) });
    done(store, Do::SyncDir);
    done(store, Do::Unlink { name: pending_name(generation, 1) });
    let link = temporary(generation, 3);
    done(store, Do::Symlink { name: link, target: bundle_name(generation, 2) });
    done(store, Do::Rename { from: link, to: certrotate_core::disk::Name::Current });
    done(store, Do::SyncDir);
}

#[test]
fn rotations_leave_current_link_live_bundle_and_previous_bundle() {
    let home = home();
    let mut store = locked(&home);
    for generation in 1..=4 {
        ask(&mut store, generation);
        assert!(listing(store.directory()).contains(&format!("kubelet-client-pending-{generation}.1")));
        install(&mut store, generation);
    }
    let expected = [
        "kubelet-client-2027-01-15-08-00-00-3.2.pem",
        "kubelet-client-2027-01-15-08-00-00-4.2.pem",
        "kubelet-client-current.pem",
    ];
    assert_eq!(listing(store.directory()), expected);
    assert_eq!(fs::read_link(store.current_link_path()).unwrap(), Path::new(expected[1]));
    assert_eq!(mode(&fs::canonicalize(store.current_link_path()).unwrap()), 0o600);
    let inventory = scan(&mut store);
    assert_eq!(inventory.current, CurrentLink::Link(bundle_name(4, 2)));
    let generation = |found: &Found| match found {
        Found::Bundle(found) => Some(found.header.generation.0),
        _ => None,
    };
    let generations: Vec<_> = inventory.entries.iter().map(|entry| generation(&entry.found)).collect();
    assert_eq!(generations, [Some(3), Some(4)]);
}

#[test]
fn reader_never_sees_the_current_link_missing_partial_or_older() {
    const ROTATIONS: u32 = 40;
    let home = home();
    let mut store = locked(&home);
    ask(&mut store, 1);
    install(&mut store, 1);
    let live = store.current_link_path();
    let (ended, reads) = (AtomicBool::new(false), AtomicU32::new(0));
    let read = || {
        let file = fs::read(&live).expect("the current link exists");
        reads.fetch_add(1, Ordering::Relaxed);
        bundle::decode(&file, None).expect("the live bundle is whole").header.generation.0
    };
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 1;
            for _ in 0..1_000_000 {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let seen = read();
                assert!(seen >= last, "generation {seen} after {last}");
                last = seen;
            }
        });
        for generation in 2..=ROTATIONS {
            // The reader has read at least once between two switches, or has panicked.
            let before = reads.load(Ordering::Relaxed);
            while reads.load(Ordering::Relaxed) == before && !reader.is_finished() {
                thread::yield_now();
            }
            ask(&mut store, generation);
            install(&mut store, generation);
        }
        ended.store(true, Ordering::Relaxed);
    });
    assert_eq!(read(), ROTATIONS);
    assert!(reads.load(Ordering::Relaxed) >= ROTATIONS);
    assert_eq!(listing(store.directory()).len(), 3);
}
