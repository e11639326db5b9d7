//! The invariants, each a named function whose doc comment is the sentence.
//!
//! They look at the world from outside: at the disk, the server and what the node announced.

use certrotate_core::api::ApiFault;
use certrotate_core::disk::Name;
use certrotate_core::facts::CertFacts;
use certrotate_core::id::{Generation, OpId, RunId};
use certrotate_core::input::{Disposition, Input};
use certrotate_core::judge::{judge_identity, judge_time};
use certrotate_core::rotator::{Rotator, Step};
use certrotate_core::time::Now;
use certrotate_core::view::Phase;

use crate::World;

/// Checks all of them.
///
/// # Panics
///
/// With the invariant's id and sentence, if one does not hold.
pub fn check(world: &mut World) {
    type Invariant = (&'static str, fn(&World) -> bool);
    let all: [Invariant; 9] = [
        ("S1: the identity that is served is within its validity", s1_served_within_validity),
        ("S1: the driver serves what the machine takes to be live", s1_driver_and_machine_agree),
        ("S3: the live name names a complete bundle or nothing, in every image", s3_live_name_is_whole),
        ("S4: what is served is what the live name names, in every image", s4_served_is_durable),
        ("S5: a start finds the last identity that was announced", s5_last_good_one_survives),
        ("S8: at most one request is open", s8_one_open_request),
        ("S10: no two requests share a key", s10_fresh_keys),
        ("S12: at most five names of ours", s12_bounded_disk),
        ("F14: a failure never takes a usable identity away", f14_failure_takes_nothing_away),
    ];
    for (sentence, holds) in all {
        assert!(holds(world), "{sentence}: violated at step {}\n{}", world.steps, world.summary());
    }
    world.recovered |= has_recovered(world);
}

/// S13: an input that is ignored changes nothing but what the time itself changes.
///
/// # Panics
///
/// If it did.
pub fn check_ignored(before: &Rotator, after: &Rotator, now: Now, step: &Step) {
    if let Disposition::Ignored(why) = step.disposition {
        let mut timed = before.clone();
        let op = OpId { run: RunId(u64::MAX), seq: u32::MAX };
        let unknown = timed.step(now, Input::CallAnswered { op, result: Err(ApiFault::NotFound) });
        assert_eq!(&timed, after, "S13: an input that is ignored ({why:?}) changes nothing");
        assert_eq!(unknown.actions, step.actions, "S13: an input that is ignored ({why:?}) asks for nothing");
    }
}

fn has_recovered(world: &World) -> bool {
    world.node.as_ref().is_some_and(|node| {
        !matches!(node.view().phase, Phase::New | Phase::Locking | Phase::Recovering | Phase::Ended)
    })
}

/// The identity that is served is within its validity at the time of the last step.
#[must_use]
pub fn s1_served_within_validity(world: &World) -> bool {
    world
        .served_facts()
        .is_none_or(|facts| facts.not_before <= world.now.wall && world.now.wall < facts.not_after)
}

/// The identity that the driver serves, by the machine's actions, is the one that the machine takes to be live.
#[must_use]
pub fn s1_driver_and_machine_agree(world: &World) -> bool {
    world.node.as_ref().is_none_or(|node| {
        let view = node.view();
        let live = view.identity.filter(|_| view.serving).map(|identity| identity.generation);
        live == world.served() || view.phase == Phase::Ended
    })
}

/// Whatever a power cut may leave, the live name names a complete bundle or is absent.
#[must_use]
pub fn s3_live_name_is_whole(world: &World) -> bool {
    world.disk.damaged || world.disk.live_in_images().all(|live| live.is_ok())
}

/// Whatever a power cut may leave, the live name gives the generation that is served, or a newer one.
#[must_use]
pub fn s4_served_is_durable(world: &World) -> bool {
    let Some(served) = world.served() else { return true };
    let serves = |live: Result<Option<Generation>, Name>| live.is_ok_and(|live| live >= Some(served));
    world.disk.damaged || world.disk.live_in_images().all(serves)
}

/// When a run has found out what is on disk, it serves the identity that was announced last, over all
/// runs, or a newer one, unless that is not valid now, not what is wanted any more, or somebody broke it.
#[must_use]
pub fn s5_last_good_one_survives(world: &World) -> bool {
    let Some((announced, facts)) = world.announced() else { return true };
    let wanted = judge_identity(world.config.spec(), &facts.key, facts).is_ok();
    let valid = judge_time(world.now.wall, facts.not_before, facts.not_after).is_ok();
    let just_recovered = has_recovered(world) && !world.recovered;
    !just_recovered || !wanted || !valid || world.disk.damaged || world.served() >= Some(announced)
}

/// At most one request is open on the server.
#[must_use]
pub fn s8_one_open_request(world: &World) -> bool {
    world.server.open() <= 1
}

/// No two different requests ever had the same key.
#[must_use]
pub fn s10_fresh_keys(world: &World) -> bool {
    !world.server.key_shared()
}

/// At most five names of ours are there, without quarantined files, what somebody else put there,
/// and what could not be removed.
#[must_use]
pub fn s12_bounded_disk(world: &World) -> bool {
    let ours = |name: &Name| !matches!(name, Name::Quarantine { .. }) && !world.disk.strangers.contains(name);
    world.disk.names().filter(ours).count() <= 5 + world.disk.unremoved
}

/// While clocks, process and files are left alone, an identity that was announced is served to its end.
#[must_use]
pub fn f14_failure_takes_nothing_away(world: &World) -> bool {
    let ended = |(_, facts): (_, &CertFacts)| facts.not_after <= world.now.wall;
    !world.undisturbed || world.served().is_some() || world.announced().is_none_or(ended)
}
