//! Every seeded bug is alive: some run of a small scripted world shows other actions, another wake or
//! another disposition than the right machine does.
//!
//! Whether a bug breaks an invariant is for the harnesses to find out. A bug that changes nothing would be
//! no fault of theirs, and is one here.

use std::collections::BTreeSet;

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::rotator::Step;
use certrotate_core::seeded::{Bug, INCIDENTS};
use certrotate_core::view::Wake;
use toy::Toy;

#[path = "seeded/toy.rs"]
mod toy;

const RUNS: u64 = 1000;
const STEPS: usize = 250;

/// What a machine with this bug does in a run, step by step.
fn shown(bug: Option<Bug>, run: u64) -> impl Iterator<Item = (Step, Wake)> {
    let mut toy = Toy::new(bug, run);
    (0..STEPS).map(move |_| toy.advance())
}

/// The first run and step at which the bug shows.
fn first_shown(bug: Bug) -> Option<(u64, usize)> {
    (0..RUNS).find_map(|run| {
        let step = shown(None, run).zip(shown(Some(bug), run)).position(|(right, wrong)| right != wrong)?;
        Some((run, step))
    })
}

#[test]
fn every_bug_shows_in_some_run() {
    let first = |bug: &Bug| (bug.name(), first_shown(*bug));
    let all: Vec<_> = Bug::ALL.iter().map(first).collect();
    let dead: Vec<_> = all.iter().filter(|(_, shown)| shown.is_none()).map(|(name, _)| name).collect();
    assert!(dead.is_empty(), "these change nothing in {RUNS} runs: {dead:?}; the others: {all:?}");
}

#[test]
fn without_a_bug_two_machines_do_the_same() {
    for run in 0..50 {
        assert!(shown(None, run).eq(shown(None, run)), "run {run}");
    }
}

#[test]
fn names_are_unique_and_read_back() {
    let names: BTreeSet<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
    assert_eq!(names.len(), Bug::ALL.len());
    for bug in Bug::ALL {
        assert_eq!(Bug::parse(bug.name()), Some(*bug));
        assert!(bug.sentence().ends_with('.'), "{bug:?} is explained by a sentence");
    }
    assert_eq!(Bug::parse("B00"), None);
}

#[test]
fn no_bug_is_chosen_by_itself_and_every_incident_of_the_table_names_one() {
    assert_eq!(ConfigSpec::new(Template::node_client("n")).bug, None);
    assert!(Config::new(ConfigSpec::new(Template::node_client("n"))).is_ok());
    assert!(INCIDENTS.is_sorted_by_key(|(number, _)| number));
    let named = Bug::ALL.iter().filter(|bug| bug.name().starts_with('F'));
    for bug in named {
        assert!(INCIDENTS.iter().any(|(_, listed)| listed == bug), "{bug:?} is in the table");
    }
}
