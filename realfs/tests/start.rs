//! A start never harms an existing identity.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use certrotate_core::id::Generation;
use certrotate_realfs::CURRENT_LINK;
use certrotate_realfs::disk::Manner;
use certrotate_realfs::kill;
use certrotate_realfs::plane::Verdict;
use certrotate_realfs::reader::{self, Raw};
use certrotate_realfs::scenario::{Scenario, run_in};
use certrotate_realfs::strace::{Inject, Runner};
use certrotate_realfs::world::{Report, Session};

/// The same happens with a temporary file on a disk that has become read-only.
#[test]
fn s5_directory_under_a_temporary_name_leaves_the_identity_served() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("pki");
    let mut session = Session::new(&[Verdict::Good]);
    let start = session.now;
    let _ = run_in(&directory, Manner::Shipped, &mut session, start);
    fs::create_dir(directory.join("kubelet-client-tmp-9.9")).unwrap();
    session.forget();
    let start = session.now;
    let _ = run_in(&directory, Manner::Shipped, &mut session, start);
    let live = session.reports.iter().any(|(_, report)| matches!(report, Report::Live(..)));
    assert!(live, "it is valid and whole, and something else is in the way: {}", session.report_text());
}

#[test]
fn s13_one_failed_read_at_start_does_not_link_an_older_generation() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().canonicalize().unwrap();
    let runner = Runner::new(&home, PathBuf::from(env!("CARGO_BIN_EXE_realfs"))).unwrap();
    let (directory, mut session) = Scenario::Rotations.begin(&home).unwrap();
    let start = session.now;
    let _ = run_in(&directory, Manner::Shipped, &mut session, start);
    let target = fs::read_link(directory.join(CURRENT_LINK)).unwrap();

    // The last call by which an undisturbed start opens the live bundle: in the scan that core
    // decides on.
    let traced = runner.run(&directory, Manner::Shipped, &mut session, &Inject::Nothing).unwrap();
    let target = target.to_str().unwrap();
    let open =
        traced.calls.iter().rfind(|call| call.name == "openat" && call.strings().any(|name| name == target));
    let open = open.unwrap();
    let inject = Inject::Error("EIO", vec![("openat".to_owned(), open.nth)], 1);
    let traced = runner.run(&directory, Manner::Shipped, &mut session, &inject).unwrap();
    assert!(
        !traced.calls.iter().any(|call| call.changes() && call.touches(&directory.display().to_string())),
        "the file is there and good:\n{}",
        traced.changes(&directory)
    );
    assert!(matches!(reader::raw(&directory), Raw::Whole(Generation(6), _)));
    kill::at_rest(&directory, &session).unwrap();
}
