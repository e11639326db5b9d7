//! External changes to the directory.

use super::*;
use certrotate_core::disk::Place;
use certrotate_core::input::Input;
use certrotate_model::cert::Cert;
use certrotate_model::disk::{File, Outside};
use certrotate_model::world::Request;

/// Leaves an external pair for this node, valid from a minute ago on and for this many hours.
fn leaves(world: &mut World, place: Place, hours: u64) {
    let (key, now) = (world.requests_made() + 1, world.now.wall);
    world.leave_request(Request { template: 0, duration: None, key });
    let (not_before, not_after) = (now.minus(Span::from_mins(1)), now.plus(Span::from_hours(hours)));
    world.server.certs.push(Cert { key, template: 0, flaw: None, not_before, not_after });
    let cert = world.server.certs.len() as u32;
    assert!(world.disk.outside.push(Outside { place, key, cert }));
    if place == Place::Current {
        world.disk.put_external(Name::Current, File::ForeignLink);
    }
}

fn adopted(world: &World) -> usize {
    world.log().events.iter().filter(|(_, event)| matches!(event, Event::Adopted { .. })).count()
}

#[test]
fn kubelet_pair_in_any_place_is_adopted_without_a_call_and_renewed() {
    let dated = Place::Dated(certrotate_model::world::START);
    for place in [Place::Current, dated, Place::Split] {
        let mut world = world();
        leaves(&mut world, place, 24);
        world.start();
        serves(&mut world, 1);
        rests(&mut world);
        assert_eq!((adopted(&world), world.log().calls.len()), (1, 0), "{place:?}");
        assert!(world.disk.live_bundle().is_some(), "it is a bundle now");
        serves(&mut world, 2);
        assert_eq!(kinds_since(&world, 0)[0], Credential::Live(Generation(1)), "and it requests the next");
    }
}

#[test]
fn pair_that_expires_sooner_is_not_adopted_and_none_is_adopted_twice() {
    let mut world = running();
    rests(&mut world);
    leaves(&mut world, Place::Split, 1);
    world.restart();
    rests(&mut world);
    assert_eq!((world.served(), adopted(&world)), (Some(Generation(1)), 0));
    leaves(&mut world, Place::Split, 1000);
    world.now.wall = world.now.wall.plus(Span::from_mins(2));
    world.now.mono = world.now.mono.plus(Span::from_mins(2));
    world.restart();
    serves(&mut world, 2);
    for _ in 0..3 {
        rests(&mut world);
        world.restart();
    }
    rests(&mut world);
    assert_eq!((world.served(), adopted(&world)), (Some(Generation(2)), 1));
}

#[test]
fn a_pair_is_left_alone_where_adoption_is_off() {
    let mut spec = spec();
    spec.adopt = false;
    let mut world = world_of(spec);
    leaves(&mut world, Place::Split, 24);
    world.start();
    serves(&mut world, 1);
    assert_eq!(adopted(&world), 0);
    assert!(!world.log().calls.is_empty(), "one of its own is requested");
}

#[test]
fn f51_start_never_waits_for_an_operator_whatever_is_damaged() {
    for content in [File::Empty, File::Torn, File::Garbage] {
        let mut world = running();
        world.kill();
        let Some(File::Link(target)) = world.disk.read(Name::Current) else { panic!("a link") };
        world.disk.put_external(target, content);
        leaves(&mut world, Place::Split, 24);
        world.start();
        serves_any(&mut world);
        assert_eq!(adopted(&world), 1, "an external pair is better than none");
        assert!(world.disk.names().any(|name| matches!(name, Name::Quarantine { .. })), "it is kept aside");
    }
}

fn unusable_links(world: &World) -> usize {
    let is_about_it = |event: &Event| matches!(event, Event::CurrentLinkUnusable { .. });
    world.log().events.iter().filter(|(_, event)| is_about_it(event)).count()
}

#[test]
fn f51_link_to_no_pair_is_reported_once_and_passed_over() {
    // Nothing else is there: the bootstrap credential gets a certificate.
    let mut world = world();
    world.disk.put_external(Name::Current, File::ForeignLink);
    world.start();
    serves(&mut world, 1);
    rests(&mut world);
    assert_eq!((unusable_links(&world), adopted(&world)), (1, 0));
    assert!(world.disk.live_bundle().is_some(), "the link is ours now");
}

#[test]
fn f51_older_good_pair_is_adopted_beside_a_link_to_no_pair() {
    let mut world = world();
    world.disk.put_external(Name::Current, File::ForeignLink);
    leaves(&mut world, Place::Dated(certrotate_model::world::START), 24);
    world.start();
    serves(&mut world, 1);
    rests(&mut world);
    assert_eq!((unusable_links(&world), adopted(&world), world.log().calls.len()), (1, 1, 0));
}

#[test]
fn f51_own_bundle_is_used_beside_a_link_to_no_pair() {
    let mut world = running();
    rests(&mut world);
    world.kill();
    let calls = world.log().calls.len();
    world.disk.put_external(Name::Current, File::ForeignLink);
    world.start();
    serves(&mut world, 1);
    rests(&mut world);
    assert_eq!((unusable_links(&world), world.log().calls.len()), (1, calls));
}

#[test]
fn f59_thousand_rotations_leave_three_names_and_no_kubelet_file_changed() {
    let mut world = running();
    leaves(&mut world, Place::Split, 1);
    let left = world.disk.outside;
    for generation in 2..1002 {
        serves(&mut world, generation);
    }
    rests(&mut world);
    assert!(world.log().names_max <= 5, "{} names at once", world.log().names_max);
    assert_eq!((world.disk.names().count(), world.disk.outside), (3, left));
}

#[test]
fn f62_restored_bundle_is_found_before_a_request_is_made() {
    let mut world = running();
    rests(&mut world);
    let before = world.log().calls.len();
    leaves(&mut world, Place::Current, 1000);
    // The next renewal looks first.
    serves(&mut world, 2);
    assert_eq!((adopted(&world), world.log().calls.len()), (1, before));
    // And an older backup is no reason for anything: the renewal takes its place.
    rests(&mut world);
    world.disk.remove(Name::Current);
    let step = world.give(Input::RotateNow);
    assert!(step.is_some());
    serves(&mut world, 3);
    assert!(world.disk.live_bundle().is_some_and(|bundle| bundle.generation == Generation(3)));
}
