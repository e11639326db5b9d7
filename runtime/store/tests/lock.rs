//! The certificate directory: made, checked, locked.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;

use certrotate_core::disk::{CurrentLink, DiskCommand, DiskFault};
use common::{done, fails, home, listing, locked, mode, root_for, scan, set_mode, temporary, unlocked};

#[test]
fn a_missing_directory_and_its_parents_are_made_with_mode_0700() {
    let home = home();
    let directory = home.path().join("var/lib/pki");
    done(&mut unlocked(&directory), DiskCommand::Lock);
    for made in ["var", "var/lib", "var/lib/pki"] {
        assert_eq!(mode(&home.path().join(made)), 0o700, "{made}");
    }
    assert_eq!(listing(&directory), [""; 0], "the lock leaves no file behind");
}

#[test]
fn existing_directory_keeps_its_mode_and_its_files() {
    let home = home();
    let directory = home.path().join("pki");
    fs::create_dir(&directory).unwrap();
    set_mode(&directory, 0o755);
    fs::write(directory.join("ca.crt"), "x").unwrap();
    done(&mut unlocked(&directory), DiskCommand::Lock);
    assert_eq!(mode(&directory), 0o755);
    assert_eq!(listing(&directory), ["ca.crt"]);
}

#[test]
fn directory_writable_by_others_is_refused_and_left_unchanged() {
    let home = home();
    let directory = home.path().join("pki");
    fs::create_dir(&directory).unwrap();
    for unsafe_mode in [0o775, 0o720, 0o702, 0o1777] {
        set_mode(&directory, unsafe_mode);
        let mut store = unlocked(&directory);
        let (kind, line) = fails(&mut store, DiskCommand::Lock);
        assert_eq!(kind, DiskFault::Unsafe);
        let path = directory.display();
        assert_eq!(
            line,
            format!(
                "certificate directory {path} may be written by group or others (mode {unsafe_mode:04o}); run chmod go-w {path}"
            )
        );
        assert_eq!(mode(&directory), unsafe_mode);
        assert_eq!(fails(&mut store, DiskCommand::Create { name: temporary(1, 1) }).0, DiskFault::Io);
    }
    set_mode(&directory, 0o755);
    done(&mut unlocked(&directory), DiskCommand::Lock);
}

#[test]
fn a_directory_of_another_user_is_refused() {
    if !root_for("a directory that belongs to user 65534") {
        return;
    }
    let home = home();
    let directory = home.path().join("pki");
    fs::create_dir(&directory).unwrap();
    set_mode(&directory, 0o700);
    std::os::unix::fs::chown(&directory, Some(65534), None).unwrap();
    let (kind, line) = fails(&mut unlocked(&directory), DiskCommand::Lock);
    assert_eq!(kind, DiskFault::Unsafe);
    assert!(
        line.contains(
            "belongs to user 65534, neither to root nor to the user this runs as (0); run chown 0 "
        )
    );
}

#[test]
fn non_directory_is_refused() {
    let home = home();
    let (file, dangling) = (home.path().join("file"), home.path().join("dangling"));
    fs::write(&file, "x").unwrap();
    symlink("nowhere", &dangling).unwrap();
    for path in [file.clone(), file.join("pki"), dangling] {
        let (kind, line) = fails(&mut unlocked(&path), DiskCommand::Lock);
        assert_eq!(kind, DiskFault::NoDirectory, "{line}");
        assert!(line.ends_with("; make that directory, or choose another"), "{line}");
    }
    assert_eq!(listing(home.path()), ["dangling", "file"]);
}

#[test]
fn the_path_of_the_directory_may_lead_through_a_link() {
    let home = home();
    fs::create_dir(home.path().join("real")).unwrap();
    set_mode(&home.path().join("real"), 0o700);
    symlink("real", home.path().join("pki")).unwrap();
    let mut store = unlocked(&home.path().join("pki"));
    done(&mut store, DiskCommand::Lock);
    done(&mut store, DiskCommand::Create { name: temporary(1, 1) });
    assert_eq!(listing(&home.path().join("real")), ["kubelet-client-tmp-1.1"]);
}

#[test]
fn lock_excludes_a_second_store_of_this_process_until_the_first_is_dropped() {
    let home = home();
    let mut first = locked(&home);
    done(&mut first, DiskCommand::Lock);
    symlink(first.directory(), home.path().join("link")).unwrap();
    for path in [first.directory().to_owned(), home.path().join("link")] {
        let mut second = unlocked(&path);
        for _ in 0..2 {
            let (kind, line) = fails(&mut second, DiskCommand::Lock);
            assert_eq!(kind, DiskFault::Locked);
            let text = format!(
                "cannot lock {}: this process holds its lock already, for another node or store; give each node a directory of its own",
                path.display()
            );
            assert_eq!(line, text);
        }
    }
    let mut second = unlocked(first.directory());
    drop(first);
    done(&mut second, DiskCommand::Lock);
}

#[test]
fn lock_of_another_process_is_named_as_such_until_it_ends() {
    let home = home();
    let directory = home.path().join("pki");
    fs::create_dir(&directory).unwrap();
    set_mode(&directory, 0o700);
    // As another process has it: the kernel compares open files, and no store of this process has this one.
    let other = fs::File::open(&directory).unwrap();
    other.lock().unwrap();
    let mut store = unlocked(&directory);
    let (kind, line) = fails(&mut store, DiskCommand::Lock);
    assert_eq!(kind, DiskFault::Locked);
    assert!(
        line.ends_with(
            ": another process holds its lock; stop the other process, or choose another directory"
        ),
        "{line}"
    );
    drop(other);
    done(&mut store, DiskCommand::Lock);
}

#[test]
fn two_stores_of_one_process_work_in_two_directories() {
    let home = home();
    let paths = ["one", "two"].map(|name| home.path().join(name));
    let mut stores = paths.clone().map(|path| unlocked(&path));
    for store in &mut stores {
        done(store, DiskCommand::Lock);
        done(store, DiskCommand::Create { name: temporary(1, 1) });
        done(store, DiskCommand::Rename { from: temporary(1, 1), to: temporary(1, 2) });
    }
    let [mut one, two] = stores;
    drop(two);
    done(&mut one, DiskCommand::Unlink { name: temporary(1, 2) });
    assert_eq!(listing(&paths[0]), [""; 0]);
    assert_eq!(listing(&paths[1]), ["kubelet-client-tmp-1.2"], "the other directory is unchanged");
}

#[test]
fn nothing_is_done_before_the_lock_is_held() {
    let home = home();
    let mut store = unlocked(home.path());
    for command in [
        DiskCommand::Scan,
        DiskCommand::Create { name: temporary(1, 1) },
        DiskCommand::Rename { from: temporary(1, 1), to: temporary(1, 2) },
        DiskCommand::Symlink { name: temporary(1, 1), target: temporary(1, 2) },
        DiskCommand::Unlink { name: temporary(1, 1) },
        DiskCommand::SyncDir,
    ] {
        let (kind, line) = fails(&mut store, command);
        assert_eq!(kind, DiskFault::Io);
        assert!(line.ends_with(": the certificate directory is not locked; take the lock first"), "{line}");
    }
    assert_eq!(listing(home.path()), [""; 0]);
}

#[test]
fn locked_directory_is_used_after_its_path_changed() {
    let home = home();
    let mut store = locked(&home);
    done(&mut store, DiskCommand::Create { name: temporary(1, 1) });
    fs::rename(home.path().join("pki"), home.path().join("moved")).unwrap();
    fs::create_dir(home.path().join("pki")).unwrap();
    fs::write(home.path().join("pki/kubelet-client-tmp-1.1"), "another program's").unwrap();
    done(&mut store, DiskCommand::Rename { from: temporary(1, 1), to: temporary(1, 2) });
    assert_eq!(listing(&home.path().join("moved")), ["kubelet-client-tmp-1.2"]);
    done(&mut store, DiskCommand::Unlink { name: temporary(1, 2) });
    assert_eq!(listing(&home.path().join("moved")), [""; 0]);
    assert_eq!(listing(&home.path().join("pki")), ["kubelet-client-tmp-1.1"]);
}

#[test]
fn moved_or_replaced_directory_is_reported_and_gets_no_file() {
    let home = home();
    let mut store = locked(&home);
    let (path, moved) = (home.path().join("pki"), home.path().join("moved"));
    fs::rename(&path, &moved).unwrap();
    for replaced in [false, true] {
        if replaced {
            fs::create_dir(&path).unwrap();
        }
        for command in [DiskCommand::Create { name: temporary(1, 1) }, DiskCommand::Scan] {
            let (kind, line) = fails(&mut store, command);
            assert_eq!(kind, DiskFault::Io);
            assert_eq!(
                line,
                format!(
                    "cannot use {}: the certificate directory was moved or replaced since it was locked; put it back, or restart to use the directory that is there now",
                    path.display()
                )
            );
        }
        assert_eq!(listing(&moved), [""; 0]);
    }
    fs::remove_dir(&path).unwrap();
    fs::rename(&moved, &path).unwrap();
    done(&mut store, DiskCommand::Create { name: temporary(1, 1) });
    assert_eq!(scan(&mut store).current, CurrentLink::Absent);
}
