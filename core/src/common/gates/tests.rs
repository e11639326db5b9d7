use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::config::{Config, ConfigSpec, Template};
use crate::disk::Name;
use crate::id::RunId;
use crate::input::Action;
use crate::serving::{Identity, Judged, Live, Source, Standing};
use crate::time::Now;
use crate::timing::Timing;

const NOW: WallTime = WallTime::from_unix_secs(1_767_225_600);
const HOUR: Span = Span::from_hours(1);
const MS: Span = Span::from_ms(1);

fn common() -> Common {
    Common::new(
        Config::new(ConfigSpec::new(Template::kubelet_client("node-1"))).expect("it is valid"),
        RunId(7),
    )
}

/// The next certificate, valid `wait` after `NOW`.
fn not_yet_valid(generation: u32, wait: Span) -> NotYetValid {
    let not_before = NOW.plus(wait);
    let first_not_before = not_before;
    NotYetValid { generation: Generation(generation), not_before, old_template: false, first_not_before }
}

fn expired(generation: u32, ago: Span) -> Expired {
    Expired { generation: Generation(generation), lifetime: HOUR, last_not_after: NOW.minus(ago) }
}

/// How long the next attempt waits for a held bundle.
fn held(common: &Common) -> MonoTime {
    common.gates.hold.map_or(MonoTime::default(), |hold| hold.until)
}

/// Carries something out at a time of both clocks.
fn at<T>(
    common: &mut Common,
    wall: WallTime,
    mono: Span,
    what: impl FnOnce(&mut Cx<'_>) -> T,
) -> (T, Vec<Action>) {
    let mut actions = vec![];
    let now = Now { wall, mono: MonoTime::from_ms(mono.ms()) };
    let done = what(&mut Cx { common, now, actions: &mut actions });
    (done, actions)
}

#[test]
fn not_before_within_an_hour_is_held_and_beyond_is_not() {
    let common = common();
    for (wait, held) in [(Span::ZERO, false), (MS, true), (HOUR, true), (HOUR.plus(MS), false)] {
        assert_eq!(common.can_hold(NOW.plus(wait), NOW), held, "{wait}");
        assert_eq!(common.waits_for(not_yet_valid(2, wait), NOW), held, "{wait}");
        let old = NotYetValid { old_template: true, ..not_yet_valid(2, wait) };
        assert!(!common.waits_for(old, NOW), "{wait}");
    }
    assert!(!common.can_hold(NOW.minus(MS), NOW), "a certificate that is valid is not held");
}

#[test]
fn hold_of_a_known_bundle_is_not_extended_by_a_clock_that_goes_back() {
    let mut common = common();
    let known = not_yet_valid(2, HOUR);
    let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.hold(Some(known)));
    let until = held(&common);
    assert_eq!(until, MonoTime::from_ms(HOUR.plus(Span::from_mins(1)).ms()), "one clock check more");
    let _ = at(&mut common, NOW.minus(HOUR), MS, |cx| cx.hold(Some(known)));
    assert_eq!(held(&common), until, "too far by that clock, and decided before");
    let sooner = NotYetValid { not_before: NOW.plus(Span::from_mins(5)), ..known };
    let _ = at(&mut common, NOW, MS, |cx| cx.hold(Some(sooner)));
    assert_eq!(held(&common), MonoTime::from_ms(Span::from_mins(6).plus(MS).ms()));
    let _ = at(&mut common, NOW, MS, |cx| cx.hold(Some(not_yet_valid(3, HOUR.plus(MS)))));
    assert_eq!(held(&common), MonoTime::default(), "too far away");
    let _ = at(&mut common, NOW, MS, |cx| cx.hold(Some(known)));
    let _ = at(&mut common, NOW, MS, |cx| cx.hold(None));
    assert_eq!((held(&common), common.gates.hold), (MonoTime::default(), None), "there is none");
}

#[test]
fn clock_that_leaves_the_scan_validity_needs_a_rescan() {
    let mut common = common();
    let two = NotYetValid { first_not_before: NOW.plus(MS), ..not_yet_valid(4, HOUR) };
    let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.hold(Some(two)));
    assert!(!common.needs_rescan(NOW));
    assert!(common.needs_rescan(NOW.plus(MS)), "the first of the two is valid");
    let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.hold(None));
    assert!(!common.needs_rescan(NOW.plus(MS)));
    let mut recorded = |live, bundle| {
        common.serving.durable = live;
        let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.record_expired(Some(bundle)));
        (common.needs_rescan(NOW), common.needs_rescan(NOW.minus(MS)))
    };
    let two = Expired { last_not_after: NOW, ..expired(4, HOUR) };
    assert_eq!(recorded(Live::None, two), (false, true), "the last of the two is valid again");
    assert_eq!(recorded(Live::Withdrawn(Generation(4)), two), (false, false), "never live again");
    assert_eq!(recorded(Live::Withdrawn(Generation(3)), two), (false, true));
}

#[test]
fn bundle_no_newer_than_the_live_identity_is_not_waited_for() {
    let mut common = common();
    let all = |common: &Common| {
        (common.gates.hold.is_some(), common.scan_validity.ends_at().is_some(), common.gates.clock_suspect)
    };
    let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.hold(Some(not_yet_valid(3, HOUR))));
    let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.record_expired(Some(expired(3, HOUR))));
    common.gates.clock_suspect = MonoTime::from_ms(9);
    assert_eq!(all(&common), (true, true, MonoTime::from_ms(9)));
    let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.supersede(Generation(2)));
    assert_eq!(all(&common), (true, true, MonoTime::default()), "3 is newer, and the clock is right enough");
    let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.supersede(Generation(3)));
    assert_eq!(all(&common), (false, false, MonoTime::default()));
    assert_eq!(common.scan_validity, ScanValidity::default());
}

#[test]
fn last_gate_is_the_one_that_opens_last_with_its_reason() {
    let mut common = common();
    let backoff = MonoTime::from_ms(2);
    let last = |common: &Common, backoff| {
        let ClosedGate { gate, until } = common.last_gate(backoff);
        (gate, until.ms())
    };
    assert_eq!(last(&common, Some(backoff)), (Gate::Backoff, 2));
    assert_eq!(common.last_gate(None).until, MonoTime::default(), "an operator's request has no backoff");
    common.gates.template_change = MonoTime::from_ms(3);
    assert_eq!(last(&common, Some(backoff)), (Gate::Backoff, 2), "the template did not change since");
    common.gates.is_template_changed = true;
    assert_eq!(last(&common, Some(backoff)), (Gate::TemplateChange, 3));
    common.gates.issuance = MonoTime::from_ms(4);
    assert_eq!(last(&common, None), (Gate::IssuanceInterval, 4));
    common.gates.clock_suspect = MonoTime::from_ms(5);
    assert_eq!(last(&common, None), (Gate::ClockSuspect, 5));
    common.gates.is_clock_invalid = true;
    assert_eq!(last(&common, None), (Gate::ClockInvalid, 60_000), "until the next clock check");
    let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.hold(Some(not_yet_valid(2, HOUR))));
    assert_eq!(last(&common, Some(backoff)), (Gate::Hold, 3_660_000));
}

#[test]
fn clock_before_the_build_time_is_reported_once() {
    let mut spec = ConfigSpec::new(Template::kubelet_client("node-1"));
    spec.built = NOW;
    let mut common = Common::new(Config::new(spec).expect("it is valid"), RunId(7));
    for (wall, invalid, events) in
        [(NOW, false, 0), (NOW.minus(MS), true, 1), (NOW.minus(MS), true, 0), (NOW, false, 0)]
    {
        let ((), actions) = at(&mut common, wall, Span::ZERO, |cx| cx.check_clock());
        assert_eq!((common.gates.is_clock_invalid, actions.len()), (invalid, events), "at {wall}");
    }
}

#[test]
fn gate_is_reset_from_the_millisecond_on_in_which_it_opens() {
    let mut common = common();
    let end = MonoTime::from_ms(5);
    let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.hold(Some(not_yet_valid(2, HOUR))));
    let hold = common.gates.hold.map(|hold| Hold { until: end, ..hold });
    let gates = Gates { issuance: end, template_change: end, clock_suspect: end, hold, ..common.gates };
    common.gates = gates;
    let _ = at(&mut common, NOW, Span::from_ms(4), |cx| cx.reset_open_gates());
    assert_eq!(common.gates, gates);
    let _ = at(&mut common, NOW, Span::from_ms(5), |cx| cx.reset_open_gates());
    let zero = MonoTime::default();
    let gates = common.gates;
    assert_eq!((gates.issuance, gates.template_change, gates.clock_suspect), (zero, zero, zero));
    assert_eq!((held(&common), gates.hold.is_some()), (zero, true), "the bundle is remembered");
}

#[test]
fn identity_beyond_the_hold_cap_is_far_from_valid_in_either_place() {
    let identity = |not_before: WallTime| {
        let certificate = crate::serving::Certificate {
            cert: crate::id::CertHandle(1),
            leaf: crate::id::LeafDigest([1; 32]),
            not_before,
            not_after: not_before.plus(HOUR.plus(HOUR)),
            issued: not_before,
            old_template: false,
        };
        let place = (Name::Current, Generation(1), crate::id::KeyHandle(1));
        let now = Now { wall: NOW, mono: MonoTime::default() };
        Identity::new(&Timing::default(), now, place, &certificate)
    };
    for (not_before, standing) in [
        (NOW.minus(MS), Standing::Presented),
        (NOW, Standing::Presented),
        (NOW.plus(MS), Standing::NotYetValid),
        (NOW.plus(HOUR), Standing::NotYetValid),
        (NOW.plus(HOUR).plus(MS), Standing::FarFromValid),
    ] {
        let mut common = common();
        for before in [Standing::NotYetValid, Standing::Presented] {
            let judged = Judged { identity: identity(not_before), standing: before };
            common.serving.durable = Live::Identity(judged);
            let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.judge(Source::Durable));
            assert_eq!(common.serving.durable.judged().map(|it| it.standing), Some(standing), "{not_before}");
            (common.serving.durable, common.serving.in_memory) = (Live::None, Some(Box::new(judged)));
            let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.judge(Source::InMemory));
            let in_memory = common.serving.in_memory.take();
            assert_eq!(in_memory.map(|it| it.standing), Some(standing), "in memory, from {not_before}");
        }
    }
}
