use alloc::boxed::Box;
use alloc::vec;

use super::*;
use crate::config::{ConfigSpec, Template};
use crate::id::{CertHandle, FileNumber, KeyHandle, LeafDigest};

const START: WallTime = WallTime::from_unix_secs(1_767_225_600);

fn common(seed: u64, run: u64) -> Common {
    let mut spec = ConfigSpec::new(Template::kubelet_client("node-1"));
    spec.seed = seed;
    Common::new(Config::new(spec).expect("it is valid"), RunId(run))
}

fn at(wall: WallTime) -> Now {
    Now { wall, mono: MonoTime::from_ms(0) }
}

/// An identity from `START` on.
fn identity(generation: u32, days: u64) -> Identity {
    let name = Name::Bundle { issued: START, generation: Generation(generation), file: FileNumber(1) };
    let number = generation as u8;
    let certificate = crate::serving::Certificate {
        cert: CertHandle(generation.into()),
        leaf: LeafDigest([number; 32]),
        not_before: START,
        not_after: START.plus(Span::from_hours(24 * days)),
        issued: START,
        old_template: false,
    };
    let place = (name, Generation(generation), KeyHandle(generation.into()));
    Identity::new(&Timing::default(), at(START), place, &certificate)
}

/// An identity in memory that TLS presents.
fn in_memory(identity: Identity) -> Option<Box<Judged>> {
    Some(Box::new(Judged { identity, standing: Standing::Presented }))
}

/// The actions when `identity` goes live.
fn gone_live(common: &mut Common, wall: WallTime, identity: Identity) -> Vec<Action> {
    let mut actions = vec![];
    Cx { common, now: at(wall), actions: &mut actions }.go_live(identity);
    actions
}

/// Whether it is reported that something is live now, and whether as shorter than what it replaces.
fn reported(actions: &[Action]) -> Option<bool> {
    actions.iter().find_map(|action| match action {
        Action::Report(Event::Live { shorter, .. }) => Some(*shorter),
        _ => None,
    })
}

#[test]
fn the_mixer_gives_the_numbers_of_mixed() {
    // The first three outputs of Vigna's mixed.c for seed 0.
    let step = 0x9e37_79b9_7f4a_7c15_u64;
    let outputs = [1, 2, 3].map(|count: u64| mixed(step.wrapping_mul(count)));
    assert_eq!(outputs, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
}

#[test]
fn two_nodes_two_runs_and_two_draws_get_different_numbers() {
    let mut drawn = vec![];
    for seed in [0, 1, u64::MAX] {
        for run in [1, 2, u64::MAX] {
            let mut common = common(seed, run);
            let mut actions = vec![];
            let mut cx = Cx { common: &mut common, now: at(START), actions: &mut actions };
            drawn.extend([cx.draw(), cx.draw()]);
        }
    }
    let count = drawn.len();
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), count, "{drawn:?}");
}

#[test]
fn certificate_that_expires_before_its_predecessor_is_reported_as_shorter() {
    for (days, shorter) in [(9, true), (10, false), (11, false)] {
        let mut common = common(1, 7);
        assert_eq!(reported(&gone_live(&mut common, START, identity(1, 10))), Some(false));
        assert_eq!(reported(&gone_live(&mut common, START, identity(2, days))), Some(shorter), "{days} days");
    }
}

#[test]
fn held_or_hidden_identity_is_not_reported_as_live() {
    let mut held = common(1, 7);
    assert_eq!(reported(&gone_live(&mut held, START.minus(Span::from_ms(1)), identity(1, 10))), None);
    let mut behind = common(1, 7);
    behind.serving.in_memory = in_memory(identity(3, 10));
    assert_eq!(reported(&gone_live(&mut behind, START, identity(2, 10))), None);
}

#[test]
fn durable_identity_is_presented_from_not_before_until_not_after() {
    let (first, end) = (START, identity(1, 10).not_after);
    let last = end.minus(Span::from_ms(1));
    for (wall, live) in [(first.minus(Span::from_ms(1)), false), (first, true), (last, true), (end, false)] {
        let mut common = common(1, 7);
        let _ = gone_live(&mut common, wall, identity(1, 10));
        let (now, mut actions) = (at(wall), vec![]);
        Cx { common: &mut common, now, actions: &mut actions }.judge(Source::Durable);
        assert_eq!(common.serving.durable.presented().is_some(), live, "at {wall:?}");
        assert!(actions.is_empty(), "nothing changes twice: {actions:?}");
        assert_eq!(identity(1, 10).is_valid(wall), live, "at {wall:?}");
    }
}

#[test]
fn in_memory_identity_is_presented_from_not_before_until_not_after() {
    let (first, end) = (START, identity(1, 10).not_after);
    let (before, last) = (first.minus(Span::from_ms(1)), end.minus(Span::from_ms(1)));
    let mut common = common(1, 7);
    common.serving.in_memory = in_memory(identity(1, 10));
    let mut judged = |wall| {
        let mut actions = vec![];
        Cx { common: &mut common, now: at(wall), actions: &mut actions }.judge(Source::InMemory);
        let kept = common.serving.in_memory.is_some();
        let kinds = actions.iter().map(|action| match action {
            Action::Withdraw { .. } => "withdraw",
            Action::GoLive { .. } => "go live",
            Action::Report(_) => "report",
            _ => "other",
        });
        (kept, kinds.collect::<Vec<_>>())
    };
    assert_eq!(judged(first), (true, vec![]));
    assert_eq!(judged(before), (true, vec!["withdraw", "report"]));
    assert_eq!(judged(before), (true, vec![]), "once");
    assert_eq!(judged(first), (true, vec!["go live"]));
    assert_eq!(judged(last), (true, vec![]));
    assert_eq!(judged(end), (false, vec!["withdraw", "report"]));
    assert_eq!(common.serving.durable, Live::Withdrawn(Generation(1)));
}

#[test]
fn durable_identity_behind_an_in_memory_one_comes_and_goes_without_an_action() {
    let mut common = common(1, 7);
    let _ = gone_live(&mut common, START, identity(1, 10));
    common.serving.in_memory = in_memory(identity(2, 20));
    let mut judged = |wall| {
        let mut actions = vec![];
        Cx { common: &mut common, now: at(wall), actions: &mut actions }.judge(Source::Durable);
        (common.serving.durable.presented().is_some(), actions)
    };
    assert_eq!(
        judged(START.minus(Span::from_ms(1))),
        (false, vec![]),
        "the clock went back before its notBefore"
    );
    assert_eq!(judged(START), (true, vec![]), "and forward again");
    let end = identity(1, 10).not_after;
    let expired = Action::Report(Event::Expired { generation: Generation(1), not_after: end });
    assert_eq!(judged(end), (false, vec![expired]));
}
