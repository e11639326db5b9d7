use std::collections::BTreeSet;

use super::*;

#[test]
fn every_pair_of_bytes_is_an_event_and_every_event_has_its_bytes() {
    for event in Event::all() {
        let [code, arg] = event.encode();
        assert_eq!(Event::decode(code, arg), event);
    }
    assert_eq!(events(&[0, 0, 7, 3, 9]).count(), 2, "a single byte at the end is no event");
}

#[test]
fn there_are_at_least_forty_five_named_faults() {
    let names: BTreeSet<_> = Event::all().into_iter().filter_map(Event::fault).collect();
    assert!(names.len() >= 45, "{} names", names.len());
}
