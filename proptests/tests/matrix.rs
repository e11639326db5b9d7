//! The kill matrix: every seeded bug is found, and by which engine.

use std::fmt::Write as _;

use certrotate_proptests::differential::{Case, Rendered, Verdict, disagreements, judged};
use certrotate_seeded_bugs::{Bug, Home, with};
use certrotate_seeded_matrix::{Budget, Row, against_all, survivors};
use certrotate_x509_seeded::{CertChain, ClientCa};

/// The most transitions of a reduced scenario. One in twenty may have more.
const SHORT: usize = 8;

/// The matrix, by two threads.
fn rows() -> Vec<Row> {
    let half = |nth: usize| {
        let bugs = Bug::of_engines().skip(nth).step_by(2);
        bugs.flat_map(|bug| against_all(bug, 0, Budget::default())).collect::<Vec<_>>()
    };
    let mut rows = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut rows = half(0);
        rows.extend(other.join().expect("no engine panics"));
        rows
    });
    rows.sort_by_key(|row| (row.bug, row.engine));
    rows
}

/// A line for each bug, with the invariant that each engine reports.
fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    for bug in Bug::of_engines() {
        let _ = write!(text, "{} breaks {}:", bug.name(), bug.breaks().join(" "));
        for row in rows.iter().filter(|row| row.bug == bug) {
            if let Some(found) = &row.found {
                let _ = write!(text, " {} {}", row.engine.name(), found.violation.id);
            }
        }
        text.push('\n');
    }
    text
}

#[test]
fn every_bug_is_found_and_most_by_two_engines() {
    let rows = rows();
    assert_eq!(survivors(&rows), Vec::<&str>::new(), "survivors");
    let found = |bug| rows.iter().filter(|row| row.bug == bug && row.found.is_some()).count();
    let all = Bug::of_engines().count();
    let twice = Bug::of_engines().filter(|bug| found(*bug) >= 2).count();
    assert!(twice * 2 >= all, "{twice} of {all} are found by two engines");
    let transitions: Vec<usize> = rows.iter().filter_map(Row::transitions).collect();
    let long = transitions.iter().filter(|transitions| **transitions > SHORT).count();
    assert!(long * 20 <= transitions.len(), "{long} of {} scenarios are long", transitions.len());
    insta::assert_snapshot!(table(&rows));
}

/// Reads a chain with a bug chosen, and judges the result without one.
fn buggy(bug: Bug, rendered: &Rendered) -> Verdict {
    with(bug, || {
        let ca = rendered.client_ca.as_deref().map(|pem| ClientCa::read(pem.as_bytes()));
        let Ok(ca) = ca.transpose() else { return Verdict::Unreadable };
        let read = CertChain::read(rendered.answer.as_bytes(), ca.as_ref());
        judged(rendered, read.ok().map(|(_, facts)| facts).as_ref())
    })
}

#[test]
fn s2_bugs_of_paths_and_expiry_are_found_by_the_oracle() {
    for bug in [Bug::B24, Bug::B25, Bug::X1] {
        let found = disagreements(|rendered| buggy(bug, rendered), Case::paths(), 1);
        assert!(!found.is_empty(), "{} goes unnoticed", bug.name());
    }
}

#[test]
fn every_bug_of_another_crate_has_a_test_that_finds_it() {
    let here = [Bug::B24, Bug::B25, Bug::X1];
    for bug in Bug::of_tests() {
        let source = match bug.home() {
            Home::X509 => include_str!("../../seeded/x509/tests/seeded.rs"),
            Home::Store => include_str!("../../seeded/store/tests/seeded.rs"),
            Home::Keys => include_str!("../../seeded/keys/tests/seeded.rs"),
            Home::Shell => include_str!("../../seeded/simulation/tests/seeded.rs"),
            Home::Core | Home::Driver => "",
        };
        let test = format!("Bug::{}", bug.name());
        assert!(here.contains(&bug) || source.contains(&test), "{} has no test", bug.name());
    }
}
