//! Relations between runs (M1–M5, M7) and determinism (S15). Every step of every other test checks
//! M6: it is the specification in `model/src/spec.rs`.

use std::collections::BTreeSet;

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::id::LeafDigest;
use certrotate_core::rotator::Rotator;
use certrotate_core::time::{MonoTime, Span, WallTime};
use certrotate_core::timing::Timing;
use certrotate_model::World;
use certrotate_model::cert::leaf;
use certrotate_model::scenario::{Scenario, Setup};
use certrotate_model::simulate;
use certrotate_model::transition::Transition;

fn plain() -> Setup {
    Setup { jitter: false, settled: false, ..Setup::decode(0, 0) }
}

#[test]
fn m1_repeated_input_changes_nothing() {
    for steps in 0..60 {
        let mut transitions = vec![Transition::Step(0); steps];
        transitions.extend([Transition::Repeat, Transition::Repeat]);
        let twice = Scenario { setup: plain(), transitions }.play();
        let once = Scenario { setup: plain(), transitions: vec![Transition::Step(0); steps] }.play();
        assert_eq!(twice.world.violation, None, "after {steps} steps");
        assert_eq!(twice.world.fingerprint(), once.world.fingerprint(), "after {steps} steps");
    }
}

/// A world that begins at another time of both clocks.
fn shifted(wall: i64, mono: u64) -> World {
    let config =
        Config::new(ConfigSpec::new(Template::kubelet_client("node-1"))).expect("a valid configuration");
    let mut world = World::new(config);
    world.now.wall = WallTime::from_unix_ms(world.now.wall.unix_ms() + wall * 1000);
    world.now.mono = MonoTime::from_ms(world.now.mono.ms() + mono);
    world
}

#[test]
fn m2_shifted_times_shift_deadlines_and_nothing_else() {
    let four_years = 4 * 365 * 86_400;
    let deadlines = |mut world: World| {
        let begun = world.now;
        world.start();
        let mut seen = Vec::new();
        for _ in 0..300 {
            let wake = world.node.as_ref().map(|node| node.wake()).expect("it runs");
            seen.push((
                wake.wall.map(|wall| wall.unix_ms() - begun.wall.unix_ms()),
                wake.mono.map(|mono| mono.since(begun.mono)),
                world.now.mono.since(begun.mono),
            ));
            world.advance();
        }
        seen
    };
    let here = deadlines(shifted(0, 0));
    for (wall, mono) in [(1, 0), (86_400, 7), (four_years, 123_456_789), (-four_years, 1 << 40)] {
        assert_eq!(
            deadlines(shifted(wall, mono)),
            here,
            "{wall} s on the wall clock, {mono} ms of mono time"
        );
    }
}

#[test]
fn m3_crash_at_rest_equals_no_crash() {
    for transitions in
        [vec![Transition::PowerCut(0)], vec![Transition::Kill(certrotate_model::disk::How::Well)]]
    {
        let setup = Setup { settled: true, ..plain() };
        let crashed = Scenario { setup, transitions }.play();
        let whole = Scenario { setup, transitions: Vec::new() }.play();
        assert_eq!(crashed.world.violation, None);
        assert_eq!(crashed.world.served(), whole.world.served());
        assert!(crashed.world.disk.names().eq(whole.world.disk.names()));
    }
}

#[test]
fn m4_run_whose_faults_stop_ends_as_one_without_them() {
    let end = |transitions: Vec<Transition>| {
        let played = Scenario { setup: plain(), transitions }.play();
        assert_eq!(played.world.violation, None);
        let world = played.world;
        let view = world.node.as_ref().map(|node| node.view()).expect("it runs");
        (view.phase, view.serving, world.server.open(), view.lifetime)
    };
    let quiet = end(Vec::new());
    for seed in 0..300 {
        let faulty = simulate::scenario(seed, 40);
        let transitions = faulty
            .transitions
            .into_iter()
            .filter(|transition| !matches!(transition, Transition::Lifetime(_) | Transition::Issues(_)));
        let (phase, serving, open, _) = end(transitions.collect());
        assert_eq!((phase, serving, open), (quiet.0, quiet.1, quiet.2), "seed {seed}");
    }
}

#[test]
fn m5_answer_order_does_not_change_the_settled_state() {
    let latency = Transition::Latency(Span::from_ms(1 << 13));
    let end = |transition: Transition| {
        let mut transitions = vec![latency, Transition::Step(7), Transition::Step(5)];
        transitions.extend([transition; 6]);
        let world = Scenario { setup: plain(), transitions }.play().world;
        assert_eq!(world.violation, None);
        (world.served(), world.disk.names().collect::<Vec<_>>(), world.server.open())
    };
    assert_eq!(end(Transition::Answer(1)), end(Transition::Step(0)));
}

#[test]
fn m7_renewals_of_a_thousand_leaves_spread_and_seeds_retry_apart() {
    let times = Timing::default();
    let (start, end) = (WallTime::from_unix_secs(0), WallTime::from_unix_secs(1_000_000));
    let share = |number: u64| times.renewal_point(start, end, &leaf(number)).unix_secs() as u64;
    let points: BTreeSet<u64> = (0..1000).map(share).collect();
    assert!(points.iter().all(|point| (700_000..=900_000).contains(point)));
    // Chi-square over ten bins: 27.9 is exceeded once in a thousand.
    let mut bins = [0f64; 10];
    for number in 0..1000 {
        bins[((share(number) - 700_000) / 20_001).min(9) as usize] += 1.0;
    }
    let chi: f64 = bins.iter().map(|count| (count - 100.0).powi(2) / 100.0).sum();
    assert!(chi < 27.9, "{chi}: {bins:?}");
    let same = times.renewal_point(start, end, &LeafDigest([7; 32]));
    assert_eq!(same, times.renewal_point(start, end, &LeafDigest([7; 32])), "it is drawn by the leaf alone");
    let lifetime = Span::from_hours(1);
    let waits: BTreeSet<Span> = (0..100).map(|draw| times.retry(lifetime, 3, draw * 0x9e37_79b9)).collect();
    assert!(waits.len() > 50, "{} different waits of a hundred", waits.len());
}

#[test]
fn s15_rotator_is_small_and_steps_the_same_twice() {
    assert!(size_of::<Rotator>() < 1024, "{} bytes", size_of::<Rotator>());
    for seed in 0..200 {
        let scenario = simulate::scenario(seed, 100);
        let (one, other) = (scenario.play(), scenario.play());
        assert_eq!(one.digest, other.digest, "seed {seed}");
        assert_eq!(one.world.node, other.world.node, "seed {seed}");
    }
}
