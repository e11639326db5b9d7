//! Scans of every kind of directory content.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use certrotate_core::config::Template;
use certrotate_core::disk::{Content, CurrentLink, DiskFault, Entry, Found, Name};
use certrotate_core::facts::Chain;
use certrotate_core::id::{FileNumber, Generation};
use certrotate_core::time::Span;
use certrotate_store::{MAX_FILE, MAX_NAMES, Vault};
use common::{
    ISSUED, MADE, bundle_content, bundle_name, fifo, home, listing, locked, pending_content, pending_name,
    put, root_for, scan, set_mode, temporary,
};

#[test]
fn an_empty_directory_has_nothing_of_ours() {
    let home = home();
    let mut store = locked(&home);
    let found = scan(&mut store);
    assert_eq!((found.current, found.entries, found.more), (CurrentLink::Absent, Vec::new(), false));
    assert!(store.remarks().is_empty());
}

#[test]
fn intact_files_are_scanned_with_facts_and_handles() {
    let home = home();
    let mut store = locked(&home);
    let content = pending_content(&store, 8);
    let pending_bytes = put(&mut store, pending_name(8, 2), content);
    let content = bundle_content(&store, 7);
    let bundle_bytes = put(&mut store, bundle_name(7, 1), content);
    let inventory = scan(&mut store);
    let [first, second] = &inventory.entries[..] else { panic!("{inventory:?}") };

    let Found::Bundle(bundle) = &first.found else { panic!("{first:?}") };
    assert_eq!((first.name, bundle.header.generation), (bundle_name(7, 1), Generation(7)));
    assert_eq!((bundle.header.issued, bundle.private), (ISSUED, true));
    assert_eq!((bundle.key_digest, bundle.facts.chain), (bundle.facts.key, Chain::Unchecked));
    let (key, cert) = (bundle.key, bundle.cert);
    let content = Content::Bundle { generation: Generation(7), key, cert, issued: ISSUED };

    let Found::Pending(pending) = &second.found else { panic!("{second:?}") };
    assert_eq!((second.name, pending.generation), (pending_name(8, 2), Generation(8)));
    assert_eq!((pending.made, pending.private), (MADE, true));
    // The shortest lifetime is a rule of the configuration, and no part of the request.
    let requested = Template { shortest_duration: Span::ZERO, ..Template::kubelet_client("worker-1") };
    assert_eq!(pending.template, requested);
    let asked = Content::Pending { generation: Generation(8), key: pending.key, made: MADE };

    // The handles stay good whatever becomes of the files: nothing is read a second time.
    fs::remove_file(store.path_of(first.name)).unwrap();
    fs::write(store.path_of(second.name), "other").unwrap();
    assert_eq!(**store.vault().content(&content).as_ref().unwrap(), bundle_bytes);
    assert_eq!(**store.vault().content(&asked).as_ref().unwrap(), pending_bytes);
    assert!(store.remarks().is_empty());
}

#[test]
fn file_readable_by_others_is_found_as_not_private_and_unchanged() {
    let home = home();
    let mut store = locked(&home);
    let content = bundle_content(&store, 1);
    put(&mut store, bundle_name(1, 1), content);
    let content = pending_content(&store, 2);
    put(&mut store, pending_name(2, 1), content);
    for mode in [0o640, 0o604, 0o400, 0o700, 0o4600] {
        for name in [bundle_name(1, 1), pending_name(2, 1)] {
            set_mode(&store.path_of(name), mode);
        }
        for entry in scan(&mut store).entries {
            let private = match &entry.found {
                Found::Bundle(found) => found.private,
                Found::Pending(found) => found.private,
                other => panic!("{other:?}"),
            };
            assert!(!private, "{mode:o}");
            assert_eq!(common::mode(&store.path_of(entry.name)), mode);
        }
    }
}

/// Both kinds of name that are read.
const READ: [Name; 2] = [
    Name::Bundle { issued: ISSUED, generation: Generation(1), file: FileNumber(1) },
    Name::Pending { generation: Generation(1), file: FileNumber(1) },
];

/// Writes a good file at `name`, spoils it, scans, and returns the result with the remark.
fn spoilt(name: Name, spoil: impl FnOnce(&Path)) -> (Found, String) {
    let home = home();
    let mut store = locked(&home);
    let content = match name {
        Name::Bundle { .. } => bundle_content(&store, 1),
        _ => pending_content(&store, 1),
    };
    put(&mut store, name, content);
    let kept = store.vault().count();
    spoil(&store.path_of(name));
    let before = listing(store.directory());
    let inventory = scan(&mut store);
    assert_eq!(listing(store.directory()), before, "a scan changes nothing");
    assert_eq!(store.vault().count(), kept, "a damaged file is not kept");
    let [remark] = store.remarks() else { panic!("{:?}", store.remarks()) };
    let path = store.path_of(name).display().to_string();
    assert!(remark.starts_with(&format!("{path} is not used as it is: ")), "{remark}");
    let mut entries = inventory.entries;
    entries.retain(|entry| entry.name == name);
    (entries.pop().unwrap().found, remark[path.len()..].to_owned())
}

fn corrupt(spoil: impl Fn(&Path), why: &str) {
    for name in READ {
        let (found, remark) = spoilt(name, &spoil);
        assert_eq!(found, Found::Corrupt, "{name:?}");
        assert!(remark.contains(why), "{name:?}: {remark}");
    }
}

#[test]
fn a_link_to_a_good_file_is_corrupt_and_not_followed() {
    let away = home();
    let moved = away.path().join("good");
    let spoil = |path: &Path| {
        fs::rename(path, &moved).unwrap();
        symlink(&moved, path).unwrap();
    };
    corrupt(spoil, "it is a symbolic link");
}

#[test]
fn fifo_is_corrupt_and_does_not_block() {
    let spoil = |path: &Path| {
        fs::remove_file(path).unwrap();
        fifo(path);
    };
    corrupt(spoil, "it is not a regular file");
}

#[test]
fn a_socket_and_a_directory_are_corrupt() {
    let socket = |path: &Path| {
        fs::remove_file(path).unwrap();
        drop(UnixListener::bind(path).unwrap());
    };
    corrupt(socket, "it is not a regular file");
    let directory = |path: &Path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    };
    corrupt(directory, "it is not a regular file");
}

#[test]
fn a_file_with_a_second_name_is_corrupt() {
    let away = home();
    let second = away.path().join("second");
    let spoil = |path: &Path| {
        let _ = fs::remove_file(&second);
        fs::hard_link(path, &second).unwrap();
    };
    corrupt(spoil, "more than one name");
}

#[test]
fn bundle_of_another_user_is_not_private_and_pending_file_is_corrupt() {
    if !root_for("a file that belongs to user 65534") {
        return;
    }
    let home = home();
    let mut store = locked(&home);
    let content = bundle_content(&store, 1);
    put(&mut store, bundle_name(1, 1), content);
    let content = pending_content(&store, 2);
    put(&mut store, pending_name(2, 1), content);
    for name in [bundle_name(1, 1), pending_name(2, 1)] {
        std::os::unix::fs::chown(store.path_of(name), Some(65534), None).unwrap();
    }
    let inventory = scan(&mut store);
    let [first, second] = &inventory.entries[..] else { panic!("{inventory:?}") };
    let Found::Bundle(bundle) = &first.found else { panic!("{first:?}") };
    assert!(!bundle.private);
    assert_eq!(second.found, Found::Corrupt, "no other user chooses the key of a request");
    assert!(store.remarks()[0].ends_with("it belongs to another user"), "{:?}", store.remarks());
}

#[test]
fn an_empty_cut_changed_or_lengthened_file_is_corrupt() {
    let keep = |part: fn(&[u8]) -> Vec<u8>| {
        move |path: &Path| fs::write(path, part(&fs::read(path).unwrap())).unwrap()
    };
    corrupt(keep(|_| Vec::new()), "it is empty");
    corrupt(keep(|bytes| bytes[..bytes.len() / 2].to_vec()), "SHA-256");
    corrupt(keep(|bytes| bytes[..bytes.len() - 1].to_vec()), "SHA-256");
    corrupt(keep(|bytes| [bytes, b"\n"].concat()), "SHA-256");
    corrupt(keep(|bytes| vec![0; bytes.len()]), "first line");
    let flip = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes
    };
    corrupt(keep(flip), "SHA-256");
}

#[test]
fn a_file_above_the_cap_is_corrupt() {
    corrupt(|path| fs::write(path, vec![b'\n'; MAX_FILE + 1]).unwrap(), "it is larger than any file");
    corrupt(|path| fs::File::create(path).unwrap().set_len(1 << 40).unwrap(), "it is larger than any file");
    corrupt(|path| fs::write(path, vec![b'\n'; MAX_FILE]).unwrap(), "it is larger than any file");
}

#[test]
fn a_remark_has_no_byte_of_the_file() {
    for name in READ {
        let lines = std::cell::RefCell::new(Vec::new());
        let (_, remark) = spoilt(name, |path| {
            let text = fs::read_to_string(path).unwrap();
            lines.borrow_mut().extend(text.lines().skip(1).map(str::to_owned));
            fs::write(path, text.replace("sha256=", "sha256=0")).unwrap();
        });
        assert!(lines.borrow().len() > 10);
        assert!(lines.borrow().iter().all(|line| !remark.contains(line.as_str())), "{remark}");
    }
}

#[test]
fn intact_file_under_a_wrong_name_is_corrupt() {
    let home = home();
    let mut store = locked(&home);
    let content = bundle_content(&store, 1);
    put(&mut store, bundle_name(2, 1), content);
    put(&mut store, pending_name(3, 1), content);
    let content = pending_content(&store, 1);
    put(&mut store, pending_name(2, 1), content);
    put(&mut store, bundle_name(3, 1), content);
    let inventory = scan(&mut store);
    assert_eq!(inventory.entries.len(), 4);
    assert!(inventory.entries.iter().all(|entry| entry.found == Found::Corrupt), "{inventory:?}");
    let other = store.remarks().iter().filter(|remark| remark.ends_with("another generation than its name"));
    assert_eq!(other.count(), 2);
}

#[test]
fn unreadable_file_is_not_absent() {
    if rustix::process::geteuid().is_root() {
        eprintln!(
            "SKIPPED, as root may read everything: a file of mode 0000 (the error number is tested apart)"
        );
        return;
    }
    for name in READ {
        let (found, remark) = spoilt(name, |path| set_mode(path, 0));
        assert_eq!(found, Found::Unreadable(DiskFault::Denied));
        assert!(remark.ends_with("it cannot be read: permission denied"), "{remark}");
    }
}

#[test]
fn temporary_and_quarantined_names_are_reported_and_never_opened() {
    let home = home();
    let mut store = locked(&home);
    let quarantine = Name::Quarantine { generation: Generation(0), file: FileNumber(1) };
    fs::create_dir(store.path_of(temporary(1, 1))).unwrap();
    fifo(&store.path_of(temporary(1, 2)));
    symlink("anywhere", store.path_of(temporary(1, 3))).unwrap();
    fs::write(store.path_of(quarantine), "x").unwrap();
    let unread = |name| Entry { name, found: Found::Unread };
    let expected = [temporary(1, 1), temporary(1, 2), temporary(1, 3), quarantine].map(unread);
    assert_eq!(scan(&mut store).entries, expected);
    assert!(store.remarks().is_empty());
}

#[test]
fn current_link_leads_only_to_a_bundle_name_of_ours() {
    let home = home();
    let mut store = locked(&home);
    let live = store.current_link_path();
    let bundle = "kubelet-client-2027-01-15-08-00-00-7.1.pem";
    symlink(bundle, &live).unwrap();
    assert_eq!(scan(&mut store).current, CurrentLink::Link(bundle_name(7, 1)));
    assert!(store.remarks().is_empty());
    for target in [
        &format!("./{bundle}"),
        &format!("../pki/{bundle}"),
        &live.with_file_name(bundle).display().to_string(),
        "kubelet-client-2026-11-24-11-25-00.pem",
        "kubelet-client-2027-01-15-08-00-00-07.1.pem",
        "kubelet-server-2027-01-15-08-00-00-7.1.pem",
        "kubelet-client-current.pem",
        "kubelet-client-pending-7.1",
        "kubelet-client-tmp-7.1",
        "kubelet-client-quarantine-7.1",
        "line\nbreak",
    ] {
        fs::remove_file(&live).unwrap();
        symlink(target, &live).unwrap();
        assert_eq!(scan(&mut store).current, CurrentLink::Foreign, "{target}");
        let [remark] = store.remarks() else { panic!("{:?}", store.remarks()) };
        assert!(remark.contains("not to a bundle of ours") && !remark.contains('\n'), "{remark}");
    }
}

#[test]
fn current_link_that_is_no_link_is_classified_and_not_opened() {
    let home = home();
    let mut store = locked(&home);
    let live = store.current_link_path();
    fs::write(&live, "x").unwrap();
    assert_eq!(scan(&mut store).current, CurrentLink::File);
    fs::remove_file(&live).unwrap();
    fs::create_dir(&live).unwrap();
    assert_eq!(scan(&mut store).current, CurrentLink::Strange);
    fs::remove_dir(&live).unwrap();
    fifo(&live);
    assert_eq!(scan(&mut store).current, CurrentLink::Strange);
    assert_eq!(store.remarks().len(), 1);
}

#[test]
fn ten_thousand_foreign_files_are_ignored() {
    let home = home();
    let mut store = locked(&home);
    for number in 0..10_000 {
        let name = match number % 4 {
            0 => format!("kubelet-client-2026-11-24-11-25-{number:02}.pem"),
            1 => format!("kubelet-client-tmp-{number}"),
            2 => format!("kubelet-server-pending-{number}.1"),
            _ => format!("kubelet-client-pending-0{number}.1"),
        };
        fs::write(store.directory().join(name), "").unwrap();
    }
    let content = bundle_content(&store, 1);
    put(&mut store, bundle_name(1, 1), content);
    let inventory = scan(&mut store);
    assert_eq!((inventory.entries.len(), inventory.more), (1, false));
    assert!(matches!(inventory.entries[0].found, Found::Bundle(_)));
    assert_eq!(listing(store.directory()).len(), 10_001);
}

#[test]
fn too_many_names_are_cut_to_the_linked_one_and_the_newest_sorted() {
    let home = home();
    let mut store = locked(&home);
    let content = bundle_content(&store, 1);
    put(&mut store, bundle_name(1, 1), content);
    symlink(store.path_of(bundle_name(1, 1)).file_name().unwrap(), store.current_link_path()).unwrap();
    let most = u32::try_from(MAX_NAMES).unwrap();
    for generation in 2..=most {
        fs::write(store.path_of(temporary(generation, 1)), "").unwrap();
    }
    let inventory = scan(&mut store);
    assert_eq!((inventory.entries.len(), inventory.more), (MAX_NAMES, false));
    for generation in most + 1..=most + 6 {
        fs::write(store.path_of(pending_name(generation, 1)), "").unwrap();
    }
    let inventory = scan(&mut store);
    assert_eq!((inventory.entries.len(), inventory.more), (MAX_NAMES, true));
    assert!(inventory.entries.is_sorted_by_key(|entry| entry.name));
    let has = |name| inventory.entries.iter().any(|entry| entry.name == name);
    assert!(has(bundle_name(1, 1)) && has(pending_name(most + 6, 1)) && has(temporary(8, 1)));
    assert!(!has(temporary(7, 1)));
}
