use std::collections::BTreeSet;

use super::*;

#[test]
fn names_are_unique_and_parse() {
    let names: BTreeSet<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
    assert_eq!(names.len(), Bug::ALL.len());
    for bug in Bug::ALL {
        assert_eq!(Bug::parse(bug.name()), Some(*bug));
    }
    assert_eq!(Bug::parse("B00"), None);
}

#[test]
fn bug_has_a_sentence_and_an_invariant() {
    for bug in Bug::ALL {
        assert!(bug.sentence().ends_with('.'), "{bug:?} is explained by a sentence");
        assert!(!bug.breaks().is_empty(), "{bug:?} breaks something");
    }
}

#[test]
fn incidents_are_in_order_and_each_f_bug_is_one() {
    assert!(INCIDENTS.is_sorted_by_key(|(number, _)| number));
    for bug in Bug::ALL.iter().filter(|bug| bug.name().starts_with('F')) {
        assert!(INCIDENTS.iter().any(|(_, listed)| listed == bug), "{bug:?} is listed");
    }
}

#[test]
fn choice_is_restored_after_a_panic() {
    let panicked = std::panic::catch_unwind(|| with(Bug::X1, || panic!("on purpose")));
    assert!(panicked.is_err() && !is_chosen(Bug::X1));
    with(Bug::X1, || {
        with(Bug::X2, || assert!(is_chosen(Bug::X2) && !is_chosen(Bug::X1)));
        assert!(is_chosen(Bug::X1));
    });
}
