//! Requests that wait.

use super::*;
use certrotate_core::issuer::Call;
use certrotate_model::server::Approver;

#[test]
fn f35_thirty_days_approved_but_not_issued_make_a_few_objects() {
    let mut world = world();
    world.server.approver = Approver::NoSigner;
    world.start();
    world.run_for(Span::from_hours(30 * 24));
    let made = world.log().requests.len();
    assert!((2..=7).contains(&made), "{made} objects; the interval between two grows");
    world.server.approver = Approver::Auto;
    serves_any(&mut world);
}

#[test]
fn f36_thirty_days_pending_are_one_request() {
    let mut world = world();
    world.server.approver = Approver::Absent;
    world.start();
    world.run_for(Span::from_hours(30 * 24));
    assert_eq!(world.log().requests.len(), 1);
    assert_eq!(world.server.objects.len(), 1);
    assert!(world.server.created() <= 31, "the cleaner removes it after a day, and it is made again");
    world.server.approver = Approver::Auto;
    serves(&mut world, 1);
}

#[test]
fn f42_pending_request_is_polled_every_two_minutes_and_stays_the_same() {
    let mut world = world();
    world.server.approver = Approver::Absent;
    world.start();
    world.run_for(Span::from_hours(20));
    let looks: Vec<_> =
        world.log().calls.iter().filter(|(_, call, _)| !matches!(call, Call::Watch { .. })).collect();
    for pair in looks.windows(2) {
        assert!(pair[1].0.mono.since(pair[0].0.mono) <= Span::from_mins(2), "{pair:?}");
    }
    assert_eq!(world.server.created(), 1);
    // The watch reports the decision before the next poll.
    let before = world.now.mono;
    world.server.approver = Approver::Auto;
    world.settle();
    assert_eq!((world.served(), world.now.mono), (Some(Generation(1)), before));
}

#[test]
fn f43_an_issuer_ten_times_slower_than_our_deadline_is_waited_for() {
    let deadline = Span::from_secs(30);
    let longest_backoff = Span::from_mins(15);
    for latency in [deadline.scaled(10, 1), longest_backoff.scaled(10, 1), Span::from_hours(23)] {
        let mut world = world();
        world.server.latency = latency;
        world.start();
        serves(&mut world, 1);
        assert_eq!(world.server.created(), 1, "{latency}: the same object all along");
        let late = world.now.mono.since(world.log().calls[0].0.mono);
        assert!(late <= latency.plus(Span::from_mins(3)), "{latency}: served after {late}");
    }
}

#[test]
fn f47_watches_that_are_closed_or_forbidden_are_done_without() {
    let breaks: [fn(&mut World); 2] =
        [|world| world.server.watch_ends = true, |world| world.server.no_watch = true];
    for (number, change) in breaks.into_iter().enumerate() {
        let mut world = world();
        change(&mut world);
        world.server.latency = Span::from_hours(1);
        world.start();
        serves(&mut world, 1);
        let late = world.now.mono.since(world.log().calls[0].0.mono);
        assert!(late <= Span::from_mins(63), "break {number}: {late}");
        assert_eq!(world.server.created(), 1);
        let calls = world.log().calls.len();
        assert!(calls <= 80, "break {number}: {calls} calls in an hour");
    }
}

#[test]
fn f49_request_removed_by_the_server_is_created_again_as_the_same_one() {
    let mut world = world();
    world.server.approver = Approver::Absent;
    world.start();
    world.run_for(Span::from_hours(23));
    assert_eq!((world.server.created(), world.log().requests.len()), (1, 1), "it waits");
    world.run_until("the cleaner", |world| world.server.created() == 2);
    assert_eq!(world.log().requests.len(), 1, "the same key and the same name");
    world.server.approver = Approver::Auto;
    serves(&mut world, 1);
}

/// Kills the process every few minutes for so many hours.
fn killed_every(world: &mut World, minutes: u64, hours: u64) {
    for _ in 0..hours * 60 / minutes {
        world.restart();
        world.run_for(Span::from_mins(minutes));
    }
}

/// A node with so many denied requests in a row.
fn denied(times: usize) -> World {
    let mut world = world();
    world.server.approver = Approver::Denies;
    world.start();
    world.run_until("the denials", |world| {
        let denials = |event: &Event| matches!(event, Event::RequestDenied { .. });
        world.log().events.iter().filter(|(_, event)| denials(event)).count() == times
    });
    world
}

#[test]
fn f101_process_that_is_killed_repeatedly_gets_to_the_end_of_its_waits() {
    for (minutes, times) in [(1, 1), (1, 12), (9, 6), (11, 1), (11, 12), (29, 8)] {
        let mut world = denied(times);
        let (calls, requests) = (world.log().calls.len(), world.log().requests.len());
        killed_every(&mut world, minutes, 24);
        let requested = world.log().requests.len() - requests;
        assert!(world.log().calls.len() > calls + 4, "{minutes}, {times}: it calls");
        // The longest wait is five hours, and no wait is shorter than ten minutes.
        assert!((4..=9).contains(&requested), "{minutes} min, {times} denials: {requested} requests");
        world.server.approver = Approver::Auto;
        killed_every(&mut world, minutes, 6);
        assert!(world.served().is_some(), "{minutes}, {times}");
    }
}

#[test]
fn f101_clock_that_was_set_neither_ends_nor_extends_the_wait_of_a_restart() {
    for jump in [-24 * 365, -2, 2, 24 * 365_i64] {
        let mut world = denied(6);
        let span = Span::from_hours(jump.unsigned_abs());
        world.kill();
        world.now.wall = if jump < 0 { world.now.wall.minus(span) } else { world.now.wall.plus(span) };
        let requests = world.log().requests.len();
        world.start();
        world.run_for(Span::from_ms(1000));
        assert_eq!(world.log().requests.len(), requests, "{jump} h: not at once");
        killed_every(&mut world, 11, 24);
        let requested = world.log().requests.len() - requests;
        assert!((4..=9).contains(&requested), "{jump} h: {requested} requests");
    }
}

#[test]
fn f101_kills_do_not_keep_an_approved_request_for_more_than_a_day() {
    let mut world = world();
    world.server.approver = Approver::NoSigner;
    world.start();
    killed_every(&mut world, 11, 22);
    assert_eq!(world.log().requests.len(), 1);
    killed_every(&mut world, 11, 4);
    assert_eq!(world.log().requests.len(), 2);
}
