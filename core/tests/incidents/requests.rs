//! Requests that are lost, foreign, denied, failed or stale.

use super::*;
use certrotate_core::disk::DiskFault;
use certrotate_core::id::RequestDigest;
use certrotate_core::input::{Action, Input, KeyFault};
use certrotate_core::issuer::IssuerFault;
use certrotate_core::judge::Refusal;
use certrotate_core::time::WallTime;
use certrotate_core::view::Stage;
use certrotate_model::cert::{Cert, key_digest, leaf};
use certrotate_model::disk::{Bundle, Fault, File, Kind};
use certrotate_model::server::{Approver, Object, SOMEBODY_ELSES, UNREADABLE};

#[test]
fn f37_node_never_has_two_open_requests() {
    let mut world = world();
    let approvers = [Approver::Absent, Approver::Denies, Approver::Fails, Approver::Auto];
    for round in 0..400u64 {
        world.server.approver = approvers[(round / 7 % 4) as usize];
        world.lose_call_answers = u16::from(round % 5 == 0);
        world.lose_disk_answers = u16::from(round % 11 == 0);
        if round % 13 == 0 {
            world.disk.faults = [Fault { after: 2, times: 1, kind: Kind::SyncDir, fault: DiskFault::Io }]
                .into_iter()
                .collect();
        }
        match round % 3 {
            0 => world.restart(),
            1 => world.power_cut(round as usize),
            _ => {
                world.give(Input::RotateNow);
            }
        }
        world.run_for(Span::from_mins(round * 37 % 300));
        assert!(world.server.open() <= 1, "round {round}");
    }
    assert!(world.log().requests.len() > 50, "there was something to go wrong");
}

#[test]
fn f38_node_killed_after_create_resumes_its_request() {
    for running_before in [false, true] {
        let mut world = if running_before { running() } else { world() };
        let before = world.server.created();
        world.server.approver = Approver::Absent;
        world.restart();
        world.lose_call_answers = 1;
        world.run_until("the post", |world| world.server.created() == before + 1);
        let asked: Vec<RequestDigest> = world.server.objects.iter().map(|it| it.request).collect();
        for _ in 0..100 {
            world.restart();
            world.run_until("the next rescan", |world| world.ghost.recovered && !world.in_flight.is_empty());
            world.settle();
        }
        assert_eq!(world.server.objects.iter().map(|it| it.request).collect::<Vec<_>>(), asked);
        assert_eq!(world.server.created(), before + 1, "the slow approver sees one object");
        world.server.approver = Approver::Auto;
        serves(&mut world, before as u32 + 1);
        let facts = world.served_facts().expect("it is served");
        assert_eq!(facts.key, key_digest(before + 1), "the key of the first post");
    }
}

fn foreign(change: impl FnOnce(&mut Object)) -> World {
    let mut world = world();
    let mut object = Object {
        request: RequestDigest(leaf(1).0),
        key: 1,
        template: 0,
        foreign_signer: false,
        foreign_usages: false,
        approved: false,
        denied: false,
        failed: false,
        issue: None,
        made: world.now.wall,
        given_up: false,
        by_node: false,
        of_expired: false,
    };
    change(&mut object);
    world.server.latency = Span::from_mins(1);
    world.server.objects.push(object);
    world
}

#[test]
fn f39_foreign_object_with_our_name_is_left_and_another_request_made() {
    let changes: [fn(&mut Object); 4] = [
        |object| object.key = SOMEBODY_ELSES,
        |object| object.key = UNREADABLE,
        |object| object.foreign_signer = true,
        |object| object.foreign_usages = true,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut world = foreign(change);
        world.start();
        world.run_until("the comparison", |world| {
            saw(world, |event| matches!(event, Event::RequestForeign { .. }))
        });
        assert_eq!(bundles(&world).len(), 0, "change {number}: nothing of it is stored");
        world.server.objects.clear();
        serves(&mut world, 2);
        let bundle = world.disk.live_bundle().expect("it is durable");
        let cert = world.server.cert(bundle.cert).expect("it was issued");
        assert_eq!(bundle.key, cert.key, "change {number}: key and certificate are a pair");
    }
}

#[test]
fn f39_own_object_is_resumed() {
    let mut world = foreign(|_| {});
    world.start();
    serves(&mut world, 1);
    assert_eq!(world.server.created(), 0);
}

#[test]
fn f40_object_with_an_expired_certificate_does_not_wedge_the_node() {
    let mut world = world();
    world.server.approver = Approver::Absent;
    world.server.cleaner = false;
    world.start();
    world.run_until("the post", |world| world.server.created() == 1);
    world.kill();
    // While the node is off, its request is approved and answered, and the answer expires.
    world.server.approver = Approver::Auto;
    world.server.control(world.now.wall);
    world.pass(Span::from_hours(30));
    world.start();
    serves(&mut world, 2);
    assert!(saw(&world, |event| matches!(
        event,
        Event::CertificateRefused { refusal: Refusal::Expired { .. }, .. }
    )));
    assert_eq!(world.log().requests.len(), 2, "a new key and a new name");
    assert_eq!(bundles(&world), [Some(Generation(2))].into(), "the stale one was never written");
}

#[test]
fn f41_a_day_of_denials_makes_ten_requests_at_the_most() {
    let mut world = world();
    world.server.approver = Approver::Denies;
    world.start();
    world.run_for(DAY);
    let made = world.log().requests.len();
    assert!((5..=10).contains(&made), "{made} requests");
    let waits: Vec<Span> = world
        .log()
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::RequestDenied { again_in, .. } => Some(*again_in),
            _ => None,
        })
        .collect();
    assert!(waits.first() >= Some(&Span::from_mins(10)) && waits.last() >= Some(&Span::from_hours(4)));
    // A restart does not reset the backoff, and an operator's request does not wait.
    world.restart();
    world.run_for(Span::from_hours(3));
    assert!(world.log().requests.len() <= made + 1);
    world.server.approver = Approver::Auto;
    world.give(Input::RotateNow);
    world.settle();
    assert!(world.served().is_some());
}

#[test]
fn f44_hundred_restarts_make_no_request_while_valid() {
    let mut valid = running();
    for _ in 0..100 {
        valid.restart();
        rests(&mut valid);
        assert_eq!(valid.served(), Some(Generation(1)));
    }
    assert_eq!((valid.server.created(), valid.log().calls.len()), (1, 2), "nothing was sent");
    let mut waiting = world();
    waiting.server.approver = Approver::Absent;
    for restart in 0..100 {
        waiting.restart();
        waiting.run_for(Span::from_secs(restart));
    }
    assert_eq!((waiting.server.created(), waiting.log().requests.len()), (1, 1));
}

#[test]
fn f48_a_request_that_failed_once_is_followed_by_another() {
    let mut world = world();
    world.server.approver = Approver::Fails;
    world.start();
    world.run_until("the failure", |world| saw(world, |it| matches!(it, Event::RequestFailed { .. })));
    world.server.approver = Approver::Auto;
    let failed = world.now.mono;
    serves(&mut world, 2);
    let wait = world.now.mono.since(failed);
    assert!(wait >= Span::from_mins(10) && wait <= Span::from_mins(13), "{wait}");
}

#[test]
fn f57_newest_valid_bundle_wins_and_a_fault_never_moves_the_link() {
    let world = running();
    let good = world.disk.live_bundle().expect("it is durable");
    let cert = *world.server.cert(good.cert).expect("it was issued");
    let bundle = |world: &mut World, generation: u32, end: WallTime| {
        world.server.certs.push(Cert { not_after: end, ..cert });
        let generation = Generation(generation);
        let bundle = Bundle { generation, cert: world.server.issued() as u32, ..good };
        let name = Name::Bundle { issued: good.issued.whole_second(), generation, file: Default::default() };
        (name, File::Bundle(bundle))
    };
    let valid = cert.not_after;
    // Generations with their notAfter, the linked one, and the one that must go live.
    let over = world.now.wall;
    let cases = [
        (vec![(2, valid), (3, over)], 3, 2),
        (vec![(2, valid), (3, valid)], 2, 3),
        (vec![(5, valid), (9, over)], 9, 5),
        (vec![(2, over), (3, over)], 3, 1),
    ];
    for (files, linked, best) in cases {
        let mut world = world.clone();
        world.kill();
        for (generation, end) in &files {
            let (name, content) = bundle(&mut world, *generation, *end);
            world.disk.put_external(name, content);
            if *generation == linked {
                world.disk.put_external(Name::Current, File::Link(name));
            }
        }
        world.start();
        rests(&mut world);
        assert_eq!(world.served(), Some(Generation(best)), "of {files:?}");
        let target = world.disk.read(Name::Current);
        world.server.approver = Approver::Denies;
        world.give(Input::RotateNow);
        world.run_for(Span::from_hours(2));
        assert_eq!(world.disk.read(Name::Current), target, "a failed renewal does not touch it");
    }
}

/// The node asks, its create is answered, and its watch is open.
fn watching() -> (World, certrotate_core::id::OpId) {
    let mut world = world();
    world.server.approver = Approver::Absent;
    world.start();
    let watch = |world: &World| {
        world
            .in_flight
            .iter()
            .find(|asked| matches!(asked.action(), Action::Call { call: Call::Watch { .. }, .. }))
            .map(|asked| asked.op)
    };
    world.run_until("the watch", |world| watch(world).is_some());
    let op = watch(&world).expect("it is open");
    (world, op)
}

#[test]
fn object_deleted_while_watched_is_created_again_within_seconds() {
    let (mut world, op) = watching();
    world.server.objects.clear();
    let failures = |world: &World| world.node.as_ref().map(|node| node.view().failures.calls);
    assert_eq!(failures(&world), Some(0));
    let now = world.now.mono;
    world.give(Input::CallAnswered { op, result: Err(IssuerFault::NotFound) });
    assert_eq!(failures(&world), Some(1));
    world.run_until("another object", |world| !world.server.objects.is_empty());
    assert!(world.now.mono.since(now) < Span::from_secs(10), "{}", world.now.mono.since(now));
}

#[test]
fn watch_event_during_a_poll_is_left_to_the_poll() {
    let (mut world, watch) = watching();
    world.server.latency = Span::from_secs(1);
    let looks = |world: &World| {
        world
            .in_flight
            .iter()
            .any(|asked| matches!(asked.action(), Action::Call { call: Call::Get { .. }, .. }))
    };
    world.run_until("a poll", looks);
    assert!(world.in_flight.iter().any(|asked| asked.op == watch), "the watch is open still");
    let mut node = world.node.clone().expect("it runs");
    let before = *node.view();
    let step = node.step(world.now, Input::CallAnswered { op: watch, result: Err(IssuerFault::NotFound) });
    assert_eq!(before.stage, Stage::GettingAndWatching);
    let mut after = before;
    after.stage = Stage::Getting;
    assert_eq!((step.actions.len(), *node.view()), (0, after));
}

#[test]
fn failed_key_is_counted_apart_from_failed_calls() {
    let mut world = world();
    world.start();
    let mut waits = Vec::new();
    for _ in 0..4 {
        world.run_until("a key", |world| phase(world) == Phase::Keying);
        let op = world.in_flight.iter().find_map(|asked| match asked.action() {
            Action::MakeKey { op, .. } => Some(op),
            _ => None,
        });
        let op = op.expect("a key is being made");
        let step = world.give(Input::KeyMade { op, result: Err(KeyFault::Failed) }).expect("it is applied");
        let wait = step.actions.iter().find_map(|action| match action {
            Action::Report(Event::KeyFailed { again_in, .. }) => Some(*again_in),
            _ => None,
        });
        waits.push(wait.expect("the failure is reported"));
        let view = *world.node.as_ref().expect("it runs").view();
        assert_eq!((view.failures.calls, view.failures.keys), (0, waits.len() as u32));
    }
    assert!(waits.is_sorted() && waits[3] > waits[0], "the wait grows: {waits:?}");
    world.run_until("a request", |world| phase(world) == Phase::Asking);
    let view = *world.node.as_ref().expect("it runs").view();
    assert_eq!((view.failures.calls, view.failures.keys), (0, 0), "a key was made");
}
