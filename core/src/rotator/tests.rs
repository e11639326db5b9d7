use core::hash::Hash;

use super::*;
use crate::config::{ConfigSpec, Template};
use crate::event::Event;
use crate::input::{Input, Why};

fn rotator() -> Rotator {
    let config = Config::new(ConfigSpec::new(Template::kubelet_client("node-1"))).expect("it is valid");
    Rotator::new(config, RunId(7))
}

#[test]
fn rotator_is_a_plain_value_of_at_most_704_bytes() {
    fn plain<T: Send + Sync + Clone + Eq + Hash + core::fmt::Debug>() {}
    plain::<Rotator>();
    // The explorer keeps millions of states in memory and copies one for every transition: their size is its bound.
    // Eight of the bytes are the time by which the monotonic clock went back: without them it would suspend a run.
    let (all, common, renewal) = (size_of::<Rotator>(), size_of::<Common>(), size_of::<Renewal>());
    assert!(all <= 704, "{all} bytes: {common} of shared state, {renewal} of a phase");
}

#[test]
fn state_digest_is_the_same_in_every_build_and_on_every_platform() {
    let mut rotator = rotator();
    let new = rotator.digest();
    let _ = rotator
        .step(Now { wall: WallTime::from_unix_secs(1_767_225_600), mono: MonoTime::from_ms(1) }, Input::Tick);
    insta::assert_snapshot!(alloc::format!("{new:016x} {:016x}", rotator.digest()));
}

#[test]
fn monotonic_clock_that_goes_back_is_continued_and_reported_once() {
    let mut rotator = rotator();
    let at = |ms| Now { wall: WallTime::default(), mono: MonoTime::from_ms(ms) };
    let _ = rotator.step(at(100_000), Input::Tick);
    let due = rotator.wake().mono.expect("the lock has a deadline");
    let step = rotator.step(at(40_000), Input::Tick);
    let by = Span::from_secs(60);
    assert_eq!(step.actions, [Action::Report(Event::MonotonicClockRegressed { by })]);
    assert_eq!(rotator.mono(), MonoTime::from_ms(40_000), "the driver's clock");
    let moved = rotator.wake().mono.expect("the deadline stays");
    assert_eq!(moved.plus(by), due, "as far away as before, on the driver's clock");
    assert_eq!(rotator.step(at(39_999), Input::Tick).actions, [], "reported once");
    let step = rotator.step(at(moved.ms()), Input::Tick);
    assert_eq!(step.disposition, Disposition::Applied, "the operation is overdue");
}

fn edited(rotator: &Rotator, change: impl FnOnce(&mut ConfigSpec)) -> Input {
    let mut spec = rotator.config().spec().clone();
    change(&mut spec);
    Input::Reconfigure(Config::new(spec).expect("it is valid"))
}

#[test]
fn unchanged_configuration_or_a_first_client_ca_is_ignored() {
    let mut rotator = rotator();
    let now = Now { wall: WallTime::default(), mono: MonoTime::from_ms(5) };
    let _ = rotator.step(now, Input::Tick);
    let before = rotator.clone();
    let same = edited(&rotator, |_| {});
    let checked = edited(&rotator, |spec| spec.chain_required = true);
    for (input, why) in [(same, Why::Unchanged), (checked, Why::NeedsRestart)] {
        let step = rotator.step(now, input);
        assert_eq!(step.disposition, Disposition::Ignored(why));
        assert_eq!((step.actions.len(), &rotator), (0, &before));
    }
    let seed = edited(&rotator, |spec| spec.seed = 9);
    assert_eq!(rotator.step(now, seed).disposition, Disposition::Applied);
    assert_eq!(rotator.config().spec().seed, 9);
}

#[test]
fn sleep_is_the_shortest_of_both_clocks_and_the_clock_check() {
    let built = WallTime::from_unix_secs(1_767_225_600);
    let spec = ConfigSpec { built, ..ConfigSpec::new(Template::kubelet_client("node-1")) };
    let mut rotator = Rotator::new(Config::new(spec).expect("it is valid"), RunId(7));
    let at = |wall: WallTime, ms| Now { wall, mono: MonoTime::from_ms(ms) };
    assert_eq!(rotator.sleep(at(built, 5_000)), Some(Duration::ZERO), "the first tick is due");

    let _ = rotator.step(at(built, 9_000_000), Input::Tick);
    let (check, deadline) = (rotator.clock_check(), rotator.wake().mono.expect("the lock has a deadline"));
    // No step is this long before its deadline: it stands for a wait of hours.
    assert_eq!(rotator.sleep(at(built, 0)), Some(Duration::from_millis(check.ms())));
    assert_eq!(rotator.sleep(at(built, deadline.ms() - 7)), Some(Duration::from_millis(7)));
    assert_eq!(rotator.sleep(at(built, deadline.ms())), Some(Duration::ZERO));
    assert_eq!(rotator.sleep(at(built, deadline.ms() + 1)), Some(Duration::ZERO), "late is due");

    // The wall clock was set to before the build time: it matters when it shows the build time again.
    let _ = rotator.step(at(built.minus(Span::from_secs(9)), 9_000_001), Input::Tick);
    assert_eq!(rotator.wake().wall, Some(built));
    assert_eq!(rotator.sleep(at(built.minus(Span::from_ms(3)), 9_000_002)), Some(Duration::from_millis(3)));
    assert_eq!(rotator.sleep(at(built, 9_000_002)), Some(Duration::ZERO));
}

#[test]
fn sleep_of_an_ended_run_is_none() {
    let mut rotator = rotator();
    let now = Now { wall: WallTime::from_unix_secs(1_767_225_600), mono: MonoTime::from_ms(1) };
    let step = rotator.step(now, Input::Shutdown);
    assert!(matches!(step.actions[..], [.., Action::Exit(_)]), "{step:?}");
    assert_eq!(rotator.sleep(now), None);
}

#[test]
fn machine_and_its_inputs_and_steps_may_cross_threads() {
    const fn crosses<T: Send + Sync + Unpin>() {}
    crosses::<Rotator>();
    crosses::<Step>();
    crosses::<Input>();
    crosses::<Config>();
}
