//! Pending files: resumed, kept or stale.

use super::*;

#[test]
fn pending_file_of_a_generation_with_a_bundle_is_stale() {
    let config = config();
    for lifetime in [(-1, 1), (1, 2), (-2, -1)] {
        let entries = vec![bundle(2, 1, 2, lifetime), pending(2, |_| {})];
        let inventory = directory(CurrentLink::Link(name(2, 1)), entries);
        let ready = ready(&context(&config), &inventory);
        assert_eq!((ready.pending, ready.resume), (None, None), "{lifetime:?}");
    }
}

#[test]
fn pending_file_of_a_live_or_expired_generation_is_stale() {
    let config = config();
    let inventory = directory(CurrentLink::Absent, vec![pending(2, |_| {})]);
    for (generation, is_stale) in [(1, false), (2, true), (3, true)] {
        let live = Context { live: Generation(generation), ..context(&config) };
        let expired = Context { withdrawn: Generation(generation), ..context(&config) };
        for context in [live, expired] {
            let ready = ready(&context, &inventory);
            assert_eq!(
                (ready.pending.is_none(), ready.resume.is_none()),
                (is_stale, is_stale),
                "{context:?}"
            );
        }
    }
}

#[test]
fn request_for_the_template_is_resumed_with_or_without_a_lifetime() {
    let mut config = config();
    config.template.duration = Some(Span::from_hours(9));
    let resumes = |change: fn(&mut PendingFound)| {
        let inventory = directory(CurrentLink::Absent, vec![pending(2, change)]);
        let ready = ready(&context(&config), &inventory);
        assert_eq!(ready.pending, Some(inventory.entries[0].name), "its number is kept in any case");
        (ready.resume.map(|attempt| attempt.generation), ready.finished, ready.is_duration_dropped)
    };
    let taken = Some(Generation(2));
    assert_eq!(
        resumes(|found| found.template.duration = Some(Span::from_hours(9))),
        (taken, Generation(0), false)
    );
    assert_eq!(resumes(|_| {}), (taken, Generation(0), true), "it was refused before");
    let other = |found: &mut PendingFound| found.template.duration = Some(Span::from_hours(8));
    assert_eq!(resumes(other), (None, Generation(2), false));
    let renamed = |found: &mut PendingFound| found.template.subject.common_name.push('x');
    assert_eq!(resumes(renamed), (None, Generation(2), true));
}

#[test]
fn request_older_than_the_identity_or_any_bundle_is_not_resumed() {
    let config = config();
    let entries = vec![bundle(3, 1, 3, (-9, -8)), pending(2, |_| {})];
    let inventory = directory(CurrentLink::Absent, entries);
    assert_eq!(ready(&context(&config), &inventory).resume, None, "3 was requested after it");
    let inventory = directory(CurrentLink::Absent, vec![pending(2, |_| {})]);
    let served = |generation| {
        let Entry { name, found: Found::Bundle(bundle) } = bundle(generation, 1, 9, (-1, 1)) else {
            panic!()
        };
        Identity::found(&config.timing, context(&config).now, name, &bundle, false)
    };
    for (generation, taken) in [(1, true), (2, true), (3, false)] {
        let context = Context { in_use: Some(served(generation)), ..context(&config) };
        assert_eq!(ready(&context, &inventory).resume.is_some(), taken, "{generation} is served");
    }
}
