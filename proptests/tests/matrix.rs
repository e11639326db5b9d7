//! The kill matrix: every mistake that is built in on purpose is found, and by whom.

use std::fmt::Write as _;

use certrotate_model_seeded::seeded::{Budget, ELSEWHERE, Row, TABLE, against_all, survivors};
use certrotate_proptests::differential::{Case, Rendered, Verdict, disagreements, judged};
use certrotate_x509_seeded::seeded::{Bug, with};
use certrotate_x509_seeded::{CertChain, ClientCa};

/// How many transitions a reduced scenario has at the most, but for one in twenty.
const SHORT: usize = 8;

/// The matrix, by two threads.
fn rows() -> Vec<Row> {
    let half = |nth: usize| {
        let lines = TABLE.iter().skip(nth).step_by(2);
        lines.flat_map(|line| against_all(line, 0, Budget::default())).collect::<Vec<_>>()
    };
    let mut rows = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut rows = half(0);
        rows.extend(other.join().expect("no engine panics"));
        rows
    });
    let place = |row: &Row| TABLE.iter().position(|(mistake, _)| *mistake == row.mistake);
    rows.sort_by_key(|row| (place(row), row.engine));
    rows
}

/// A line for each mistake, with the invariant that each engine reports.
fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    for (mistake, breaks) in TABLE {
        let _ = write!(text, "{} breaks {}:", mistake.name(), breaks.join(" "));
        for row in rows.iter().filter(|row| row.mistake == *mistake) {
            if let Some(found) = &row.found {
                let _ = write!(text, " {} {}", row.engine.name(), found.violation.id);
            }
        }
        text.push('\n');
    }
    text
}

#[test]
fn every_mistake_is_found_under_an_invariant_that_it_breaks_and_most_by_two_engines() {
    let rows = rows();
    assert_eq!(survivors(&rows), Vec::<&str>::new(), "survivors");
    let found = |mistake| rows.iter().filter(|row| row.mistake == mistake && row.found.is_some()).count();
    let twice = TABLE.iter().filter(|(mistake, _)| found(*mistake) >= 2).count();
    assert!(twice * 2 >= TABLE.len(), "{twice} of {} are found by two engines", TABLE.len());
    let transitions: Vec<usize> = rows.iter().filter_map(Row::transitions).collect();
    let long = transitions.iter().filter(|transitions| **transitions > SHORT).count();
    assert!(long * 20 <= transitions.len(), "{long} of {} scenarios are long", transitions.len());
    insta::assert_snapshot!(table(&rows));
}

/// Reads with a mistake in it, and judges as it should be.
fn mistaken(bug: Bug, rendered: &Rendered) -> Verdict {
    with(bug, || {
        let ca = rendered.client_ca.as_deref().map(|pem| ClientCa::read(pem.as_bytes()));
        let Ok(ca) = ca.transpose() else { return Verdict::Unreadable };
        let read = CertChain::read(rendered.answer.as_bytes(), ca.as_ref());
        judged(rendered, read.ok().map(|(_, facts)| facts).as_ref())
    })
}

#[test]
fn s2_mistakes_about_paths_and_ends_are_found_by_the_oracle() {
    for bug in [Bug::B24, Bug::B25, Bug::X1] {
        let found = disagreements(|rendered| mistaken(bug, rendered), Case::paths(), 1);
        assert!(!found.is_empty(), "{} goes unnoticed", bug.name());
    }
}

#[test]
fn every_mistake_of_another_crate_has_a_test_that_finds_it() {
    let here = ["B24", "B25", "X1"];
    let x509 = include_str!("../../runtime/x509/tests/seeded.rs");
    let pending = include_str!("../../runtime/x509/src/pending/tests.rs");
    let store = include_str!("../../runtime/store/tests/seeded.rs");
    let agent = include_str!("../../agent/src/keystore/tests.rs");
    for (name, place, breaks) in ELSEWHERE {
        let source = match *place {
            "x509" if *name == "X5" => pending,
            "x509" => x509,
            "store" => store,
            _ => agent,
        };
        assert!(!breaks.is_empty());
        let test = format!("Bug::{name}");
        assert!(here.contains(name) || source.contains(&test), "{name} of {place} has no test");
    }
}
