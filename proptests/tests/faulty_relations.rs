//! The relations M1–M5 between runs with faults in them: `relations.rs` has those between quiet ones.

use certrotate_core::time::{MonoTime, Now, WallTime};
use certrotate_model::World;
use certrotate_model::disk::{File, How};
use certrotate_model::scenario::{Scenario, Setup, live_on};
use certrotate_model::server::Bad;
use certrotate_model::simulate;
use certrotate_model::transition::{Damage, DriverFault, Jump, Transition};

/// How many scenarios each relation is shown with.
const RUNS: u64 = 3000;

const TRANSITIONS: usize = 48;

fn scenarios(wanted: fn(&Transition) -> bool) -> impl Iterator<Item = Scenario> {
    (0..RUNS).map(move |seed| {
        let mut scenario = simulate::scenario(seed, TRANSITIONS);
        scenario.transitions.retain(wanted);
        scenario
    })
}

fn begun(setup: Setup) -> World {
    setup.begin(|_, _| {})
}

#[test]
fn m1_repeated_input_changes_nothing_under_faults() {
    // A scan misreads a file once: the second answer would differ.
    for scenario in scenarios(|transition| !matches!(transition, Transition::Lie(_))) {
        let (mut once, mut twice) = (begun(scenario.setup), begun(scenario.setup));
        for (index, transition) in scenario.transitions.iter().enumerate() {
            once.happen(*transition);
            twice.happen(*transition);
            twice.happen(Transition::Repeat);
            assert_eq!(twice.violation, None, "after {} of\n{scenario}", index + 1);
            assert_eq!(once.node, twice.node, "after {} of\n{scenario}", index + 1);
        }
    }
}

/// Whether a transition says nothing of a time that is not relative to the present.
fn is_relative(transition: &Transition) -> bool {
    let far = |bad: &Bad| matches!(bad, Bad::Between(i64::MIN, _));
    match transition {
        Transition::Jump(Jump::To(_)) | Transition::Damage(Damage::FarBundle) => false,
        // A monotonic clock that goes back stops at zero.
        Transition::Driver(DriverFault::MonoBack(_)) => false,
        Transition::Bad(bad) | Transition::Issues(Some(bad)) => !far(bad),
        _ => true,
    }
}

#[test]
fn m2_shifted_times_shift_deadlines_and_nothing_else_under_faults() {
    let new_year_2030 = 1_893_456_000_000_i64;
    for (scenario, number) in scenarios(is_relative).zip(0_u64..) {
        let mut here = begun(scenario.setup);
        // By whole seconds, because certificates have no less; for each third the change of the year is in the run.
        let wall = match number % 3 {
            0 => new_year_2030 - here.now.wall.unix_ms() - 3_600_000,
            1 => -86_400_000 * 365 * 5,
            _ => 1000,
        };
        let (wall, mono) = (wall / 1000 * 1000, number * 123_457);
        let mut there = scenario.setup.begin(|spec, world| {
            world.now = later(world.now, wall, mono);
            // When the program was built is a time like any other.
            spec.built = WallTime::from_unix_ms(spec.built.unix_ms() + wall);
        });
        for (index, transition) in scenario.transitions.iter().enumerate() {
            let happened = here.happen(*transition);
            assert_eq!(there.happen(*transition), happened, "{} of\n{scenario}", index + 1);
            assert_eq!(there.violation, here.violation);
            assert_eq!(there.now, later(here.now, wall, mono), "{} of\n{scenario}", index + 1);
            let deadlines = here.node.as_ref().map(|node| {
                let wake = node.wake();
                let wall = wake.wall.map(|it| WallTime::from_unix_ms(it.unix_ms() + wall));
                (wall, wake.mono.map(|it| MonoTime::from_ms(it.ms() + mono)), node.view().phase)
            });
            let shifted = there.node.as_ref().map(|node| {
                let wake = node.wake();
                (wake.wall, wake.mono, node.view().phase)
            });
            assert_eq!(shifted, deadlines, "{} of\n{scenario}", index + 1);
            assert_eq!(there.served(), here.served());
        }
    }
}

fn later(now: Now, wall: i64, mono: u64) -> Now {
    let wall = WallTime::from_unix_ms(now.wall.unix_ms() + wall);
    Now { wall, mono: MonoTime::from_ms(now.mono.ms() + mono) }
}

/// What can be told of a world at rest, except numbers and times.
fn at_rest(world: &World) -> impl PartialEq + std::fmt::Debug + use<> {
    let view = world.node.as_ref().map(|node| node.view());
    let live = matches!(world.disk.read(certrotate_core::disk::Name::Current), Some(File::Link(_)));
    let failures =
        view.map(|view| (view.phase, view.serving, view.attempt.is_some(), view.request.is_some()));
    (failures, live, world.server.open(), world.in_flight.len(), world.is_settled())
}

#[test]
fn m3_crash_at_rest_equals_no_crash_after_faults() {
    for (scenario, number) in scenarios(|_| true).zip((0_u8..=u8::MAX).cycle()) {
        let mut whole = scenario.play().world;
        assert_eq!(whole.violation, None, "{scenario}");
        whole.settles(|_| false);
        let mut crashed = whole.clone();
        if number % 2 == 0 {
            crashed.happen(Transition::Kill(How::Well));
        } else {
            crashed.happen(Transition::PowerCut(number));
        }
        crashed.settles(|_| false);
        assert_eq!(at_rest(&crashed), at_rest(&whole), "{scenario}");
        assert_eq!(crashed.served(), whole.served(), "{scenario}");
        assert!(crashed.disk.names().eq(whole.disk.names()), "{scenario}");
        assert_eq!(crashed.server.created(), whole.server.created(), "{scenario}");
    }
}

#[test]
fn m4_faulty_run_ends_as_one_without_faults_except_for_numbers() {
    for scenario in scenarios(|_| true) {
        let faulty = scenario.play().world;
        let quiet = Scenario { transitions: Vec::new(), ..scenario.clone() }.play().world;
        assert_eq!((faulty.violation, quiet.violation), (None, None), "{scenario}");
        assert!(faulty.served() >= Some(certrotate_core::id::Generation(1)));
        let settled = |mut world: World| {
            world.settles(|_| false);
            at_rest(&world)
        };
        assert_eq!(settled(faulty), settled(quiet), "{scenario}");
    }
}

#[test]
fn m5_answer_order_does_not_change_the_settled_state_under_faults() {
    let mut orders = 0;
    for scenario in scenarios(|_| true) {
        let mut world = begun(scenario.setup);
        for transition in &scenario.transitions {
            world.happen(*transition);
            let (mut one, mut other) = (world.clone(), world.clone());
            if world.in_flight.len() < 2 || !other.happen(Transition::Answer(1)) {
                continue;
            }
            orders += 1;
            let both = [&mut one, &mut other];
            for world in both {
                world.happen(Transition::Step(1));
                live_on(world);
                world.settles(|_| false);
                assert_eq!(world.violation, None, "{scenario}");
            }
            assert_eq!(at_rest(&one), at_rest(&other), "{scenario}");
        }
    }
    assert!(orders > 100, "only {orders} times two answers were under way");
}
