//! The store.

use super::*;
use certrotate_core::disk::DiskFault;
use certrotate_core::judge::Refusal;
use certrotate_core::view::Stage;
use certrotate_model::cert::{Cert, Flaw};
use certrotate_model::disk::image::Profile;
use certrotate_model::disk::{Bundle, Fault, File, Kind};

/// A world in its first rotation after so many disk operations, or in its first start.
fn after_operations(start: bool, operations: usize) -> Option<World> {
    let mut world = if start { world() } else { running() };
    if start {
        world.start();
    }
    let before = if start { 0 } else { world.log().disk.len() };
    let goal = Some(Generation(if start { 1 } else { 2 }));
    while world.log().disk.len() < before + operations {
        if world.served() == goal {
            return None;
        }
        world.advance();
    }
    Some(world)
}

#[test]
fn f50_power_cut_after_any_operation_leaves_a_whole_pair_or_none() {
    let mut images = 0;
    for start in [true, false] {
        for operations in 0.. {
            let Some(world) = after_operations(start, operations) else { break };
            for profile in Profile::ALL {
                for number in 0..world.disk.count_images(profile) {
                    let mut world = world.clone();
                    world.kill();
                    world.disk = world.disk.image(profile, number);
                    let whole = world.disk.live_bundle().is_some();
                    let absent = world.disk.read(Name::Current).is_none();
                    // POSIX alone does not say that a rename is one change after a power cut; every file system does.
                    let torn = profile == Profile::Alice && world.disk.unlinked;
                    assert!(
                        whole || absent && (start || torn),
                        "{operations} operations, {profile}, image {number}"
                    );
                    world.start();
                    serves_any(&mut world);
                    images += 1;
                }
            }
        }
    }
    assert!(images > 300, "{images} images");
}

#[test]
fn f54_corrupt_file_is_quarantined_and_the_previous_generation_used() {
    for content in [File::Empty, File::Torn, File::Garbage] {
        let mut world = running();
        serves(&mut world, 2);
        world.kill();
        let Some(File::Link(target)) = world.disk.read(Name::Current) else { panic!("a link") };
        world.disk.put_external(target, content);
        world.start();
        rests(&mut world);
        assert_eq!(world.served(), Some(Generation(1)), "the previous one, at once");
        assert!(world.disk.names().any(|name| matches!(name, Name::Quarantine { .. })));
        assert_eq!(world.exit, None);
        // And the current link itself, with no generation to fall back to.
        let mut world = world_with_broken_current_link(content);
        world.start();
        serves_any(&mut world);
        assert!(world.disk.live_bundle().is_some());
    }
}

fn world_with_broken_current_link(content: File) -> World {
    let mut world = world();
    world.disk.put_external(Name::Current, content);
    world
}

#[test]
fn f55_full_disk_at_any_write_keeps_the_old_certificate() {
    for kind in [Kind::Create, Kind::Write, Kind::SyncFile, Kind::Symlink, Kind::Rename] {
        for after in 0..4 {
            let mut world = running();
            world.ghost.undisturbed = true;
            let fault = DiskFault::NoSpace;
            world.disk.faults.push(Fault { after, times: u16::MAX, kind, fault });
            world.run_until("the full disk", |world| {
                world.served() == Some(Generation(2))
                    || saw(world, |event| matches!(event, Event::DiskFailed { .. }))
            });
            world.run_for(Span::from_mins(90));
            assert!(world.disk.live_bundle().is_some(), "{kind:?} after {after}: never blank");
            world.disk.faults.clear();
            world.run_until("the next one", |world| world.served() >= Some(Generation(2)));
            assert!(world.log().names_max <= 5, "{kind:?} after {after}");
        }
    }
}

#[test]
fn f56_a_day_without_space_after_the_issue_costs_one_request() {
    let mut world = running();
    world.disk.faults.push(Fault {
        after: 1,
        times: u16::MAX,
        kind: Kind::Create,
        fault: DiskFault::NoSpace,
    });
    world.run_until("the full disk", |world| saw(world, |it| matches!(it, Event::DiskFailed { .. })));
    world.run_for(DAY);
    assert_eq!(world.server.created(), 2, "one for the first certificate, one for the second");
    let tries = world.log().disk.iter().filter(|(_, result)| result.is_err()).count();
    assert!((90..=140).contains(&tries), "{tries} tries in a day: slowly, and not never");
    assert_eq!(phase(&world), Phase::Recovering);
    world.disk.faults.clear();
    world.run_until("an identity", |world| world.served() >= Some(Generation(2)));
}

#[test]
fn f63_bundle_of_another_cluster_is_refused_and_bootstrap_replaces_it() {
    let mut spec = spec();
    spec.chain_required = true;
    let mut world = world_of(spec);
    let other = running();
    let theirs = other.disk.live_bundle().expect("it is durable");
    let cert = *other.server.cert(theirs.cert).expect("it was issued");
    // Another cluster's certificate, for a key of its own.
    world.server.certs.push(Cert { key: 1000, flaw: Some(Flaw::Chain), ..cert });
    let foreign = Bundle { key: 1000, cert: 1, ..theirs };
    let name = Name::Bundle {
        issued: foreign.issued.whole_second(),
        generation: foreign.generation,
        file: Default::default(),
    };
    world.disk.put_external(name, File::Bundle(foreign));
    world.disk.put_external(Name::Current, File::Link(name));
    world.start();
    rests(&mut world);
    assert_eq!(world.served(), None);
    assert!(saw(&world, |event| matches!(event, Event::FileRefused { refusal: Refusal::Chain { .. }, .. })));
    serves(&mut world, 2);
    assert_eq!(kinds_since(&world, 0), [Credential::Bootstrap]);
}

#[test]
fn f63_valid_leaf_unknown_to_the_server_leads_to_bootstrap_once() {
    let mut world = running();
    world.server.refuse_live = true;
    let before = world.log().credentials().len();
    serves(&mut world, 2);
    let since = &world.log().credentials()[before..].to_vec();
    let live = since.iter().filter(|it| matches!(it, Credential::Live(_))).count();
    assert_eq!(live, 1, "tried once: {since:?}");
    assert!(since.len() <= 4, "{since:?}");
}

#[test]
fn failed_write_is_scanned_for_at_once_and_repeated_after_the_wait() {
    let mut world = running();
    world.disk.faults.push(Fault { after: 1, times: 1, kind: Kind::Write, fault: DiskFault::NoSpace });
    let failure = |world: &World| {
        world.log().events.iter().find_map(|(now, event)| match event {
            Event::DiskFailed { again_in, .. } => Some((now.mono, *again_in)),
            _ => None,
        })
    };
    world.run_until("the full disk", |world| failure(world).is_some());
    let (failed, again_in) = failure(&world).expect("it was reported");
    assert!(again_in > Span::from_secs(1), "{again_in}");
    let stage = |world: &World| world.node.as_ref().map(|node| node.view().stage);
    assert_eq!((stage(&world), world.now.mono), (Some(Stage::Scanning), failed), "scanned at once");
    world.run_until("another file", |world| stage(world) == Some(Stage::CreatingFile));
    assert!(
        world.now.mono >= failed.plus(again_in),
        "created after the wait: {}",
        world.now.mono.since(failed)
    );
}
