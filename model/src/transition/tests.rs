use std::collections::BTreeSet;

use super::*;

#[test]
fn every_pair_of_bytes_is_an_transition_and_every_transition_has_its_bytes() {
    for transition in Transition::all() {
        let [code, arg] = transition.encode();
        assert_eq!(Transition::decode(code, arg), transition);
    }
    assert_eq!(transitions(&[0, 0, 7, 3, 9]).count(), 2, "a single byte at the end is no transition");
}

#[test]
fn there_are_at_least_forty_five_named_faults() {
    let names: BTreeSet<_> = Transition::all().into_iter().filter_map(Transition::fault).collect();
    assert!(names.len() >= 45, "{} names", names.len());
}
