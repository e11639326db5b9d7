//! Clocks.

use super::*;
use certrotate_core::input::{Action, Disposition, Input, Why};
use certrotate_core::time::{MonoTime, Now, WallTime};

#[test]
fn f22_a_wall_clock_that_jumps_twelve_hours_while_mono_time_stands_is_followed_within_one_tick() {
    let mut world = running();
    world.run_for(Span::from_hours(10));
    assert_eq!(phase(&world), Phase::Resting);
    world.now.wall = world.now.wall.plus(Span::from_hours(12));
    let node = world.node.clone().expect("it runs");
    assert!(node.clock_look() <= Span::from_mins(1), "the driver looks at the clock this often");
    let step = world.give(Input::Tick).expect("it runs");
    assert!(step.actions.iter().any(|action| matches!(action, Action::MakeKey { .. })), "{:?}", step.actions);
}

#[test]
fn f23_no_deadline_remembers_how_the_clocks_stood_to_each_other() {
    let mut world = running();
    world.run_for(Span::from_mins(2));
    let node = world.node.clone().expect("it runs");
    let planned = node.wake();
    let renew_at = node.view().identity.expect("it is served").renew_at;
    assert_eq!(planned.wall, Some(renew_at));
    for ahead in [-1, 1, 3_600_000, 15 * 3_600_000] {
        let mut node = node.clone();
        // Suspended: the wall clock went on, and the mono clock did so or not.
        for mono in [0, 1, 60_000] {
            let wall = WallTime::from_unix_ms(world.now.wall.unix_ms() + ahead);
            let now = Now { wall, mono: world.now.mono.plus(Span::from_ms(mono)) };
            assert_eq!(node.step(now, Input::Tick).disposition, Disposition::Ignored(Why::NotDue));
            assert_eq!(node.wake(), planned, "{ahead} ms: neither deadline moves with the other clock");
        }
        let now = Now { wall: renew_at, mono: world.now.mono.plus(Span::from_ms(60_000)) };
        assert_eq!(node.step(now, Input::Tick).disposition, Disposition::Applied, "due by the wall clock");
    }
}

#[test]
fn f25_a_renewal_is_due_in_its_very_millisecond_and_neither_before_nor_never() {
    for ms in 0..1000 {
        let mut world = world();
        world.now.wall = world.now.wall.plus(Span::from_ms(ms));
        world.server.lifetime = Span::from_ms(86_400_000 + ms * 7);
        world.start();
        serves(&mut world, 1);
        world.run_for(Span::from_mins(2));
        let node = world.node.clone().expect("it runs");
        let renew_at = node.view().identity.expect("it is served").renew_at;
        let at =
            |wall: i64| Now { wall: WallTime::from_unix_ms(renew_at.unix_ms() + wall), mono: node.mono() };
        let early = node.clone().step(at(-1), Input::Tick);
        assert_eq!(early.disposition, Disposition::Ignored(Why::NotDue), "{ms}: a millisecond before");
        let due = node.clone().step(at(0), Input::Tick);
        assert_eq!(due.disposition, Disposition::Applied, "{ms}: at {renew_at}");
        let renew_by = node.view().identity.expect("it is served").renew_by;
        let by = |mono: u64| Now { wall: world.now.wall, mono: MonoTime::from_ms(mono) };
        let early = node.clone().step(by(renew_by.ms() - 1), Input::Tick);
        assert_eq!(early.disposition, Disposition::Ignored(Why::NotDue), "{ms}: by mono time");
        assert_eq!(node.clone().step(by(renew_by.ms()), Input::Tick).disposition, Disposition::Applied);
    }
}
