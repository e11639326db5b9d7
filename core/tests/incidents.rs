//! What users of certificate rotation suffered from, and what happens here instead: a test per failure
//! report, named after its number. The invariants are checked after every step of each.

use std::collections::BTreeSet;

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::disk::Name;
use certrotate_core::event::Event;
use certrotate_core::id::Generation;
use certrotate_core::issuer::{Call, Credential};
use certrotate_core::time::Span;
use certrotate_core::view::Phase;
use certrotate_model::world::World;

#[path = "incidents/adoption.rs"]
mod adoption;
#[path = "incidents/arithmetic.rs"]
mod arithmetic;
#[path = "incidents/clocks.rs"]
mod clocks;
#[path = "incidents/expired.rs"]
mod expired;
#[path = "incidents/herds.rs"]
mod herds;
#[path = "incidents/identity.rs"]
mod identity;
#[path = "incidents/requests.rs"]
mod requests;
#[path = "incidents/store.rs"]
mod store;
#[path = "incidents/waiting.rs"]
mod waiting;

const DAY: Span = Span::from_hours(24);

fn spec() -> ConfigSpec {
    ConfigSpec::new(Template::kubelet_client("node-1"))
}

fn world_of(spec: ConfigSpec) -> World {
    World::new(Config::new(spec).expect("the template is complete"))
}

fn world() -> World {
    world_of(spec())
}

fn running() -> World {
    let mut world = world();
    world.start();
    serves(&mut world, 1);
    world
}

/// Runs until this generation is live.
fn serves(world: &mut World, generation: u32) {
    world.run_until("the certificate", |world| world.served() == Some(Generation(generation)));
}

/// Runs until an identity is live.
fn serves_any(world: &mut World) {
    world.run_until("a certificate", |world| world.served().is_some());
}

fn rests(world: &mut World) {
    world.run_until("rest", |world| phase(world) == Phase::Resting);
}

fn phase(world: &World) -> Phase {
    world.node.as_ref().map_or(Phase::Ended, |node| node.view().phase)
}

fn saw(world: &World, wanted: impl Fn(&Event) -> bool) -> bool {
    world.log().events.iter().any(|(_, event)| wanted(event))
}

/// How many calls created, or tried to create, an object.
fn creates(world: &World) -> usize {
    world.log().calls.iter().filter(|(_, call, _)| matches!(call, Call::Create { .. })).count()
}

/// The credentials of the calls since the first `count`, each once.
fn kinds_since(world: &World, count: usize) -> Vec<Credential> {
    let mut kinds: Vec<Credential> = Vec::new();
    for credential in world.log().credentials().iter().skip(count) {
        if !kinds.contains(credential) {
            kinds.push(*credential);
        }
    }
    kinds
}

fn bundles(world: &World) -> BTreeSet<Option<Generation>> {
    world.disk.names().filter(|name| matches!(name, Name::Bundle { .. })).map(Name::generation).collect()
}
