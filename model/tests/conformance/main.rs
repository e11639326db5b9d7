//! The conformance kit: correct drivers pass, and each wrong driver breaks the promise that it is wrong about.

use std::collections::BTreeSet;

use certrotate_core::id::RunId;
use certrotate_model::conformance::{Broken, Driver, Promise, Reference, check};
use certrotate_model::replay;

mod faulty;
mod threads;

use faulty::{BUGS, Faulty};

/// Returns the promise that a driver breaks first.
fn broken(driver: &mut dyn Driver) -> Option<Broken> {
    check(driver).pop().expect("there are scenarios").broken
}

#[test]
fn reference_driver_keeps_every_promise() {
    assert_eq!(broken(&mut Reference::after(RunId(0))), None);
}

#[test]
fn each_wrong_driver_breaks_its_own_promise() {
    for (bug, promise) in BUGS {
        let found = broken(&mut Faulty::with(bug)).map(|broken| broken.promise);
        assert_eq!(found, Some(promise), "{bug:?}");
    }
}

#[test]
fn each_promise_is_broken_by_a_wrong_driver() {
    let broken: BTreeSet<Promise> = BUGS.iter().map(|(_, promise)| *promise).collect();
    // A driver in this process cannot break the protocol of the pipes: `pipes.rs` has those that do.
    let expected = Promise::ALL.into_iter().filter(|promise| *promise != Promise::Responds).collect();
    assert_eq!(broken, expected);
    let names: BTreeSet<&str> = Promise::ALL.iter().map(|promise| promise.name()).collect();
    assert_eq!(names.len(), Promise::ALL.len(), "each promise has a name of its own");
}

#[test]
fn trace_of_a_wrong_driver_replays() {
    for (bug, _) in BUGS {
        let report = check(&mut Faulty::with(bug)).pop().expect("there are scenarios");
        assert_eq!(replay::walk(&report.runs, |_| true), Ok(()), "{bug:?}");
    }
}

#[test]
fn page_has_a_row_for_each_promise() {
    let page = include_str!("../../../docs/conformance.md");
    let rows: Vec<(String, String)> = page
        .lines()
        .skip_while(|line| *line != "## The promises")
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "))
        .map(|(name, sentence)| (name.to_owned(), sentence.replace('`', "")))
        .collect();
    let promises = Promise::ALL.map(|promise| (promise.name().to_owned(), promise.sentence().to_owned()));
    assert_eq!(rows, promises);
}
