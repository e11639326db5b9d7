//! `certrotate-model conformance`: drivers over pipes. The driver is `model/tests/conformance/driver.py`.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::{Ran, model_in};

const DRIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/driver.py");

/// Runs the kit with the driver in Python, in a folder of its own.
fn conformance(folder: &Path, bug: &str, flags: &[&str]) -> Ran {
    let driver = ["--", "python3", DRIVER, bug];
    let ran = model_in(folder, &[&["conformance", "--json"], flags, &driver].concat());
    assert_ne!(ran.status, Some(2), "this test needs python3 in the PATH: {}", ran.err);
    ran
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room")
}

#[test]
fn driver_over_pipes_keeps_every_promise() {
    let folder = folder();
    let ran = conformance(folder.path(), "", &[]);
    assert_eq!((ran.status, &ran.json()["broken"]), (Some(0), &serde_json::Value::Null), "{}", ran.err);
    assert!(ran.json()["scenarios"].as_u64() > Some(100), "{}", ran.out);
    assert!(!folder.path().join("conformance.jsonl").exists(), "only a failure leaves a trace");
}

#[test]
fn wrong_driver_over_pipes_is_named_and_leaves_a_trace() {
    for (bug, promise) in [("go-live", "go-live"), ("disk-answered", "disk-answered"), ("ends", "runs-on")] {
        let folder = folder();
        let ran = conformance(folder.path(), bug, &["--trace", "run.jsonl"]);
        assert_eq!((ran.status, &ran.json()["broken"]), (Some(1), &promise.into()), "{}", ran.err);
        if bug != "ends" {
            let replayed = model_in(folder.path(), &["replay", "run.jsonl"]);
            assert_eq!(replayed.status, Some(0), "{}", replayed.err);
        }
    }
}

#[test]
fn broken_protocol_is_named_and_never_hangs() {
    let cases = [
        ("no-json", "line 1 is no request: expected value"),
        ("unknown-request", "the requests are started, now, step, begin, finish, erase, sleep and wait"),
        ("long-line", "line 1 has more than 1048576 bytes"),
        ("no-text", "line 1 is not UTF-8"),
        ("unread", "it left 64 replies unread"),
        ("silent", "it wrote no line 1 within 1 s"),
        ("closed", "it closed its standard output and runs on"),
    ];
    for (bug, detail) in cases {
        // A driver that does something needs time to start.
        let deadline = match bug {
            "silent" => "1",
            "closed" => "5",
            _ => "60",
        };
        let began = Instant::now();
        let folder = folder();
        let ran = conformance(folder.path(), bug, &["--deadline", deadline]);
        assert_eq!((ran.status, &ran.json()["broken"]), (Some(1), &"responds".into()), "{bug}: {}", ran.err);
        assert!(ran.err.contains(detail), "{bug}: {}", ran.err);
        assert!(began.elapsed() < Duration::from_secs(60), "{bug}");
    }
}

#[test]
fn chosen_scenario_is_played_alone() {
    let folder = folder();
    let ran = conformance(folder.path(), "", &["--scenario", "suspend"]);
    assert_eq!((ran.status, &ran.json()["scenarios"]), (Some(0), &1.into()), "{}", ran.err);
}
