//! The invariants: functions of a world, each with the sentence that a failure prints.
//!
//! They look at the world from outside: at the disk, the server and what the node announced. What they have to
//! remember is in [`crate::ghost`]. Rules about single inputs and actions are in [`crate::spec`] and [`crate::monitor`].
//! `docs/invariants.md` has a row for each check; `proptests/tests/invariants_page.rs` compares the two.

use certrotate_core::id::{OpId, RunId};
use certrotate_core::input::{Disposition, Input};
use certrotate_core::issuer::IssuerFault;
use certrotate_core::rotator::{Rotator, Step};
use certrotate_core::time::Now;
use certrotate_core::view::Phase;

use crate::monitor::Broken;
pub use crate::violation::Violation;
use crate::world::World;

pub mod adoption;
pub mod best;
pub mod deadlines;
pub mod disk;
pub mod exceptions;
pub mod expiry;
pub mod identity;
pub mod load;
pub mod refused;
pub mod template;

pub(crate) use best::best_on_disk;
use best::{l3_tick_uses_valid_bundle, s4_start_finds_the_last_one, s5_last_good_one_survives};
use deadlines::{
    l1_held_certificate_has_deadline, l1_renewal_point_is_in_range, l2_deadline_is_armed,
    l4_waits_are_capped, s14_renewal_is_due_by_wall_clock, s14_renewal_is_not_postponed,
    s14_waits_are_monotonic,
};
pub use disk::of_image;
use disk::{
    s2_linked_bundle_is_acceptable, s3_current_link_leads_to_whole_bundle, s4_served_identity_is_durable,
    s7_failed_files_are_not_used, s11_files_are_private, s12_failed_files_go_first, s12_names_are_bounded,
};
use expiry::l4_found_waits_continue;
use identity::{
    s1_driver_serves_live_identity, s1_reader_gets_valid_identity_only, s1_served_within_validity,
    s5_faults_take_no_identity_away, s11_abandoned_keys_are_erased, s13_never_older,
    s14_expired_identity_stays_withdrawn,
};
pub use load::{BURST, MOST_INPUTS_AT_ONE_TIME};
use load::{
    s8_one_open_request, s9_calls_are_bounded, s9_new_requests_are_bounded, s9_no_spin,
    s9_restarts_are_paced, s10_fresh_keys,
};
use refused::s5_refused_certificate_is_served;
use template::{l3_new_template_is_requested_soon, s2_served_has_configured_subject};

type Invariant = (&'static str, &'static str, fn(&World) -> bool);

/// Checked after every step.
pub const ALWAYS: &[Invariant] = &[
    ("S1", "the served identity is within its validity", s1_served_within_validity),
    ("S1", "the driver serves the identity that the rotator calls live", s1_driver_serves_live_identity),
    ("S1", "a reader gets an identity only while it is valid", s1_reader_gets_valid_identity_only),
    ("S2", "the served identity is for the configured subject", s2_served_has_configured_subject),
    ("S8", "at most one request is open", s8_one_open_request),
    ("S9", "calls are bounded in every window of time", s9_calls_are_bounded),
    ("S9", "new requests are bounded in every window of time", s9_new_requests_are_bounded),
    ("S9", "a restarted node waits before it sends a found request", s9_restarts_are_paced),
    ("S9", "at most 200 inputs lead to actions while no time passes", s9_no_spin),
    ("S10", "no two requests, and no two generations, share a key", s10_fresh_keys),
    ("S11", "no key is named as needed except of identities and the attempt", s11_abandoned_keys_are_erased),
    ("S13", "an identity older than the served, valid one does not go live", s13_never_older),
    ("S14", "an expired identity does not go live again in its run", s14_expired_identity_stays_withdrawn),
    ("L1", "the renewal point is at 70 to 90 % of the lifetime", l1_renewal_point_is_in_range),
    ("L1", "a held certificate has a deadline at its notBefore", l1_held_certificate_has_deadline),
    ("L3", "a tick without an identity uses a valid bundle", l3_tick_uses_valid_bundle),
    (
        "S5",
        "a good certificate that the disk refuses is presented from memory",
        s5_refused_certificate_is_served,
    ),
    ("L2", "every wait has a deadline", l2_deadline_is_armed),
    ("S14", "no wait depends on the wall clock alone", s14_waits_are_monotonic),
    ("L3", "a new template is requested within its interval", l3_new_template_is_requested_soon),
    ("L4", "no wait is longer than its cap", l4_waits_are_capped),
    ("L4", "a restart does not begin the waits of a found request anew", l4_found_waits_continue),
    ("S14", "a renewal is due by monotonic time at 90 % of the lifetime", s14_renewal_is_not_postponed),
    ("S14", "a renewal is due by the wall clock at 90 % of the lifetime", s14_renewal_is_due_by_wall_clock),
    ("S5", "a start serves an identity if a valid one is announced or on disk", s5_last_good_one_survives),
    ("S4", "a start serves the last announced identity or a newer one", s4_start_finds_the_last_one),
    (
        "S5",
        "in an undisturbed scenario, faults of server and disk take no valid identity away",
        s5_faults_take_no_identity_away,
    ),
];

/// Checked after every disk operation, answered or not, and when an identity goes live.
pub const OF_THE_DISK: &[Invariant] = &[
    ("S3", "the current link leads to a whole bundle in every image", s3_current_link_leads_to_whole_bundle),
    ("S2", "the bundle behind the current link is acceptable", s2_linked_bundle_is_acceptable),
    (
        "S4",
        "the current link leads to the served generation or a newer one in every image",
        s4_served_identity_is_durable,
    ),
    ("S7", "a file on which an operation failed is not used", s7_failed_files_are_not_used),
    ("S12", "at most five names of ours are in any image", s12_names_are_bounded),
    ("S12", "nothing is created before a failed file is removed durably", s12_failed_files_go_first),
    ("S11", "no file of ours is readable by others", s11_files_are_private),
];

/// Runs every check of a step, and notes the first that fails.
pub fn check(world: &mut World) {
    if let Some(Broken(id, sentence)) = world.ghost.monitor.broken {
        world.hold(id, sentence, false);
    }
    for (id, sentence, holds) in ALWAYS {
        if !holds(world) {
            world.hold(id, sentence, false);
        }
    }
    let is_scanning = world.view().is_some_and(|view| view.phase == Phase::Recovering);
    if is_scanning {
        (world.ghost.found_made, world.ghost.load.found_call) = (None, None);
    }
    if has_recovered(world) && !world.ghost.recovered {
        world.ghost.recovered = true;
        // Recovery has rescanned the directory: external changes are known to the node from here on.
        world.disk.is_changed_externally = false;
    }
    if let Some((id, sentence)) = world.spec.broken {
        world.hold(id, sentence, false);
    }
    world.ghost.misread_before_crash &= !world.ghost.recovered;
    let view = world.view();
    world.ghost.was_held |= view.is_some_and(|view| view.identity.is_some() && !view.serving);
}

/// Runs every check of the disk, and notes the first that fails.
pub fn check_disk(world: &mut World) {
    if world.blind {
        return;
    }
    for (id, sentence, holds) in OF_THE_DISK {
        if !holds(world) {
            world.hold(id, sentence, false);
        }
    }
}

/// S13: an ignored input changes nothing but what the passing of time changes.
#[must_use]
pub fn s13_ignored_changes_nothing(before: &Rotator, after: &Rotator, now: Now, step: &Step) -> bool {
    if step.disposition == Disposition::Applied {
        return true;
    }
    let mut timed = before.clone();
    let op = OpId { run: RunId(u64::MAX), seq: u32::MAX };
    let unknown = timed.step(now, Input::CallAnswered { op, result: Err(IssuerFault::NotFound) });
    timed == *after && unknown.actions == step.actions
}

/// Whether the run has read the directory and acted on what it found.
fn has_recovered(world: &World) -> bool {
    world.node.as_ref().is_some_and(|node| {
        let view = node.view();
        // An adopted pair is copied first.
        let copies = view.phase == Phase::Installing && view.attempt.is_none();
        !copies && !matches!(view.phase, Phase::New | Phase::Locking | Phase::Recovering | Phase::Ended)
    })
}
