//! The invariants, each a named function whose doc comment is the sentence.
//!
//! They look at the world from outside: at the disk, the server and what the node announced. What they have to
//! remember is in [`crate::ghost`]; what the machine may ask for is in [`crate::spec`].

use certrotate_core::api::ApiFault;
use certrotate_core::disk::Name;
use certrotate_core::id::{CertHandle, Generation, OpId, RunId};
use certrotate_core::input::{Disposition, Input};
use certrotate_core::rotator::{Rotator, Step};
use certrotate_core::time::Now;
use certrotate_core::view::{Phase, View};

use crate::disk::{Bundle, Disk, File};
use crate::monitor::{Broken, Life};
pub use crate::violation::Violation;
use crate::world::{Fit, World};

pub mod adoption;
pub mod template;
pub mod waiting;

use template::{l3_another_template_is_asked_for_soon, s2_served_is_for_whom_it_should_be};
use waiting::{l1_what_is_held_is_looked_at_when_it_starts, s5_what_the_disk_refuses_is_served};

/// The calls that may be made in a short time, in thousandths: the waits after failures double from two seconds, which is
/// six calls more than one a minute; the looks at a pending request double from ten, which is four more; and a name
/// that is taken is looked at at once, which is two.
pub const BURST: u64 = 12_000;

/// The inputs that may come without any time passing: a first start is some thirty, and a recovery with everything in its
/// way some forty more.
pub const AT_ONCE: u16 = 200;

mod best;

pub(crate) use best::best_on_disk;
pub use best::{l3_what_is_good_now_is_looked_at, s4_start_finds_the_last_one, s5_last_good_one_survives};

type Invariant = (&'static str, &'static str, fn(&World) -> bool);

/// Asked after every step.
pub const ALWAYS: &[Invariant] = &[
    ("S1", "the identity that is served is within its validity", s1_served_within_validity),
    ("S1", "the driver serves what the machine takes to be live", s1_driver_and_machine_agree),
    ("S2", "what is served is for the subject that is wanted", s2_served_is_for_whom_it_should_be),
    ("S8", "at most one request is open", s8_one_open_request),
    ("S9", "calls are bounded in every window of time", s9_no_hot_loop),
    ("S9", "the machine does not spin while no time passes", s9_does_not_spin),
    ("S10", "no two requests, and no two generations, share a key", s10_fresh_keys),
    ("S13", "what is older than what is served does not go live", s13_never_older),
    ("S14", "what ended in this run does not go live again", s14_never_back),
    ("L1", "renewal is due between seven and nine tenths of lifetime", l1_renewal_point_is_in_its_range),
    ("L1", "what is held is looked at when it starts", l1_what_is_held_is_looked_at_when_it_starts),
    ("L3", "what is good by the clock of now is looked at", l3_what_is_good_now_is_looked_at),
    ("S5", "a disk that refuses costs no identity", s5_what_the_disk_refuses_is_served),
    ("L2", "every wait has an end", l2_a_deadline_is_armed),
    ("S14", "what is waited for is waited for by mono time", s14_waits_are_by_mono_time),
    ("L3", "another template is asked for soon", l3_another_template_is_asked_for_soon),
    ("L4", "no wait is longer than its cap", l4_no_wait_is_longer_than_its_cap),
    ("S14", "nothing postpones a renewal by mono time", s14_renewal_is_not_postponed),
    ("S14", "a renewal is due by the wall clock, too", s14_renewal_is_due_by_the_wall_clock),
    ("S5", "a start finds an identity where there is one", s5_last_good_one_survives),
    (
        "S4",
        "a start finds the last identity that was announced, and no older one",
        s4_start_finds_the_last_one,
    ),
    ("S5", "a failure never takes a usable identity away", f14_failure_takes_nothing_away),
];

/// Asked after every change of the disk, answered or not, and when something goes live.
pub const OF_THE_DISK: &[Invariant] = &[
    ("S3", "the live name names a complete bundle or nothing, in every image", s3_live_name_is_whole),
    ("S2", "the live name names an acceptable identity", s2_live_name_is_acceptable),
    ("S4", "what is served is what the live name names, in every image", s4_served_is_durable),
    ("S7", "nothing exposes a file that failed", s7_failed_files_are_not_used),
    ("S12", "at most five names of ours, in every image", s12_bounded_disk),
    ("S12", "nothing is created while a failed file is in the way", s12_failed_files_go_first),
    ("S11", "no file of ours is readable by others", s11_files_are_private),
];

/// Asks all of them, and notes the first that does not hold.
pub fn check(world: &mut World) {
    if let Some(Broken(id, sentence)) = world.ghost.monitor.broken {
        world.hold(id, sentence, false);
    }
    for (id, sentence, holds) in ALWAYS {
        if !holds(world) {
            world.hold(id, sentence, false);
        }
    }
    if has_recovered(world) && !world.ghost.recovered {
        world.ghost.recovered = true;
        // What somebody did to the files has been found by now.
        world.disk.meddled = false;
    }
    if let Some((id, sentence)) = world.spec.broken {
        world.hold(id, sentence, false);
    }
    world.ghost.untidy &= !world.ghost.recovered;
    let view = world.view();
    world.ghost.held_back |= view.is_some_and(|view| view.identity.is_some() && !view.serving);
}

/// What does not hold of an image that a power cut leaves of a world's disk.
#[must_use]
pub fn of_image(world: &World, image: &Disk) -> Option<Violation> {
    if world.blind || world.disk.damaged {
        return None;
    }
    let live = image.live_bundle();
    let absent = !world.disk.linked_once || world.disk.unlinked || world.disk.is_renaming(Name::Current);
    let private = image.names().all(|name| !matches!(name, Name::Bundle { .. }) || !image.is_careless(name));
    let whole = match (image.read(Name::Current), live) {
        (None, _) => absent,
        (Some(_), Some(bundle)) => private && world.is_acceptable(&bundle),
        (Some(_), None) => false,
    };
    let durable = world.served().filter(|_| !world.is_unsaved());
    let serves = live.is_none_or(|live| durable.is_none_or(|served| live.generation >= served));
    match (whole, serves) {
        (true, true) => None,
        (false, _) => Some(Violation {
            id: "S3",
            sentence: "after a power cut the live name names a complete, judged bundle, or may be absent",
        }),
        (true, false) => Some(Violation {
            id: "S4",
            sentence: "after a power cut the live name names what was served, or a newer one",
        }),
    }
}

/// Asks those of the disk, and notes the first that does not hold.
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

/// S13: an input that is ignored changes nothing but what the time itself changes.
#[must_use]
pub fn s13_ignored_changes_nothing(before: &Rotator, after: &Rotator, now: Now, step: &Step) -> bool {
    if step.disposition == Disposition::Applied {
        return true;
    }
    let mut timed = before.clone();
    let op = OpId { run: RunId(u64::MAX), seq: u32::MAX };
    let unknown = timed.step(now, Input::CallAnswered { op, result: Err(ApiFault::NotFound) });
    timed == *after && unknown.actions == step.actions
}

fn has_recovered(world: &World) -> bool {
    world.node.as_ref().is_some_and(|node| {
        let view = node.view();
        // A pair that was found is copied first.
        let copies = view.phase == Phase::Installing && view.attempt.is_none();
        !copies && !matches!(view.phase, Phase::New | Phase::Locking | Phase::Recovering | Phase::Ended)
    })
}

/// The identity that is served is within its validity at the time of the last step.
#[must_use]
pub fn s1_served_within_validity(world: &World) -> bool {
    let valid = |(start, end)| start <= world.now.wall && world.now.wall < end;
    world.served.and_then(|(_, cert)| world.dates(cert)).is_none_or(valid)
}

/// The identity that the driver serves, by the machine's actions, is the one that the machine takes to be live.
#[must_use]
pub fn s1_driver_and_machine_agree(world: &World) -> bool {
    world.node.as_ref().is_none_or(|node| {
        let view = node.view();
        let live = view.identity.filter(|_| view.serving).map(|identity| identity.generation);
        let read = node.live(world.now.wall).is_some();
        view.phase == Phase::Ended || live == world.served() && read == live.is_some()
    })
}

/// What the live name names is for its own key, just what was asked for, and was worth its while; and where it is of the
/// generation that is served, it is that very certificate: what is written is what was judged.
#[must_use]
pub fn s2_live_name_is_acceptable(world: &World) -> bool {
    let judged = |bundle: &Bundle| {
        let served = world.served.filter(|(generation, _)| *generation == bundle.generation);
        // Where somebody took away what is served from memory, the same request may lead to another certificate.
        let later = |cert: CertHandle| world.is_unsaved() && cert.0 < u64::from(bundle.cert);
        served.is_none_or(|(_, cert)| cert.0 == u64::from(bundle.cert) || later(cert))
    };
    world.disk.damaged
        || world.disk.live_bundle().is_none_or(|bundle| world.is_acceptable(&bundle) && judged(&bundle))
}

/// Whatever a power cut may leave, the live name names a complete bundle or is absent; and it is absent only before
/// its first rename, or where a power cut in the middle of a rename took it away.
#[must_use]
pub fn s3_live_name_is_whole(world: &World) -> bool {
    let disk = &world.disk;
    let renaming = disk.is_renaming(Name::Current);
    let absent = !disk.linked_once || disk.unlinked || renaming;
    let visible = disk.read(Name::Current).is_some() || !disk.linked_once || disk.unlinked;
    let legal = |live| match live {
        Ok(None) => absent,
        Ok(Some(_)) => true,
        Err(_) => false,
    };
    disk.damaged || visible && disk.live_in_images().all(legal)
}

/// Whatever a power cut may leave, the live name gives the generation that is served, or a newer one, or nothing in
/// the middle of its rename; but for what is served as unsaved.
#[must_use]
pub fn s4_served_is_durable(world: &World) -> bool {
    let Some(served) = world.served().filter(|_| !world.is_unsaved()) else { return true };
    let renaming = world.disk.is_renaming(Name::Current);
    let serves = |live: Result<Option<Generation>, Name>| match live {
        Ok(Some(generation)) => generation >= served,
        Ok(None) => renaming,
        Err(_) => false,
    };
    world.disk.damaged || world.disk.live_in_images().all(serves)
}

/// Nothing was done with a file on which something had failed, or that this run did not write, which would expose it.
#[must_use]
pub fn s7_failed_files_are_not_used(world: &World) -> bool {
    world.disk.exposed.is_none()
}

/// At most one request is open on the server, and one more for each pending file that somebody else took away; not counted
/// is the one that was open when the template changed, which the node may not delete.
#[must_use]
pub fn s8_one_open_request(world: &World) -> bool {
    world.open() <= 1 + usize::from(world.ghost.requests_lost)
}

/// In a run, at most [`AT_ONCE`] inputs lead to something while no time passes: a machine that goes on and on spins.
#[must_use]
pub fn s9_does_not_spin(world: &World) -> bool {
    world.ghost.at_once.steps <= AT_ONCE
}

/// In any window of mono time there are at most [`BURST`] looks and as many watches, one more a minute of each,
/// and six looks and three watches more a start, the first of which waits where there is a request to take up; minutes
/// shrink with the lifetime of certificates.
#[must_use]
pub fn s9_no_hot_loop(world: &World) -> bool {
    !world.ghost.crash_loop && world.ghost.looks.level() <= BURST && world.ghost.watches.level() <= BURST
}

/// No two different requests ever had the same key, and no two generations.
#[must_use]
pub fn s10_fresh_keys(world: &World) -> bool {
    !world.ghost.key_shared
}

/// Every file of ours that holds a key has its mode from the beginning.
#[must_use]
pub fn s11_files_are_private(world: &World) -> bool {
    world.disk.names().all(|name| matches!(name, Name::Quarantine { .. }) || !world.disk.is_careless(name))
}

/// At most five names of ours are there, in every image, without quarantined files, what somebody else put there,
/// and what could not be removed; one more where a clock that went back keeps two bundles from being removed: the
/// one that it holds back, and the one that replaced it; or where a bundle was misread, or could not be read before a crash, and
/// so made again, until a start has tidied up; or while a bundle for another subject is there, because what is wanted again
/// may lie beside it; and one more whose turn to be removed did not come, because the removal before it failed.
#[must_use]
pub fn s12_bounded_disk(world: &World) -> bool {
    let excused = world.disk.strangers.iter().chain(world.disk.resisting.iter());
    let ours = |name: Name| {
        !matches!(name, Name::Quarantine { .. }) && excused.clone().all(|stranger| stranger.0 != name)
    };
    let broken = world.disk.damaged || world.ghost.misread || world.ghost.untidy;
    let foreign = || {
        world.disk.names().any(|name| match world.disk.read(name) {
            Some(File::Bundle(it)) => world.fit(CertHandle(it.cert.into())) == Some(Fit::Foreign),
            _ => false,
        })
    };
    let next = usize::from(world.disk.removal_failed && world.disk.resisting.is_empty());
    let names = world.disk.most_names(ours);
    names <= 5 + next || names <= 6 + next && (world.ghost.held_back || broken || foreign())
}

/// After a file failed it is removed and the directory synced before anything is created.
#[must_use]
pub fn s12_failed_files_go_first(world: &World) -> bool {
    !world.ghost.created_too_early
}

/// What is older than what is served and valid does not go live.
#[must_use]
pub fn s13_never_older(world: &World) -> bool {
    !world.ghost.older
}

/// What ended while it was served in this run does not go live again, wherever the clock goes.
#[must_use]
pub fn s14_never_back(world: &World) -> bool {
    !world.ghost.revived
}

/// What is live is to be renewed when seven to nine tenths of its lifetime are over, counted from its issue, or from its start
/// if that is later.
#[must_use]
pub fn l1_renewal_point_is_in_its_range(world: &World) -> bool {
    let Some(identity) = world.node.as_ref().and_then(|node| node.view().identity) else { return true };
    let lifetime = Life { start: identity.issued.max(identity.not_before), end: identity.not_after };
    let point = i128::from(identity.renew_at.unix_ms());
    lifetime.at(700) <= point && point <= lifetime.at(900) + 1
}

/// While a run lasts, it wants a tick at some time. Where the server is waited for, [`l4_no_wait_is_longer_than_its_cap`] says when.
#[must_use]
pub fn l2_a_deadline_is_armed(world: &World) -> bool {
    let Some(node) = &world.node else { return true };
    let (view, wake) = (node.view(), node.wake());
    let rests = view.phase == Phase::Resting && view.identity.is_some();
    match view.phase {
        Phase::Ended | Phase::Asking => true,
        Phase::Resting if !rests => true,
        _ if rests && !world.config.spec().rotate => wake.wall.is_some(),
        _ => (wake.mono.is_some() || wake.wall.is_some() && !rests) && (!rests || wake.wall.is_some()),
    }
}

/// While anything is under way or an identity is wanted, a tick is wanted by mono time, and not by a clock that may be set.
#[must_use]
pub fn s14_waits_are_by_mono_time(world: &World) -> bool {
    let Some(node) = &world.node else { return true };
    let (view, wake) = (node.view(), node.wake());
    let rests = view.phase == Phase::Resting && view.identity.is_some();
    view.phase == Phase::Ended
        || rests && !world.config.spec().rotate
        || wake.mono.is_some()
        || wake.wall.is_none()
}

/// Between two calls, and between two attempts, there is no longer wait than its cap: while asking, the longest wait
/// of a call (15 min, less where certificates live for less than an hour); otherwise the longest wait after denials, with jitter (5 h).
#[must_use]
pub fn l4_no_wait_is_longer_than_its_cap(world: &World) -> bool {
    let Some(node) = &world.node else { return true };
    let (view, wake) = (node.view(), node.wake());
    let rests = view.phase == Phase::Resting && view.identity.is_some();
    if rests || !matches!(view.phase, Phase::Asking | Phase::Resting) && wake.mono.is_none() {
        return true;
    }
    let Some(mono) = wake.mono else { return view.phase == Phase::Ended };
    // A wait may have begun when certificates lived longer; calls are made while nothing changes that.
    let scaled = match view.phase {
        Phase::Asking => (900_000 * view.lifetime.ms().min(3_600_000) / 3_600_000).max(1000),
        _ => 18_000_000,
    };
    mono.ms().saturating_sub(world.shown().mono.ms()) <= scaled
}

/// In milliseconds, how long a renewal may have to wait: after a failed attempt, or for what is held an hour, and a minute to look
/// at the clock.
fn longest_wait(view: &View) -> u64 {
    let failed = 18_000_000 * view.lifetime.ms().min(3_600_000) / 3_600_000 + 1000;
    if view.held.is_some() { failed.max(3_660_000) } else { failed }
}

/// While an identity is served and nothing is in flight, a tick is wanted when nine tenths of its lifetime have passed by
/// mono time at the latest, or when the wait after a failed attempt ends, or that for the start of a certificate that is held.
#[must_use]
pub fn s14_renewal_is_not_postponed(world: &World) -> bool {
    let (Some(node), Some(by)) = (&world.node, world.ghost.renew_by) else { return true };
    let (view, wake) = (node.view(), node.wake());
    if view.phase != Phase::Resting || !world.config.spec().rotate || view.identity.is_none() {
        return true;
    }
    // A clock that stands still while the machine sleeps wakes it as much later.
    let latest = by.ms().max(world.now.mono.ms().saturating_add(longest_wait(view)));
    wake.mono.is_some_and(|mono| mono.ms().saturating_add(world.lag.ms()) <= latest)
}

/// While an identity is served and nothing is in flight, a tick is wanted when nine tenths of its lifetime have passed by
/// the wall clock at the latest, or when the wait after a failed attempt ends, or that for the start of a certificate that is held.
#[must_use]
pub fn s14_renewal_is_due_by_the_wall_clock(world: &World) -> bool {
    let Some(node) = &world.node else { return true };
    let (view, wake) = (node.view(), node.wake());
    let Some(identity) = view.identity.filter(|_| view.serving) else { return true };
    if view.phase != Phase::Resting || !world.config.spec().rotate {
        return true;
    }
    let latest =
        identity.not_after.unix_ms().saturating_sub_unsigned(view.lifetime.ms() / 10).saturating_add(10);
    let soon = world.shown().mono.ms().saturating_add(longest_wait(view));
    wake.wall.is_some_and(|wall| wall.unix_ms() <= latest) || wake.mono.is_some_and(|mono| mono.ms() <= soon)
}

/// While clocks, process and files are left alone, an identity that was announced is served to its end.
#[must_use]
pub fn f14_failure_takes_nothing_away(world: &World) -> bool {
    !world.ghost.undisturbed || world.served().is_some() || world.ghost.announced.is_none()
}
