use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::config::Template;
use crate::disk::{BundleFound, BundleHeader, PairFound, PendingFound};
use crate::facts::{CertFacts, Chain};
use crate::id::{CertHandle, KeyDigest, KeyHandle, RequestDigest};
use crate::time::{MonoTime, Span};

const NOW: WallTime = WallTime::from_unix_secs(1_767_225_600);

/// So many hours from now.
fn at(hours: i64) -> WallTime {
    WallTime::from_unix_ms(NOW.unix_ms() + hours * 3_600_000)
}

fn config() -> ConfigSpec {
    ConfigSpec::new(Template::node_client("node-1"))
}

/// A start after which nothing is to be synced any more.
fn known(config: &ConfigSpec) -> Known<'_> {
    Known {
        config,
        now: Now { wall: NOW, mono: MonoTime::default() },
        withdrawn: Generation(0),
        live: Generation(0),
        leaf: None,
        judged: Generation(0),
        top: Generation(0),
        synced: true,
        served: None,
        over: None,
        free: true,
        first: true,
        looks: false,
        patient: true,
    }
}

fn facts(leaf: u8, (from, to): (i64, i64)) -> CertFacts {
    let template = config().template;
    CertFacts {
        leaf: LeafDigest([leaf; 32]),
        key: KeyDigest([leaf; 32]),
        subject: template.subject,
        sans: template.sans,
        usages: template.usages,
        ca: false,
        not_before: at(from),
        not_after: at(to),
        chain: Chain::Trusted,
    }
}

fn name(generation: u32, file: u32) -> Name {
    Name::Bundle { issued: NOW, generation: Generation(generation), file: FileNumber(file) }
}

/// The bundle of a certificate, which is told by its leaf, with its lifetime in hours from now.
fn bundle(generation: u32, file: u32, leaf: u8, lifetime: (i64, i64)) -> Entry {
    let found = BundleFound {
        header: BundleHeader { generation: Generation(generation), issued: at(lifetime.0) },
        key_digest: KeyDigest([leaf; 32]),
        facts: facts(leaf, lifetime),
        key: KeyHandle(leaf.into()),
        cert: CertHandle(leaf.into()),
        private: true,
    };
    Entry { name: name(generation, file), found: Found::Bundle(Box::new(found)) }
}

fn pending(generation: u32, change: impl FnOnce(&mut PendingFound)) -> Entry {
    let mut found = PendingFound {
        generation: Generation(generation),
        made: NOW,
        key_digest: KeyDigest([generation as u8; 32]),
        request: RequestDigest([generation as u8; 32]),
        template: config().template,
        key: KeyHandle(generation.into()),
        private: true,
    };
    change(&mut found);
    let name = Name::Pending { generation: Generation(generation), file: FileNumber(1) };
    Entry { name, found: Found::Pending(Box::new(found)) }
}

fn pair(place: Place, leaf: u8, lifetime: (i64, i64)) -> PairFound {
    PairFound {
        place,
        key_digest: KeyDigest([leaf; 32]),
        facts: facts(leaf, lifetime),
        key: KeyHandle(leaf.into()),
        cert: CertHandle(leaf.into()),
    }
}

fn directory(current: CurrentLink, entries: Vec<Entry>) -> Inventory {
    Inventory { current, entries, more: false, outside: vec![] }
}

/// What there is, where nothing is to be done.
fn ready(known: &Known<'_>, inventory: &Inventory) -> Ready {
    match decide(known, inventory) {
        Decision::Ready(ready) => *ready,
        other => panic!("something is to be done: {other:?}"),
    }
}

fn chosen(known: &Known<'_>, inventory: &Inventory) -> Option<Name> {
    ready(known, inventory).chosen.map(|identity| identity.name)
}

#[test]
fn what_is_over_in_this_run_is_not_chosen_again_when_its_time_comes_once_more() {
    let config = config();
    let inventory = directory(CurrentLink::Link(name(1, 1)), vec![bundle(1, 1, 1, (-1, 1))]);
    assert_eq!(chosen(&known(&config), &inventory), Some(name(1, 1)));
    let over = Known { withdrawn: Generation(1), live: Generation(1), ..known(&config) };
    assert_eq!(chosen(&over, &inventory), None);
}

#[test]
fn another_certificate_of_the_live_generation_does_not_take_its_place() {
    let config = config();
    let entries = vec![bundle(1, 1, 1, (-1, 1)), bundle(1, 2, 2, (-1, 1))];
    let inventory = directory(CurrentLink::Link(name(1, 1)), entries);
    let live = Known { live: Generation(1), leaf: Some(LeafDigest([1; 32])), ..known(&config) };
    assert_eq!(chosen(&live, &inventory), Some(name(1, 1)));
    let copied = Known { leaf: Some(LeafDigest([2; 32])), ..live };
    assert!(
        matches!(decide(&copied, &inventory), Decision::Link { identity, .. } if identity.name == name(1, 2))
    );
}

#[test]
fn what_is_held_keeps_its_bundle_whatever_the_live_name_names() {
    let config = config();
    // 1 is held, 2 is over, and 3, which has the live name, is for another day.
    let entries = vec![bundle(1, 1, 1, (1, 9)), bundle(2, 1, 2, (-9, -8)), bundle(3, 1, 3, (5, 9))];
    let inventory = directory(CurrentLink::Link(name(3, 1)), entries);
    let held = Known { live: Generation(1), leaf: Some(LeafDigest([1; 32])), ..known(&config) };
    assert!(ready(&held, &inventory).leftovers.is_empty(), "1 is used, 2 is the one before 3");
    let over = Known { withdrawn: Generation(1), ..held };
    let mut left = ready(&over, &inventory).leftovers;
    assert_eq!((left.pop(), left.pop()), (Some(name(1, 1)), None), "1 is of no use any more");
}

#[test]
fn a_pending_file_of_a_generation_that_has_a_bundle_is_over() {
    let config = config();
    for lifetime in [(-1, 1), (1, 2), (-2, -1)] {
        let entries = vec![bundle(2, 1, 2, lifetime), pending(2, |_| {})];
        let inventory = directory(CurrentLink::Link(name(2, 1)), entries);
        let ready = ready(&known(&config), &inventory);
        assert_eq!((ready.pending, ready.resume), (None, None), "{lifetime:?}");
    }
}

#[test]
fn a_request_is_taken_up_if_it_asks_for_what_is_wanted_with_or_without_the_wish_for_a_lifetime() {
    let mut config = config();
    config.template.duration = Some(Span::from_hours(9));
    let resumes = |change: fn(&mut PendingFound)| {
        let inventory = directory(CurrentLink::Absent, vec![pending(2, change)]);
        let ready = ready(&known(&config), &inventory);
        assert_eq!(ready.pending, Some(inventory.entries[0].name), "its number is kept in any case");
        (ready.resume.map(|attempt| attempt.generation), ready.settled, ready.no_duration)
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
fn a_request_older_than_what_is_served_or_than_any_bundle_is_not_taken_up() {
    let config = config();
    let entries = vec![bundle(3, 1, 3, (-9, -8)), pending(2, |_| {})];
    let inventory = directory(CurrentLink::Absent, entries);
    assert_eq!(ready(&known(&config), &inventory).resume, None, "3 was asked for after it");
    let inventory = directory(CurrentLink::Absent, vec![pending(2, |_| {})]);
    let served = |generation| {
        let Entry { name, found: Found::Bundle(bundle) } = bundle(generation, 1, 9, (-1, 1)) else {
            panic!()
        };
        Identity::found(&config.timing, known(&config).now, name, &bundle, false)
    };
    for (generation, taken) in [(1, true), (2, true), (3, false)] {
        let known = Known { served: Some(served(generation)), ..known(&config) };
        assert_eq!(ready(&known, &inventory).resume.is_some(), taken, "{generation} is served");
    }
}

#[test]
fn a_newer_bundle_that_cannot_be_read_is_looked_at_again_before_it_is_gone_without() {
    let config = config();
    let unreadable =
        |generation| Entry { name: name(generation, 1), found: Found::Unreadable(DiskFault::Io) };
    let unread = |known: &Known<'_>, entries| {
        let inventory = directory(CurrentLink::Link(name(2, 1)), entries);
        ready(known, &inventory).unread.map(|(name, _)| name)
    };
    let good = || bundle(2, 1, 2, (-1, 1));
    assert_eq!(unread(&known(&config), vec![unreadable(1), good(), unreadable(3)]), Some(name(3, 1)));
    assert_eq!(unread(&known(&config), vec![unreadable(1), good()]), None, "it is older");
    let impatient = Known { patient: false, ..known(&config) };
    assert_eq!(unread(&impatient, vec![good(), unreadable(3)]), None);
    let judged = Known { judged: Generation(3), ..known(&config) };
    assert_eq!(unread(&judged, vec![unreadable(3)]), None, "it need not be looked at again");
    assert_eq!(unread(&judged, vec![unreadable(4)]), Some(name(4, 1)));
}

#[test]
fn of_what_the_clock_is_against_the_newest_and_the_first_to_start_or_the_last_to_end_are_known() {
    let config = config();
    let early = vec![bundle(2, 1, 2, (5, 9)), bundle(3, 1, 3, (1, 9)), bundle(4, 1, 4, (7, 9))];
    let early =
        ready(&known(&config), &directory(CurrentLink::Link(name(4, 1)), early)).early.expect("there are");
    assert_eq!((early.generation, early.start, early.first()), (Generation(4), at(7), at(1)));
    let late = vec![bundle(2, 1, 2, (-9, -5)), bundle(3, 1, 3, (-9, -1)), bundle(4, 1, 4, (-9, -7))];
    let inventory = directory(CurrentLink::Link(name(4, 1)), late);
    let late = ready(&known(&config), &inventory).late.expect("there are");
    assert_eq!((late.generation, late.end, late.lifetime), (Generation(4), at(-7), Span::from_hours(2)));
    assert_eq!(late.other, Some((Generation(3), at(-1), Span::from_hours(8))));
    for (live, newest) in [(3, Some(Generation(4))), (4, None)] {
        let served_before = Known { live: Generation(live), ..known(&config) };
        assert_eq!(ready(&served_before, &inventory).late.map(|late| late.generation), newest);
    }
}

/// What is copied of a directory with a good bundle, which ends in four hours, and this pair.
fn copied(known: &Known<'_>, pair: PairFound) -> Option<(Place, Generation)> {
    let inventory = Inventory {
        outside: vec![pair],
        ..directory(CurrentLink::Link(name(2, 1)), vec![bundle(2, 1, 2, (-4, 4))])
    };
    match decide(known, &inventory) {
        Decision::Copy(copied) => Some((copied.place, copied.attempt.generation)),
        Decision::Ready(_) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pair_is_adopted_if_it_began_later_and_ends_later_and_nothing_else_is_under_way() {
    let config = config();
    let known = known(&config);
    let adopted = Some((Place::Split, Generation(3)));
    for (lifetime, copies) in [
        ((-3, 5), adopted),
        ((-4, 5), None),
        ((-3, 4), None),
        ((-5, 5), None),
        ((-3, 3), None),
        ((1, 9), None),
    ] {
        assert_eq!(copied(&known, pair(Place::Split, 9, lifetime)), copies, "{lifetime:?}");
    }
    let better = || pair(Place::Split, 9, (-3, 5));
    assert_eq!(copied(&Known { free: false, ..known }, better()), None, "a request is under way");
    assert_eq!(copied(&Known { over: Some(at(5)), ..known }, better()), None, "it ended in this run");
    assert_eq!(copied(&Known { over: Some(at(4)), ..known }, better()), adopted);
    let strange = PairFound { key_digest: KeyDigest([8; 32]), ..better() };
    assert_eq!(copied(&known, strange), None, "its key is another's");
    let own = PairFound { facts: facts(2, (-4, 4)), key_digest: KeyDigest([2; 32]), ..better() };
    assert_eq!(copied(&known, own), None, "there is a copy");
    let mut off = self::config();
    off.adopt = false;
    assert_eq!(copied(&Known { config: &off, ..known }, better()), None);
}

#[test]
fn a_pair_with_the_key_of_a_bundle_and_another_certificate_is_no_copy_of_it() {
    let config = config();
    let renewed = CertFacts { key: KeyDigest([2; 32]), ..facts(9, (-3, 5)) };
    let pair = PairFound { key_digest: KeyDigest([2; 32]), facts: renewed, ..pair(Place::Split, 9, (-3, 5)) };
    assert_eq!(copied(&known(&config), pair), Some((Place::Split, Generation(3))));
}

#[test]
fn what_is_served_without_a_bundle_is_taken_from_where_it_stands_and_keeps_its_generation() {
    let config = config();
    let Entry { name, found: Found::Bundle(gone) } = bundle(7, 1, 9, (-4, 4)) else { panic!("it is one") };
    let served = Identity::found(&config.timing, known(&config).now, name, &gone, false);
    let known = Known { served: Some(served), ..known(&config) };
    let copied = |outside: Vec<PairFound>| match decide(
        &known,
        &Inventory { outside, ..directory(CurrentLink::Absent, vec![]) },
    ) {
        Decision::Copy(copied) => Some((copied.place, copied.attempt.generation)),
        _ => None,
    };
    let same = |place| pair(place, 9, (-4, 4));
    assert_eq!(copied(vec![same(Place::Split)]), Some((Place::Split, Generation(7))));
    assert_eq!(copied(vec![pair(Place::Split, 8, (-4, 4))]), None, "another one is no better");
    let both = vec![same(Place::Current), same(Place::Split)];
    assert_eq!(copied(both), Some((Place::Current, Generation(7))), "what has the live name comes first");
}

#[test]
fn a_bundle_that_others_can_read_is_copied_under_its_own_generation() {
    let config = config();
    let mut exposed = bundle(2, 1, 2, (-4, 4));
    let Found::Bundle(found) = &mut exposed.found else { panic!("it is one") };
    found.private = false;
    let inventory = directory(CurrentLink::Link(name(2, 1)), vec![bundle(1, 1, 1, (-9, 9)), exposed]);
    let Decision::Copy(copied) = decide(&known(&config), &inventory) else { panic!("it is copied") };
    assert_eq!(copied.place, Place::Exposed(name(2, 1)));
    assert_eq!((copied.attempt.generation, copied.attempt.file), (Generation(2), FileNumber(2)));
    assert_eq!(copied.certificate.leaf, LeafDigest([2; 32]));
}

#[test]
fn what_has_the_live_name_is_replaced_where_it_is_copied_or_leads_to_a_pair_of_this_node_and_nowhere_else() {
    let config = config();
    let decided = |known: &Known<'_>, live, outside: Option<PairFound>| {
        let outside = outside.into_iter().collect();
        decide(known, &Inventory { outside, ..directory(live, vec![bundle(2, 1, 2, (-4, 4))]) })
    };
    let known = known(&config);
    let at_live = |leaf, lifetime| Some(pair(Place::Current, leaf, lifetime));
    let better = || at_live(9, (-3, 5));
    assert!(
        matches!(decided(&known, CurrentLink::File, better()), Decision::Copy(it) if it.place == Place::Current)
    );
    let beside = Some(pair(Place::Split, 9, (-3, 5)));
    assert!(matches!(
        decided(&known, CurrentLink::File, beside),
        Decision::Quarantine { from: Name::Current, .. }
    ));
    assert!(
        matches!(decided(&known, CurrentLink::File, at_live(2, (-4, 4))), Decision::Link { .. }),
        "a copy is there"
    );
    assert!(matches!(
        decided(&known, CurrentLink::File, None),
        Decision::Quarantine { from: Name::Current, .. }
    ));
    assert!(
        matches!(decided(&known, CurrentLink::Foreign, at_live(9, (-9, -8))), Decision::Link { .. }),
        "it is over"
    );
    for live in [CurrentLink::Foreign, CurrentLink::Strange, CurrentLink::Unreadable(DiskFault::Io)] {
        assert_eq!(decided(&known, live, None), Decision::Blocked, "{live:?}");
        let looks = matches!(decided(&Known { looks: true, ..known }, live, None), Decision::Link { .. });
        assert_eq!(looks, !matches!(live, CurrentLink::Unreadable(_)), "{live:?}: a run that serves goes on");
    }
}

#[test]
fn on_a_disk_that_refuses_a_pair_of_a_kubelet_is_as_good_as_a_bundle_where_there_is_none() {
    let config = config();
    let outside = vec![pair(Place::Current, 9, (-4, 4))];
    let best = |known: &Known<'_>, entries| {
        let inventory = Inventory { outside: outside.clone(), ..directory(CurrentLink::Foreign, entries) };
        glance(known, &inventory).0.map(|identity| (identity.generation, identity.leaf))
    };
    let (pair, own) = (LeafDigest([9; 32]), LeafDigest([2; 32]));
    assert_eq!(best(&known(&config), vec![]), Some((Generation(1), pair)));
    assert_eq!(best(&known(&config), vec![bundle(2, 1, 2, (-4, 4))]), Some((Generation(2), own)));
    assert_eq!(best(&Known { free: false, ..known(&config) }, vec![]), None, "a request is under way");
}
