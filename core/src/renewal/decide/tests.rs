use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::config::Template;
use crate::disk::{BundleFound, BundleHeader, PairFound, PendingFound};
use crate::facts::{CertFacts, Chain};
use crate::id::{CertHandle, KeyDigest, KeyHandle, RequestDigest};
use crate::time::{MonoTime, Span};

mod requests;

const NOW: WallTime = WallTime::from_unix_secs(1_767_225_600);

/// So many hours from now.
fn at(hours: i64) -> WallTime {
    WallTime::from_unix_ms(NOW.unix_ms() + hours * 3_600_000)
}

fn config() -> ConfigSpec {
    ConfigSpec::new(Template::kubelet_client("node-1"))
}

/// The options of a start.
const OPTIONS: Options =
    Options { can_copy: true, can_resume: true, can_ignore_link: false, can_reread: true, can_drop: true };

/// A start after the last sync.
fn context(config: &ConfigSpec) -> Context<'_> {
    Context {
        config,
        now: Now { wall: NOW, mono: MonoTime::default() },
        withdrawn: Generation(0),
        live: Generation(0),
        leaf: None,
        judged: Generation(0),
        used: Generation(0),
        is_synced: true,
        in_use: None,
        expired_until: None,
        options: OPTIONS,
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
fn ready(context: &Context<'_>, inventory: &Inventory) -> Ready {
    match decide(context, inventory) {
        Decision::Ready(ready) => *ready,
        other => panic!("something is to be done: {other:?}"),
    }
}

fn chosen(context: &Context<'_>, inventory: &Inventory) -> Option<Name> {
    ready(context, inventory).chosen.map(|identity| identity.name)
}

#[test]
fn bundle_expired_in_this_run_is_not_chosen_again() {
    let config = config();
    let inventory = directory(CurrentLink::Link(name(1, 1)), vec![bundle(1, 1, 1, (-1, 1))]);
    assert_eq!(chosen(&context(&config), &inventory), Some(name(1, 1)));
    let over = Context { withdrawn: Generation(1), live: Generation(1), ..context(&config) };
    assert_eq!(chosen(&over, &inventory), None);
}

#[test]
fn other_certificate_of_the_live_generation_is_not_chosen() {
    let config = config();
    let entries = vec![bundle(1, 1, 1, (-1, 1)), bundle(1, 2, 2, (-1, 1))];
    let inventory = directory(CurrentLink::Link(name(1, 1)), entries);
    let live = Context { live: Generation(1), leaf: Some(LeafDigest([1; 32])), ..context(&config) };
    assert_eq!(chosen(&live, &inventory), Some(name(1, 1)));
    let copied = Context { leaf: Some(LeafDigest([2; 32])), ..live };
    assert!(
        matches!(decide(&copied, &inventory), Decision::Link { identity, .. } if identity.name == name(1, 2))
    );
}

#[test]
fn held_identity_keeps_its_bundle_whatever_the_link_names() {
    let config = config();
    // 1 is held, 2 is expired, and 3, which is linked, is not yet valid.
    let entries = vec![bundle(1, 1, 1, (1, 9)), bundle(2, 1, 2, (-9, -8)), bundle(3, 1, 3, (5, 9))];
    let inventory = directory(CurrentLink::Link(name(3, 1)), entries);
    let held = Context { live: Generation(1), leaf: Some(LeafDigest([1; 32])), ..context(&config) };
    assert!(ready(&held, &inventory).leftovers.is_empty(), "1 is used, 2 is the one before 3");
    let over = Context { withdrawn: Generation(1), ..held };
    let left = ready(&over, &inventory).leftovers;
    assert_eq!((left.first(), left.len()), (Some(name(1, 1)), 1), "1 is no longer of use");
}

#[test]
fn unreadable_newer_bundle_is_scanned_again_first() {
    let config = config();
    let unreadable =
        |generation| Entry { name: name(generation, 1), found: Found::Unreadable(DiskFault::Io) };
    let unread = |context: &Context<'_>, entries| {
        let inventory = directory(CurrentLink::Link(name(2, 1)), entries);
        ready(context, &inventory).unread.map(|(name, _)| name)
    };
    let good = || bundle(2, 1, 2, (-1, 1));
    assert_eq!(unread(&context(&config), vec![unreadable(1), good(), unreadable(3)]), Some(name(3, 1)));
    assert_eq!(unread(&context(&config), vec![unreadable(1), good()]), None, "it is older");
    let impatient = Context { options: Options { can_reread: false, ..OPTIONS }, ..context(&config) };
    assert_eq!(unread(&impatient, vec![good(), unreadable(3)]), None);
    let judged = Context { judged: Generation(3), ..context(&config) };
    assert_eq!(unread(&judged, vec![unreadable(3)]), None, "it need not be looked at again");
    assert_eq!(unread(&judged, vec![unreadable(4)]), Some(name(4, 1)));
}

#[test]
fn scan_finds_the_first_not_before_and_the_last_not_after() {
    let config = config();
    let entries = vec![bundle(2, 1, 2, (5, 9)), bundle(3, 1, 3, (1, 9)), bundle(4, 1, 4, (7, 9))];
    let inventory = directory(CurrentLink::Link(name(4, 1)), entries);
    let found = ready(&context(&config), &inventory).not_yet_valid.expect("there are");
    assert_eq!((found.generation, found.not_before), (Generation(4), at(7)));
    assert_eq!(found.first_not_before, at(1), "3 is the first");
    let entries = vec![bundle(2, 1, 2, (-9, -5)), bundle(3, 1, 3, (-9, -1)), bundle(4, 1, 4, (-9, -7))];
    let inventory = directory(CurrentLink::Link(name(4, 1)), entries);
    let found = ready(&context(&config), &inventory).expired.expect("there are");
    assert_eq!((found.generation, found.lifetime), (Generation(4), Span::from_hours(2)));
    assert_eq!(found.last_not_after, at(-1), "3 is the last");
    for (live, newest) in [(3, Some(Generation(4))), (4, None)] {
        let served_before = Context { live: Generation(live), ..context(&config) };
        assert_eq!(ready(&served_before, &inventory).expired.map(|found| found.generation), newest);
    }
}

/// What is copied of a directory with a good bundle, which ends in four hours, and this pair.
fn copied(context: &Context<'_>, pair: PairFound) -> Option<(Place, Generation)> {
    let inventory = Inventory {
        outside: vec![pair],
        ..directory(CurrentLink::Link(name(2, 1)), vec![bundle(2, 1, 2, (-4, 4))])
    };
    match decide(context, &inventory) {
        Decision::Copy(copied) => Some((copied.place, copied.attempt.generation)),
        Decision::Ready(_) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pair_is_adopted_only_if_later_at_both_ends_and_nothing_is_in_flight() {
    let config = config();
    let context = context(&config);
    let adopted = Some((Place::Split, Generation(3)));
    for (lifetime, copies) in [
        ((-3, 5), adopted),
        ((-4, 5), None),
        ((-3, 4), None),
        ((-5, 5), None),
        ((-3, 3), None),
        ((1, 9), None),
    ] {
        assert_eq!(copied(&context, pair(Place::Split, 9, lifetime)), copies, "{lifetime:?}");
    }
    let better = || pair(Place::Split, 9, (-3, 5));
    assert_eq!(
        copied(&Context { options: Options { can_copy: false, ..OPTIONS }, ..context }, better()),
        None,
        "a request is under way"
    );
    assert_eq!(
        copied(&Context { expired_until: Some(at(5)), ..context }, better()),
        None,
        "it ended in this run"
    );
    assert_eq!(copied(&Context { expired_until: Some(at(4)), ..context }, better()), adopted);
    let strange = PairFound { key_digest: KeyDigest([8; 32]), ..better() };
    assert_eq!(copied(&context, strange), None, "its key is another's");
    let own = PairFound { facts: facts(2, (-4, 4)), key_digest: KeyDigest([2; 32]), ..better() };
    assert_eq!(copied(&context, own), None, "there is a copy");
    let mut off = self::config();
    off.adopt = false;
    assert_eq!(copied(&Context { config: &off, ..context }, better()), None);
}

#[test]
fn pair_with_a_bundle_key_and_another_certificate_is_no_copy() {
    let config = config();
    let renewed = CertFacts { key: KeyDigest([2; 32]), ..facts(9, (-3, 5)) };
    let pair = PairFound { key_digest: KeyDigest([2; 32]), facts: renewed, ..pair(Place::Split, 9, (-3, 5)) };
    assert_eq!(copied(&context(&config), pair), Some((Place::Split, Generation(3))));
}

#[test]
fn in_memory_identity_is_adopted_again_under_its_generation() {
    let config = config();
    let Entry { name, found: Found::Bundle(gone) } = bundle(7, 1, 9, (-4, 4)) else { panic!("it is one") };
    let served = Identity::found(&config.timing, context(&config).now, name, &gone, false);
    let context = Context { in_use: Some(served), ..context(&config) };
    let copied = |outside: Vec<PairFound>| match decide(
        &context,
        &Inventory { outside, ..directory(CurrentLink::Absent, vec![]) },
    ) {
        Decision::Copy(copied) => Some((copied.place, copied.attempt.generation)),
        _ => None,
    };
    let same = |place| pair(place, 9, (-4, 4));
    assert_eq!(copied(vec![same(Place::Split)]), Some((Place::Split, Generation(7))));
    assert_eq!(copied(vec![pair(Place::Split, 8, (-4, 4))]), None, "another one is no better");
    let both = vec![same(Place::Current), same(Place::Split)];
    assert_eq!(copied(both), Some((Place::Current, Generation(7))), "the current link comes first");
}

#[test]
fn exposed_bundle_is_copied_under_its_own_generation() {
    let config = config();
    let mut exposed = bundle(2, 1, 2, (-4, 4));
    let Found::Bundle(found) = &mut exposed.found else { panic!("it is one") };
    found.private = false;
    let inventory = directory(CurrentLink::Link(name(2, 1)), vec![bundle(1, 1, 1, (-9, 9)), exposed]);
    let Decision::Copy(copied) = decide(&context(&config), &inventory) else { panic!("it is copied") };
    assert_eq!(copied.place, Place::Exposed(name(2, 1)));
    assert_eq!((copied.attempt.generation, copied.attempt.file), (Generation(2), FileNumber(2)));
    assert_eq!(copied.certificate.leaf, LeafDigest([2; 32]));
}

#[test]
fn current_link_is_repointed_only_if_its_pair_was_copied() {
    let config = config();
    let decided = |context: &Context<'_>, live, outside: Option<PairFound>| {
        let outside = outside.into_iter().collect();
        decide(context, &Inventory { outside, ..directory(live, vec![bundle(2, 1, 2, (-4, 4))]) })
    };
    let context = context(&config);
    let at_live = |leaf, lifetime| Some(pair(Place::Current, leaf, lifetime));
    let better = || at_live(9, (-3, 5));
    assert!(
        matches!(decided(&context, CurrentLink::File, better()), Decision::Copy(it) if it.place == Place::Current)
    );
    let beside = Some(pair(Place::Split, 9, (-3, 5)));
    assert!(matches!(
        decided(&context, CurrentLink::File, beside),
        Decision::Quarantine { from: Name::Current, .. }
    ));
    assert!(
        matches!(decided(&context, CurrentLink::File, at_live(2, (-4, 4))), Decision::Link { .. }),
        "a copy is there"
    );
    assert!(matches!(
        decided(&context, CurrentLink::File, None),
        Decision::Quarantine { from: Name::Current, .. }
    ));
    assert!(
        matches!(decided(&context, CurrentLink::Foreign, at_live(9, (-9, -8))), Decision::Link { .. }),
        "it is over"
    );
    let other = || {
        let mut pair = pair(Place::Current, 9, (-3, 5));
        pair.facts.subject = Template::kubelet_client("node-2").subject;
        Some(pair)
    };
    let mixed = || other().map(|pair| PairFound { key_digest: KeyDigest([8; 32]), ..pair });
    for (live, outside) in [
        (CurrentLink::Foreign, other()),
        (CurrentLink::Strange, None),
        (CurrentLink::Unreadable(DiskFault::Io), None),
    ] {
        assert_eq!(decided(&context, live, outside.clone()), Decision::Blocked, "{live:?}");
        let looks = matches!(
            decided(
                &Context { options: Options { can_ignore_link: true, ..OPTIONS }, ..context },
                live,
                outside
            ),
            Decision::Link { .. }
        );
        assert_eq!(looks, !matches!(live, CurrentLink::Unreadable(_)), "{live:?}: a run that serves goes on");
    }
    for useless in [None, mixed()] {
        let decision = decided(&context, CurrentLink::Foreign, useless);
        assert!(matches!(decision, Decision::Link { .. }), "what leads to no intact pair is in no way");
    }
}

#[test]
fn link_to_any_intact_pair_stops_a_start_where_adoption_is_off() {
    let mut config = config();
    config.adopt = false;
    let decided = |outside: Vec<PairFound>| {
        decide(&context(&config), &Inventory { outside, ..directory(CurrentLink::Foreign, vec![]) })
    };
    assert_eq!(decided(vec![pair(Place::Current, 9, (-3, 5))]), Decision::Blocked);
    assert!(matches!(decided(vec![]), Decision::Ready(_)));
}

#[test]
fn failing_disk_serves_a_kubelet_pair_where_there_is_no_bundle() {
    let config = config();
    let outside = vec![pair(Place::Current, 9, (-4, 4))];
    let best = |context: &Context<'_>, entries| {
        let inventory = Inventory { outside: outside.clone(), ..directory(CurrentLink::Foreign, entries) };
        best_effort(context, &inventory).0.map(|identity| (identity.generation, identity.leaf))
    };
    let (pair, own) = (LeafDigest([9; 32]), LeafDigest([2; 32]));
    assert_eq!(best(&context(&config), vec![]), Some((Generation(1), pair)));
    assert_eq!(best(&context(&config), vec![bundle(2, 1, 2, (-4, 4))]), Some((Generation(2), own)));
    assert_eq!(
        best(&Context { options: Options { can_copy: false, ..OPTIONS }, ..context(&config) }, vec![]),
        None,
        "a request is under way"
    );
}
