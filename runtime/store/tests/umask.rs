//! The umask is the whole process's, so this test has a process of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use certrotate_core::disk::DiskCommand;
use common::{bundle_name, done, home, mode, pending_content, put, root_for, set_mode, temporary, unlocked};
use rustix::fs::Mode;
use rustix::process::umask;

#[test]
fn files_have_mode_0600_and_directories_0700_whatever_the_umask() {
    for mask in [0o000, 0o022, 0o077, 0o277, 0o777] {
        let home = home();
        let directory = home.path().join("var/pki");
        if mask & 0o700 != 0 && !root_for("making directories under a umask that takes the owner's bits") {
            fs::create_dir_all(&directory).unwrap();
            set_mode(&home.path().join("var"), 0o700);
            set_mode(&directory, 0o700);
        }
        let mut store = unlocked(&directory);
        let old = umask(Mode::from_raw_mode(mask));
        done(&mut store, DiskCommand::Lock);
        done(&mut store, DiskCommand::Create { name: temporary(1, 1) });
        let created = mode(&store.path_of(temporary(1, 1)));
        let content = pending_content(&store, 2);
        put(&mut store, bundle_name(2, 1), content);
        umask(old);
        assert_eq!(created, 0o600, "empty, umask {mask:04o}");
        assert_eq!(mode(&store.path_of(bundle_name(2, 1))), 0o600, "whole, umask {mask:04o}");
        assert_eq!(mode(&directory), 0o700, "umask {mask:04o}");
        assert_eq!(mode(directory.parent().unwrap()), 0o700, "umask {mask:04o}");
    }
}
