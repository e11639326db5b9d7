//! Whole runs of the machine in the simulated world. The invariants are
//! checked after every step of each.

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::disk::{CurrentLink, DiskCommand, DiskDone, DiskFault, Found, Name};
use certrotate_core::event::Event;
use certrotate_core::id::Generation;
use certrotate_core::input::{Action, Disposition, ExitReason, Input, KeyFault, Why};
use certrotate_core::issuer::{Credential, IssuerFault};
use certrotate_core::judge::Refusal;
use certrotate_core::time::{Span, WallTime};
use certrotate_core::view::Phase;
use certrotate_model::cert::Flaw;
use certrotate_model::disk::image::Profile;
use certrotate_model::disk::{Fault, Kind};
use certrotate_model::server::{Approver, Bad};
use certrotate_model::world::{Effect, InFlight, World};

#[path = "scenarios/handles.rs"]
mod handles;
#[path = "scenarios/in_memory.rs"]
mod in_memory;
#[path = "scenarios/installing.rs"]
mod installing;
#[path = "scenarios/view.rs"]
mod view;

fn world() -> World {
    World::new(
        Config::new(ConfigSpec::new(Template::kubelet_client("node-1"))).expect("the template is complete"),
    )
}

fn running() -> World {
    let mut world = world();
    world.start();
    world.run_until("the first certificate", |world| world.served() == Some(Generation(1)));
    world
}

/// How often a event like that was given.
fn said(world: &World, wanted: impl Fn(&Event) -> bool) -> usize {
    world.log().events.iter().filter(|(_, event)| wanted(event)).count()
}

/// Running, and not to renew what it serves.
fn without_rotation() -> World {
    let mut spec = ConfigSpec::new(Template::kubelet_client("node-1"));
    spec.rotate = false;
    let mut world = World::new(Config::new(spec).expect("the template is complete"));
    world.start();
    world.run_until("the first certificate", |world| world.served().is_some());
    world
}

fn phase(world: &World) -> Phase {
    world.node.as_ref().map_or(Phase::Ended, |node| node.view().phase)
}

fn names(world: &World) -> Vec<String> {
    world.disk.names().map(|name| name.to_string()).collect()
}

#[test]
fn a_first_start_makes_one_request_and_serves_its_certificate() {
    let world = running();
    assert_eq!(world.server.created(), 1);
    assert_eq!(world.log().credentials(), [Credential::Bootstrap; 2], "one create, one watch");
    insta::assert_debug_snapshot!(names(&world));
    let commands: Vec<String> =
        world.log().disk.iter().map(|(command, _)| format!("{:?}", Kind::of(command))).collect();
    insta::assert_snapshot!(commands.join(" "));
}

#[test]
fn renewal_comes_between_70_and_90_percent_with_a_new_key() {
    let mut world = running();
    let first = world.served_facts().expect("it is served");
    let born = world.now.wall;
    world.run_until("the second certificate", |world| world.served() == Some(Generation(2)));
    let age = world.now.wall.since(born).ms();
    let lifetime = first.not_after.since(born).ms();
    assert!((lifetime * 70 / 100..=lifetime * 90 / 100).contains(&age), "renewed at {age} of {lifetime}");
    let second = world.served_facts().expect("it is served");
    assert_ne!(first.key, second.key);
    assert_eq!(world.log().credentials().last(), Some(&Credential::Live(Generation(1))));
    assert_eq!(names(&world).len(), 3, "current link, live bundle, previous bundle: {:?}", names(&world));
}

#[test]
fn ca_outage_past_expiry_withdraws_the_identity_until_bootstrap() {
    let mut world = running();
    let end = world.served_facts().expect("it is served").not_after;
    world.server.outage = Some(IssuerFault::Unreachable);
    world.run_until("the end", |world| world.served().is_none());
    assert_eq!(world.now.wall, end, "withdrawn in the very millisecond, and no sooner");
    world.run_for(Span::from_hours(30));
    world.server.outage = None;
    world.run_until("a new identity", |world| world.served().is_some());
    assert_eq!(
        world.log().credentials().last(),
        Some(&Credential::Bootstrap),
        "an expired identity is never presented"
    );
    assert_eq!(world.server.open(), 0);
    assert_eq!(world.server.created(), 2, "one request in all, resumed");
}

#[test]
fn full_disk_at_any_step_costs_no_identity_and_no_second_request() {
    let kinds =
        [Kind::Create, Kind::Write, Kind::SyncFile, Kind::Rename, Kind::Symlink, Kind::Unlink, Kind::SyncDir];
    for kind in kinds {
        for after in 0..3 {
            let mut world = running();
            let created = world.server.created();
            world.disk.faults.push(Fault { after, times: 3, kind, fault: DiskFault::NoSpace });
            world.run_until("the second certificate", |world| world.served() == Some(Generation(2)));
            assert_eq!(world.server.created(), created + 1, "{kind:?} after {after}");
            assert!(world.log().names_max <= 5, "{kind:?} after {after}: {} names", world.log().names_max);
            world.run_until("tidiness", |world| names(world).len() == 3 && phase(world) == Phase::Resting);
            assert_eq!(
                world.served(),
                Some(Generation(2)),
                "{kind:?} after {after}: before the next renewal"
            );
        }
    }
}

#[test]
fn crash_after_any_disk_operation_recovers_without_a_second_request() {
    let operations = {
        let mut world = running();
        let before = world.log().disk.len();
        world.run_until("the second certificate", |world| world.served() == Some(Generation(2)));
        world.log().disk.len() - before
    };
    for crash_after in 0..=operations {
        let crashed = rotated_for(crash_after);
        // Every image of the pending changes, and a crash of the process alone (`None`).
        let images = (0..crashed.disk.count_images(Profile::Alice)).map(Some).chain([None]);
        for image in images {
            let mut world = crashed.clone();
            match image {
                Some(image) => world.power_cut(image),
                None => world.restart(),
            }
            world.run_until("an identity again", |world| world.served().is_some());
            world.run_until("the second certificate", |world| world.served() >= Some(Generation(2)));
            assert_eq!(world.server.created(), 2, "crash after {crash_after}, image {image:?}");
        }
    }
}

/// A world whose first renewal has carried out so many disk operations.
fn rotated_for(operations: usize) -> World {
    let mut world = running();
    let before = world.log().disk.len();
    world.run_until("the operation", |world| world.log().disk.len() >= before + operations);
    world
}

#[test]
fn clock_before_not_before_withdraws_and_does_not_postpone_the_renewal() {
    let mut world = running();
    let born = world.now;
    world.now.wall = WallTime::from_unix_ms(born.wall.unix_ms() - 86_400_000);
    world.give(Input::Tick);
    assert_eq!(world.served(), None, "its start is in the future now");
    world.run_for(Span::from_hours(22));
    assert!(world.server.created() >= 2, "22 hours of mono time are past nine tenths of its lifetime");
    world.now.wall = born.wall.plus(Span::from_hours(23));
    world.run_until("an identity", |world| world.served().is_some());
}

#[test]
fn expired_identity_does_not_go_live_again_when_the_clock_steps_back() {
    let mut world = running();
    let born = world.now.wall;
    world.server.outage = Some(IssuerFault::Unreachable);
    world.run_until("the end", |world| world.served().is_none());
    world.now.wall = born.plus(Span::from_hours(1));
    world.run_for(Span::from_hours(2));
    assert_eq!(world.served(), None);
    world.server.outage = None;
    world.run_until("a new identity", |world| world.served() == Some(Generation(2)));
}

#[test]
fn first_step_after_a_suspend_past_expiry_withdraws_and_uses_bootstrap() {
    let mut world = running();
    world.pass(Span::from_hours(30));
    let step = world.give(Input::Tick).expect("the process runs");
    assert_eq!(step.disposition, Disposition::Applied);
    assert_eq!(world.served(), None, "in the very step that sees the time");
    world.run_until("a new identity", |world| world.served().is_some());
    assert!(world.log().credentials().iter().skip(2).all(|it| *it == Credential::Bootstrap));
}

#[test]
fn denied_request_is_replaced_after_ten_minutes_or_by_rotate_now() {
    let mut world = world();
    world.server.approver = Approver::Denies;
    world.start();
    world.run_until("the denial", |world| {
        world.log().events.iter().any(|(_, event)| matches!(event, Event::RequestDenied { .. }))
    });
    world.run_for(Span::from_mins(10).scaled(99, 100));
    assert_eq!(world.server.created(), 1);
    world.server.approver = Approver::Auto;
    world.give(Input::RotateNow);
    world.run_until("a certificate", |world| world.served() == Some(Generation(2)));
    assert_eq!(world.server.created(), 2);
}

#[test]
fn certificate_for_another_key_is_never_written_and_requested_anew() {
    let mut world = world();
    world.server.bad = Some(Bad::Flawed(Flaw::Key));
    world.start();
    world.run_until("the refusal", |world| {
        world
            .log()
            .events
            .iter()
            .any(|(_, event)| matches!(event, Event::CertificateRefused { refusal: Refusal::Key { .. }, .. }))
    });
    assert!(!world.disk.names().any(|name| matches!(name, Name::Bundle { .. } | Name::Current)));
    world.server.bad = None;
    world.run_until("a good one", |world| world.served() == Some(Generation(2)));
}

#[test]
fn late_duplicate_or_unknown_answer_changes_nothing() {
    let mut world = world();
    world.start();
    world.server.silent = true;
    world.run_until("the call", |world| !world.log().credentials().is_empty());
    world.run_until("its time-out", |world| {
        world.log().events.iter().any(|(_, event)| matches!(event, Event::CallTimedOut { .. }))
    });
    let before = world.node.clone().expect("the process runs");
    let late = certrotate_core::id::OpId { run: certrotate_core::id::RunId(1), seq: 1 };
    for input in [
        Input::CallAnswered { op: late, result: Err(IssuerFault::NotFound) },
        Input::DiskAnswered { op: late, result: Err(DiskFault::Io) },
    ] {
        let step = world.give(input).expect("the process runs");
        assert_eq!(step.disposition, Disposition::Ignored(Why::NotOutstanding));
        assert_eq!(step.actions, []);
    }
    assert_eq!(world.node.as_ref(), Some(&before));
}

#[test]
fn lost_disk_answer_times_out_and_leads_to_a_scan() {
    for lost in 0..14 {
        let mut world = world();
        world.start();
        for _ in 0..lost {
            world.advance();
        }
        world.lose_disk_answers = 1;
        world.run_until("the first certificate", |world| world.served().is_some());
        assert_eq!(world.server.created(), 1, "answer {lost} lost");
    }
}

#[test]
fn shutdown_finishes_the_write_in_flight_and_drops_the_rest() {
    for steps in 0..40 {
        let mut world = world();
        world.start();
        for _ in 0..steps {
            world.advance();
        }
        world.give(Input::Shutdown);
        world.settle();
        assert_eq!(world.exit, Some(ExitReason::Shutdown), "after {steps} steps");
        assert!(
            !world.disk.names().any(|name| matches!(name, Name::Temporary { .. })),
            "after {steps} steps: {:?}",
            names(&world)
        );
        world.start();
        world.run_until("a certificate", |world| world.served().is_some());
        world.run_until("rest", |world| phase(world) == Phase::Resting);
        assert_eq!(Some(Generation(world.server.created() as u32)), world.served(), "after {steps} steps");
    }
}

#[test]
fn locked_or_unsafe_directory_ends_the_run_with_its_reason() {
    let cases = [
        (DiskFault::Locked, ExitReason::Locked),
        (DiskFault::Unsafe, ExitReason::Unsafe),
        (DiskFault::NoDirectory, ExitReason::NoDirectory),
    ];
    for (fault, reason) in cases {
        let mut world = world();
        world.disk.faults.push(Fault { after: 0, times: 1, kind: Kind::Lock, fault });
        world.start();
        world.settle();
        assert_eq!(world.exit, Some(reason));
        assert_eq!(names(&world), Vec::<String>::new());
        assert_eq!(phase(&world), Phase::Ended);
    }
}

#[test]
fn without_rotation_the_next_identity_is_requested_at_expiry() {
    let mut world = without_rotation();
    let end = world.served_facts().expect("it is served").not_after;
    world.run_until("the second request", |world| world.server.created() == 2);
    assert!(world.now.wall >= end);
}

#[test]
fn answer_of_another_kind_fails_the_operation_at_once() {
    let mut world = world();
    world.start();
    let (mut commands, mut others) = (Vec::new(), 0);
    while world.served().is_none() {
        for InFlight { op, effect, .. } in world.in_flight.iter().copied() {
            let scanned = DiskDone::Scanned(Box::new(world.inventory()));
            let input = match effect {
                Effect::Disk(DiskCommand::Scan) => Input::DiskAnswered { op, result: Ok(DiskDone::Done) },
                Effect::Disk(_) => Input::DiskAnswered { op, result: Ok(scanned) },
                Effect::Key(_) => Input::CallAnswered { op, result: Err(IssuerFault::NotFound) },
                Effect::Call(..) => Input::KeyMade { op, result: Err(KeyFault::Failed) },
            };
            let step = world.node.clone().expect("it runs").step(world.now, input);
            assert_eq!(step.disposition, Disposition::Applied, "{effect:?}");
            let is_reported = step.actions.iter().any(|action| match (action, effect) {
                (Action::Report(Event::DiskFailed { command, fault, .. }), Effect::Disk(asked)) => {
                    *command == asked && *fault == DiskFault::WrongKind
                }
                (Action::Report(Event::KeyFailed { fault, .. }), Effect::Key(_)) => {
                    *fault == Some(KeyFault::WrongKind)
                }
                (Action::Report(Event::CallFailed { fault, .. }), Effect::Call(..)) => {
                    *fault == IssuerFault::WrongKind
                }
                _ => false,
            });
            assert!(is_reported, "{effect:?}: {:?}", step.actions);
            match effect {
                Effect::Disk(command) => commands.push(Kind::of(&command)),
                Effect::Key(_) | Effect::Call(..) => others += 1,
            }
        }
        world.advance();
    }
    for kind in [Kind::Lock, Kind::Scan, Kind::SyncDir, Kind::Rename, Kind::Symlink] {
        assert!(commands.contains(&kind), "{commands:?}");
    }
    assert!(others >= 3, "a key, a create and a watch");
}

#[test]
fn unreadable_bundle_is_ignored_after_three_rescans() {
    let mut world = running();
    world.run_until("the second certificate", |world| world.served() == Some(Generation(2)));
    world.kill();
    let start = world.now.mono;
    world.start();
    // Scans are answered by hand: the world does not know of the keys that were read with them, and would object.
    world.strict = false;
    let mut looks = 0;
    while world.served().is_none() {
        let scan =
            world.in_flight.iter().find(|asked| matches!(asked.effect, Effect::Disk(DiskCommand::Scan)));
        if let Some(op) = scan.map(|asked| asked.op) {
            let mut inventory = world.inventory();
            for entry in inventory.entries.iter_mut().filter(|it| it.name.generation() == Some(Generation(2)))
            {
                entry.found = Found::Unreadable(DiskFault::Io);
            }
            world.give(Input::DiskAnswered { op, result: Ok(DiskDone::Scanned(Box::new(inventory))) });
            looks += 1;
        }
        world.advance();
        assert!(looks < 20, "it does not go on for ever");
    }
    assert_eq!(world.served(), Some(Generation(1)), "the one before is valid still");
    assert!(world.now.mono.since(start) > Span::from_secs(1), "and not at the first rescan");
}
