//! The invariants, each a named function whose doc comment is the sentence.
//!
//! They look at the world from outside: at the disk, the server and what the node announced.

use std::collections::BTreeSet;

use crate::World;
use crate::disk::File;
use certrotate_core::disk::Name;

/// Checks all of them.
///
/// # Panics
///
/// With the invariant's id and sentence, if one does not hold.
pub fn check(world: &World) {
    type Invariant = (&'static str, fn(&World) -> bool);
    let all: [Invariant; 6] = [
        ("S1: the identity that is served is within its validity", s1_served_within_validity),
        ("S3: the live name names a complete bundle or nothing", s3_live_name_is_whole),
        ("S4: what is served is what the live name names, or newer is on its way", s4_served_is_durable),
        ("S8: at most one request is open", s8_one_open_request),
        ("S10: no two requests share a key", s10_fresh_keys),
        ("S12: at most five names of ours, and one quarantined", s12_bounded_disk),
    ];
    for (sentence, holds) in all {
        assert!(holds(world), "{sentence}: violated at step {}\n{}", world.steps, world.summary());
    }
}

/// The identity that is served is within its validity at the time of the last step.
#[must_use]
pub fn s1_served_within_validity(world: &World) -> bool {
    world
        .served_facts()
        .is_none_or(|facts| facts.not_before <= world.now.wall && world.now.wall < facts.not_after)
}

/// What the live name names is a complete bundle. Absence is for a node that never had one.
#[must_use]
pub fn s3_live_name_is_whole(world: &World) -> bool {
    match world.disk.read(Name::Live) {
        Some(File::Link(_)) => world.disk.live_bundle().is_some() || world.node.is_none(),
        None
        | Some(File::Partial | File::Bundle(_) | File::Pending(_) | File::ForeignLink | File::Garbage) => {
            true
        }
    }
}

/// A served generation is not newer than the one that the live name names.
#[must_use]
pub fn s4_served_is_durable(world: &World) -> bool {
    match (world.served(), world.disk.live_bundle()) {
        (Some(served), Some(bundle)) => bundle.header.generation >= served,
        (Some(_), None) | (None, _) => true,
    }
}

/// At most one request is open on the server.
#[must_use]
pub fn s8_one_open_request(world: &World) -> bool {
    world.server.open() <= 1
}

/// No two objects on the server have the same key.
#[must_use]
pub fn s10_fresh_keys(world: &World) -> bool {
    let keys: Vec<_> = world.server.objects.values().filter_map(|object| object.key).collect();
    keys.iter().collect::<BTreeSet<_>>().len() == keys.len()
}

/// At most five names of ours are there, and one quarantined file.
#[must_use]
pub fn s12_bounded_disk(world: &World) -> bool {
    let quarantined = world.disk.names().filter(|name| matches!(name, Name::Quarantine { .. })).count();
    world.disk.names().count() - quarantined <= 5
}
