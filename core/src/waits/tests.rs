use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::config::{Config, ConfigSpec, Template};
use crate::disk::Name;
use crate::id::RunId;
use crate::input::Action;
use crate::live::Identity;
use crate::time::Now;
use crate::timing::Timing;

const NOW: WallTime = WallTime::from_unix_secs(1_767_225_600);
const HOUR: Span = Span::from_hours(1);
const MS: Span = Span::from_ms(1);

fn common() -> Common {
    Common::new(Config::new(ConfigSpec::new(Template::node_client("node-1"))).expect("it is valid"), RunId(7))
}

/// The next certificate, starting `wait` from `NOW`.
fn early(generation: u32, wait: Span) -> Early {
    Early { generation: Generation(generation), start: NOW.plus(wait), old_template: false, other: None }
}

fn late(generation: u32, ago: Span) -> Late {
    Late { generation: Generation(generation), end: NOW.minus(ago), lifetime: HOUR, other: None }
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
fn a_start_in_the_future_and_an_hour_away_at_the_most_is_waited_for() {
    let common = common();
    for (wait, held) in [(Span::ZERO, false), (MS, true), (HOUR, true), (HOUR.plus(MS), false)] {
        assert_eq!(common.is_held(NOW.plus(wait), NOW), held, "{wait}");
        assert_eq!(common.waits_for(early(2, wait), NOW), held, "{wait}");
        assert!(!common.waits_for(Early { old_template: true, ..early(2, wait) }, NOW), "{wait}");
    }
    assert!(!common.is_held(NOW.minus(MS), NOW), "what has begun is not waited for");
}

#[test]
fn a_clock_that_goes_back_does_not_make_the_wait_for_what_is_known_any_longer_and_another_start_does() {
    let mut common = common();
    let known = early(2, HOUR);
    let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.hold(Some(known)));
    let until = common.held_until;
    assert_eq!(until, MonoTime::from_ms(HOUR.plus(Span::from_mins(1)).ms()), "with a look to spare");
    let _ = at(&mut common, NOW.minus(HOUR), MS, |cx| cx.hold(Some(known)));
    assert_eq!(common.held_until, until, "too far by that clock, and decided before");
    let sooner = Early { start: NOW.plus(Span::from_mins(5)), ..known };
    let _ = at(&mut common, NOW, MS, |cx| cx.hold(Some(sooner)));
    assert_eq!(common.held_until, MonoTime::from_ms(Span::from_mins(6).plus(MS).ms()));
    let _ = at(&mut common, NOW, MS, |cx| cx.hold(Some(early(3, HOUR.plus(MS)))));
    assert_eq!(common.held_until, MonoTime::default(), "too far away");
    let _ = at(&mut common, NOW, MS, |cx| cx.hold(Some(known)));
    let _ = at(&mut common, NOW, MS, |cx| cx.hold(None));
    assert_eq!(common.held_until, MonoTime::default(), "there is none");
}

#[test]
fn the_directory_is_looked_at_when_what_is_early_starts_and_when_what_was_late_is_good_again() {
    let mut common = common();
    common.early = Some(Early { other: Some((Generation(3), NOW.plus(MS), false)), ..early(4, HOUR) });
    assert!(!common.is_to_be_looked_at(NOW));
    assert!(common.is_to_be_looked_at(NOW.plus(MS)), "the first of the two");
    common.early = None;
    common.late = Some(Late { other: Some((Generation(3), NOW, HOUR)), ..late(4, HOUR) });
    assert!(!common.is_to_be_looked_at(NOW), "both are over");
    assert!(common.is_to_be_looked_at(NOW.minus(MS)), "the last of the two is good");
    common.live = Live::Withdrawn(Generation(4));
    assert!(!common.is_to_be_looked_at(NOW.minus(MS)), "what is over goes live no more");
    common.live = Live::Withdrawn(Generation(3));
    assert!(common.is_to_be_looked_at(NOW.minus(MS)));
}

#[test]
fn what_is_older_than_what_is_served_is_waited_for_no_longer() {
    let mut common = common();
    let other = |generation| Some((Generation(generation), NOW.plus(HOUR), false));
    common.early = Some(Early { other: other(2), ..early(3, HOUR) });
    common.late = Some(Late { other: Some((Generation(2), NOW, HOUR)), ..late(3, HOUR) });
    common.held_until = MonoTime::from_ms(9);
    common.doubted_until = MonoTime::from_ms(9);
    let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.outdated_by(Generation(2)));
    assert_eq!(common.early, Some(early(3, HOUR)), "3 is newer, and 2 is not");
    assert_eq!(common.late, Some(late(3, HOUR)));
    assert_eq!((common.held_until, common.doubted_until), (MonoTime::from_ms(9), MonoTime::default()));
    let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.outdated_by(Generation(3)));
    assert_eq!((common.early, common.late), (None, None));
    assert_eq!(common.held_until, MonoTime::default());
}

#[test]
fn a_clock_before_the_time_of_the_build_is_said_to_be_implausible_once() {
    let mut spec = ConfigSpec::new(Template::node_client("node-1"));
    spec.built = NOW;
    let mut common = Common::new(Config::new(spec).expect("it is valid"), RunId(7));
    for (wall, implausible, events) in
        [(NOW, false, 0), (NOW.minus(MS), true, 1), (NOW.minus(MS), true, 0), (NOW, false, 0)]
    {
        let ((), actions) = at(&mut common, wall, Span::ZERO, |cx| cx.judge_clock());
        assert_eq!((common.implausible, actions.len()), (implausible, events), "at {wall}");
    }
}

#[test]
fn a_wait_that_is_over_counts_for_nothing_from_its_very_millisecond_on() {
    let mut common = common();
    let all = |common: &mut Common, time| {
        (common.held_until, common.doubted_until, common.floor, common.changes) = (time, time, time, time);
    };
    let end = MonoTime::from_ms(5);
    all(&mut common, end);
    let _ = at(&mut common, NOW, Span::from_ms(4), |cx| cx.judge_clock());
    assert_eq!((common.held_until, common.doubted_until, common.floor, common.changes), (end, end, end, end));
    let _ = at(&mut common, NOW, Span::from_ms(5), |cx| cx.judge_clock());
    let zero = MonoTime::default();
    assert_eq!(
        (common.held_until, common.doubted_until, common.floor, common.changes),
        (zero, zero, zero, zero)
    );
}

#[test]
fn what_is_held_for_more_than_an_hour_is_not_relied_on_and_what_has_begun_is() {
    let identity = |start: WallTime| {
        let certificate = crate::live::Certificate {
            cert: crate::id::CertHandle(1),
            leaf: crate::id::LeafDigest([1; 32]),
            not_before: start,
            not_after: start.plus(HOUR.plus(HOUR)),
            issued: start,
            old_template: false,
        };
        let place = (Name::Current, Generation(1), crate::id::KeyHandle(1));
        let now = Now { wall: NOW, mono: MonoTime::default() };
        Identity::new(&Timing::default(), now, place, &certificate)
    };
    for (start, astray) in
        [(NOW.minus(MS), false), (NOW, false), (NOW.plus(HOUR), false), (NOW.plus(HOUR).plus(MS), true)]
    {
        let mut common = common();
        common.live = Live::Held(identity(start));
        let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.judge_clock());
        assert_eq!(common.astray, astray, "held, from {start}");
        (common.live, common.unsaved) = (Live::None, Some(identity(start)));
        let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.judge_clock());
        assert_eq!(common.astray, astray, "in memory, from {start}");
    }
    let mut common = common();
    common.live = Live::Serving(identity(NOW.plus(HOUR).plus(MS)));
    let _ = at(&mut common, NOW, Span::ZERO, |cx| cx.judge_clock());
    assert!(!common.astray, "what is served is not waited for");
}
