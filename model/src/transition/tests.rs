use std::collections::BTreeSet;

use super::*;

#[test]
fn every_two_bytes_decode_to_a_transition_and_back() {
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
