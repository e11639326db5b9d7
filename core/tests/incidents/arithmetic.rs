//! Renewal arithmetic.

use super::*;
use certrotate_core::judge::Refusal;
use certrotate_core::time::WallTime;
use certrotate_model::server::Bad;
use certrotate_model::world::START;

#[test]
fn f27_short_or_backdated_certificates_make_no_storm_of_requests() {
    const HOUR: i64 = 3_600_000;
    // Validity in milliseconds from the issue, and the most requests an hour.
    let cases = [
        ("expired already", (-HOUR, -1), 4),
        ("ending now", (-HOUR, 0), 4),
        ("a CA that cuts all to its own end in 4 s", (-24 * HOUR, 4000), 4),
        ("backdated by a year, an hour left", (-8760 * HOUR, HOUR), 4),
        ("backdated by a year, ten minutes left", (-8760 * HOUR, HOUR / 6), 10),
        ("beginning in an hour", (HOUR, 24 * HOUR), 4),
        ("ending before it begins", (HOUR, -HOUR), 4),
    ];
    for (what, (start, end), most) in cases {
        let mut world = world();
        world.server.bad = Some(Bad::Between(start, end));
        world.start();
        for hour in 0..12 {
            let before = world.log().requests.len();
            world.run_for(Span::from_hours(1));
            let made = world.log().requests.len() - before;
            assert!(made <= most, "{what}: {made} requests in hour {hour}");
        }
        world.server.bad = None;
        serves_any(&mut world);
    }
}

#[test]
fn f28_lifetime_of_ten_minutes_is_renewed_by_its_own_length() {
    let mut world = world();
    world.server.lifetime = Span::from_mins(10);
    world.start();
    serves(&mut world, 1);
    let mut last = world.now.mono;
    for generation in 2..60 {
        serves(&mut world, generation);
        let gap = world.now.mono.since(last);
        assert!(gap >= Span::from_mins(7) && gap <= Span::from_mins(9), "generation {generation}: {gap}");
        last = world.now.mono;
    }
    // A request to rotate now does not shorten the issuance interval.
    let before = world.log().requests.len();
    for _ in 0..1000 {
        world.give(certrotate_core::input::Input::RotateNow);
        world.settle();
    }
    assert!(world.log().requests.len() - before <= 1, "a thousand times in an instant is once at the most");
}

#[test]
fn f29_the_leaf_is_the_only_source_of_the_lifetime() {
    let lives = [Span::from_secs(60), Span::from_mins(5), Span::from_mins(10), Span::from_hours(1)];
    for lifetime in lives.into_iter().chain([Span::from_hours(8760)]) {
        let mut world = world();
        world.ghost.undisturbed = true;
        world.server.lifetime = lifetime;
        world.start();
        serves(&mut world, 1);
        for generation in 2..6 {
            let born = world.now.wall;
            let end = world.served_facts().expect("it is served").not_after;
            serves(&mut world, generation);
            let (age, lifetime) = (world.now.wall.since(born).ms(), end.since(born).ms());
            assert!((lifetime * 70 / 100..=lifetime * 90 / 100 + 1).contains(&age), "{age} of {lifetime}");
        }
    }
}

#[test]
fn f30_the_renewal_is_at_the_same_time_after_a_thousand_restarts() {
    let mut world = running();
    let planned = world.node.as_ref().and_then(|node| node.view().identity).map(|it| it.renew_at);
    assert!(planned.is_some());
    for restart in 0..1000 {
        world.pass(Span::from_secs(30));
        world.restart();
        rests(&mut world);
        let again = world.node.as_ref().and_then(|node| node.view().identity).map(|it| it.renew_at);
        assert_eq!(again, planned, "restart {restart}");
    }
    world.run_until("the renewal", |world| world.server.created() == 2);
    assert_eq!(Some(world.now.wall), planned);
}

#[test]
fn f33_rejected_lifetime_is_not_requested_again() {
    let mut spec = spec();
    spec.template.duration = Some(Span::from_hours(8760));
    let mut world = world_of(spec);
    world.server.longest_lifetime = Some(Span::from_hours(1));
    world.server.lifetime = Span::from_hours(1);
    world.start();
    serves_any(&mut world);
    assert_eq!(creates(&world), 2, "one with the requested lifetime, one without");
    let lifetime = world.node.as_ref().expect("it runs").view().lifetime;
    assert_eq!(lifetime, Span::from_hours(1), "a shorter lifetime is accepted");
    let before = world.log().requests.len();
    world.run_for(Span::from_hours(12));
    assert!(
        creates(&world) - 2 == world.log().requests.len() - before,
        "the requested lifetime is not tried each time"
    );
    world.restart();
    world.run_for(Span::from_hours(12));
    assert!(world.served().is_some());
}

#[test]
fn f34_leaf_is_renewed_and_withdrawn_by_the_earliest_expiry_in_its_chain() {
    let mut world = world();
    let end = START.plus(Span::from_hours(60));
    world.server.ca_end = end;
    world.start();
    serves_any(&mut world);
    world.run_for(Span::from_hours(59));
    let facts = world.served_facts().expect("the CA is valid for an hour yet");
    assert_eq!(facts.not_after, end, "the leaf would live for 24 h, its CA does not");
    let made = world.log().requests.len();
    assert!(made <= 20, "{made} requests: no storm while the end comes nearer");
    world.run_for(Span::from_hours(2));
    assert_eq!(world.served(), None, "withdrawn with the CA");
    assert!(saw(&world, |event| matches!(
        event,
        Event::CertificateRefused { refusal: Refusal::Expired { .. } | Refusal::TooShort { .. }, .. }
    )));
    world.server.ca_end = WallTime::MAX;
    serves_any(&mut world);
}
