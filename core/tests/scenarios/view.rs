//! What the machine shows, and what it wants to be woken for.

use super::*;
use certrotate_core::time::MonoTime;
use certrotate_core::view::{Gate, View, Wake, WakeReason};

pub(super) fn view(world: &World) -> View {
    *world.node.as_ref().expect("it runs").view()
}

fn wake(world: &World) -> Wake {
    world.node.as_ref().expect("it runs").wake()
}

/// At rest after a jump of the clock: 1 is live, and 2, on disk, is valid half a day later.
fn beside_one_that_starts_later() -> World {
    let jump = Span::from_hours(12);
    let mut world = running();
    world.now.wall = world.now.wall.plus(jump);
    world.give(Input::Tick);
    world.give(Input::RotateNow);
    world.run_until("the second certificate", |world| world.served() == Some(Generation(2)));
    world.now.wall = world.now.wall.minus(jump);
    world.restart();
    world.run_until("recovery", |world| world.ghost.recovered);
    assert_eq!(world.served(), Some(Generation(1)), "2 has not begun");
    world
}

#[test]
fn view_shows_the_request_from_its_pending_file_to_the_end() {
    let mut world = world();
    world.start();
    let mut shown = Vec::new();
    world.run_until("the first certificate", |world| {
        shown.push((phase(world), view(world).attempt.is_some(), view(world).request.is_some()));
        world.served().is_some()
    });
    shown.dedup();
    let asking = [Phase::Saving, Phase::Asking, Phase::Installing];
    assert!(shown.iter().any(|(phase, ..)| *phase == Phase::Asking), "{shown:?}");
    for (phase, attempt, request) in shown {
        let wanted = asking.contains(&phase);
        assert_eq!((attempt, request), (wanted, wanted), "while {phase}");
    }
    assert_eq!(view(&world).attempt, None, "it has come to its end");
}

#[test]
fn resting_wakes_for_renewal_expiry_or_the_next_attempt() {
    let world = running();
    let identity = view(&world).identity.expect("it is served");
    let at_first = wake(&world);
    let mut wanted = at_first;
    (wanted.wall, wanted.mono) = (Some(identity.renew_at), Some(identity.renew_by));
    assert_eq!(
        (at_first.reason, at_first.wall),
        (WakeReason::Renewal, Some(identity.not_after)),
        "the issuance interval"
    );
    let later = |world: &World| wake(world).mono.is_some_and(|mono| mono == identity.renew_by);
    let mut resting = world;
    resting.run_until("the issuance interval to pass", later);
    assert_eq!(wake(&resting), wanted);

    let world = without_rotation();
    let end = view(&world).identity.map(|identity| identity.not_after);
    assert_eq!((wake(&world).wall, wake(&world).mono), (end, None));

    let mut world = self::world();
    world.server.approver = Approver::Denies;
    world.start();
    world.run_until("rest", |world| phase(world) == Phase::Resting);
    assert_eq!(wake(&world).reason, WakeReason::Phase(Phase::Resting));
    assert_eq!(wake(&world).wall, None);
}

#[test]
fn wake_comes_for_any_wait_before_the_renewal() {
    let mut world = beside_one_that_starts_later();
    world.run_until("what was waited for to be no longer", |world| view(world).held.is_none());
    world.run_for(Span::from_hours(2));
    assert_eq!((phase(&world), world.served()), (Phase::Resting, Some(Generation(1))));
    let start = world.now.wall;
    let identity = view(&world).identity.expect("it is served");
    let wall = wake(&world).wall.expect("of the start of 2");
    assert!(start < wall && wall < identity.renew_at, "{start:?} {wall:?} {identity:?}");
    world.run_until("the second certificate", |world| world.served() == Some(Generation(2)));
    assert_eq!(world.now.wall, wall, "in the very moment of its start");
    assert_eq!(world.log().requests.len(), 2, "and no other request was made");
}

#[test]
fn view_shows_the_held_certificate_while_it_is_waited_for() {
    let mut world = running();
    let begin = 20_000;
    world.server.bad_next = Some(Bad::Between(begin, begin + 86_400_000));
    world.run_until("that it is held", |world| view(world).held.is_some());
    let held = view(&world).held.expect("it is held");
    world.run_until("that it is not", |world| view(world).held.is_none());
    assert_eq!((world.now.wall, world.served()), (held, Some(Generation(2))));
}

#[test]
fn view_shows_the_gate_until_it_opens() {
    let mut world = running();
    let closed = view(&world).gate.expect("the issuance interval began");
    assert_eq!(closed.gate, Gate::IssuanceInterval);
    let left = closed.until.since(world.now.mono);
    assert!(Span::ZERO < left && left <= Span::from_mins(1), "{left:?}");
    world.run_for(left.minus(Span::from_ms(1)));
    assert_eq!(view(&world).gate, Some(closed), "a millisecond is left");
    world.run_for(Span::from_ms(1));
    world.give(Input::Tick);
    assert_eq!(view(&world).gate, None);
}

#[test]
fn wall_clock_is_checked_every_minute_and_more_often_for_short_lifetimes() {
    let mut world = world();
    world.start();
    let look = |world: &World| world.node.as_ref().map(|node| node.clock_check());
    assert_eq!(look(&world), Some(Span::from_mins(1)), "before there is any");
    world.server.lifetime = Span::from_mins(15);
    world.run_until("the first certificate", |world| world.served().is_some());
    assert_eq!(look(&world), Some(Span::from_secs(15)), "a quarter of an hour");
}

#[test]
fn second_shutdown_is_ignored_and_an_idle_one_ends_at_once() {
    let mut world = world();
    world.start();
    world.give(Input::Tick);
    assert_eq!(phase(&world), Phase::Locking);
    world.give(Input::Shutdown);
    assert_eq!(world.exit, None, "the lock may be held now");
    let again = world.give(Input::Shutdown).expect("it runs");
    assert_eq!((again.disposition, again.actions.len()), (Disposition::Ignored(Why::Ended), 0));
    let other = Config::new(ConfigSpec::new(Template::kubelet_client("node-2"))).expect("it is complete");
    let other = world.give(Input::Reconfigure(other)).expect("it runs");
    assert_eq!((other.disposition, other.actions.len()), (Disposition::Ignored(Why::Ended), 0));
    world.settle();
    assert_eq!(world.exit, Some(ExitReason::Shutdown));

    for kind in [Kind::Lock, Kind::Scan] {
        let mut world = self::world();
        world.disk.faults.push(Fault { after: 0, times: 1, kind, fault: DiskFault::Io });
        world.start();
        world.run_until("the wait after the fault", |world| {
            world.in_flight.is_empty() && world.now.mono > MonoTime::from_ms(0)
        });
        let early = world.give(Input::Tick).expect("it runs");
        assert_eq!((early.disposition, early.actions.len()), (Disposition::Ignored(Why::NotDue), 0));
        world.give(Input::Shutdown);
        assert_eq!(world.exit, Some(ExitReason::Shutdown), "nothing is under way after {kind:?}");
    }
}

#[test]
fn waits_scale_with_the_requested_lifetime_until_a_first_certificate() {
    let asks = |duration| {
        let template = Template { duration: Some(duration), ..Template::kubelet_client("node-1") };
        Config::new(ConfigSpec::new(template)).expect("the template is complete")
    };
    let (hour, half) = (Span::from_hours(1), Span::from_mins(30));
    let mut world = World::new(asks(hour));
    world.start();
    assert_eq!(view(&world).lifetime, hour);
    world.give(Input::Reconfigure(asks(half)));
    assert_eq!(view(&world).lifetime, half);
    world.run_until("the first certificate", |world| world.served() == Some(Generation(1)));
    let lifetime = view(&world).lifetime;
    assert_ne!(lifetime, half, "the signer has its own mind");
    world.server.outage = Some(IssuerFault::Unavailable { retry_after: None });
    world.run_until("its end", |world| world.served().is_none());
    world.give(Input::Reconfigure(asks(hour)));
    assert_eq!(view(&world).lifetime, lifetime, "the next one will last as long as the last one");
}

#[test]
fn live_identity_is_judged_by_the_clock_of_the_reader() {
    let world = running();
    let node = world.node.as_ref().expect("it runs");
    let identity = node.view().identity.expect("it is live");
    let last = identity.not_after.minus(Span::from_ms(1));
    assert_eq!(node.live(last), Some((identity.key, identity.cert)));
    assert_eq!(node.live(identity.not_after), None, "no step was taken since");
    assert_eq!(node.live(identity.not_before.minus(Span::from_ms(1))), None);
}
