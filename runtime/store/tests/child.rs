//! Starts a child, and so has a process of its own: between fork and exec a child shares every descriptor, those
//! of tests on other threads too.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::process::{Command, Stdio};

use certrotate_core::disk::DiskCommand;
use common::{done, home, locked, unlocked};

#[test]
fn lock_of_a_dropped_store_is_not_inherited_by_a_child() {
    let home = home();
    let first = locked(&home);
    // `cat` lives until its standard input is closed, which is after the last check.
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    drop(first);
    done(&mut unlocked(&home.path().join("pki")), DiskCommand::Lock);
    assert!(child.try_wait().unwrap().is_none(), "the child was there all the time");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
