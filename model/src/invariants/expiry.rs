//! What becomes of a request that was open when the identity expired, and of the waits that a restart finds.
//!
//! The bounds are written out here on purpose, and not taken from `certrotate_core::timing`.

use certrotate_core::disk::Name;
use certrotate_core::id::{CertHandle, Generation, RequestDigest};
use certrotate_core::issuer::{RequestRecord, RequestState};
use certrotate_core::time::{MonoTime, Span, WallTime};
use certrotate_core::view::{Gate, Phase};

use crate::disk::{File, Pending};
use crate::invariants::exceptions::external_far_bundle;
use crate::monitor::minute;
use crate::world::World;

/// Whether a request may be given up because it was made as an identity that has expired: none is served, the node made it,
/// and it is the first since an identity was served. A run that was killed before the next key was durable may give it up
/// again.
#[must_use]
pub fn s8_may_give_up_request_of_expired(world: &World, request: RequestDigest) -> bool {
    let object = world.server.find(request);
    let is_first = !world.ghost.gave_up_of_expired || object.is_none_or(|object| object.of_expired);
    world.served().is_none() && object.is_none_or(|object| object.by_node) && is_first
}

/// Whether this answer shows a request that is to be given up now, because it was made as an identity that has expired: the
/// bootstrap credential reads it, nothing has decided on it, and nothing keeps the node from making the next one.
#[must_use]
pub fn shows_request_of_expired(world: &World, object: &RequestRecord) -> bool {
    let Some(view) = world.view() else { return false };
    let request = view.request.and_then(|request| world.server.find(request));
    let ours = request.is_some_and(|it| it.is_undecided() && it.by_node);
    let is_free = view.held.is_none()
        && !view.clock_invalid
        && world.shown().wall >= world.config.spec().built
        && world.disk_failures() == 0
        && world.ghost.monitor.is_long_after_rotation(world.continued().mono, minute(view.lifetime));
    let expired = last_expiry(world).filter(|expiry| *expiry <= world.shown().wall);
    let before = pending(world).is_some_and(|pending| Some(pending.made) < expired);
    object.state == RequestState::Pending && ours && is_free && before && view.identity.is_none()
}

/// Returns the notAfter of the bundle that the current link names.
fn last_expiry(world: &World) -> Option<WallTime> {
    let bundle = world.disk.live_bundle()?;
    let cert = CertHandle(bundle.cert.into());
    let (_, end) = world.dates(cert)?;
    (world.is_acceptable(&bundle) && !world.disk.damaged).then_some(end)
}

/// Returns the pending file of the current request.
#[must_use]
pub(crate) fn pending(world: &World) -> Option<Pending> {
    let attempt = world.view()?.attempt?;
    world.disk.names().find_map(|name| match (name, world.disk.read(name)) {
        (Name::Pending { generation, .. }, Some(File::Pending(pending))) if generation == attempt => {
            Some(pending)
        }
        _ => None,
    })
}

/// Returns how many attempts in a row failed if the present one does, by the names on disk. It is one at least. A bundle, and a pending
/// file beside that of the attempt, which may be one for an old template, end the row: now, or at a scan of this run.
#[must_use]
pub(crate) fn failed_attempts(world: &World) -> u32 {
    let Some(attempt) = world.view().and_then(|view| view.attempt) else { return 1 };
    let before = [row_ends(world.disk.names()), world.ghost.row_ends].into_iter().chain(world.served());
    let last = before.filter(|it| *it <= attempt).max();
    attempt.0.saturating_sub(last.map_or(0, |last| last.0)).max(1)
}

/// Returns the highest generation of these names that ends a row of failed attempts. A file of a far generation does not.
#[must_use]
pub(crate) fn row_ends(names: impl IntoIterator<Item = Name>) -> Generation {
    let names: Vec<Name> = names.into_iter().collect();
    let pending = names.iter().filter(|name| matches!(name, Name::Pending { .. }));
    let last = pending.filter_map(|name| name.generation()).max();
    let ends = names.iter().filter_map(|name| match *name {
        Name::Bundle { generation, .. } => {
            Some(generation).filter(|it| Some(*it) <= last || !external_far_bundle(*name))
        }
        Name::Pending { generation, .. } => Some(generation).filter(|it| Some(*it) < last),
        Name::Current | Name::Temporary { .. } | Name::Quarantine { .. } => None,
    });
    ends.max().unwrap_or(Generation(0))
}

/// Returns how long ago the request was made, by its pending file; [`Span::MAX`] if the clock is before that. `None` if it is
/// not a request that the start of this run found, or if the directory was rescanned since.
#[must_use]
pub fn age_of_found(world: &World) -> Option<Span> {
    let made = world.ghost.found_made?;
    let now = world.shown().wall;
    Some(if now < made { Span::MAX } else { now.since(made) })
}

/// Whether the waits of a request that this run found on disk continue where an earlier run left them: for its first call, and
/// for the next request if it was denied or failed. A restart does not begin them anew.
#[must_use]
pub fn l4_found_waits_continue(world: &World) -> bool {
    let (Some(node), Some(view)) = (&world.node, world.view()) else { return true };
    let no_later =
        |at: Option<MonoTime>, by: Option<MonoTime>| by.is_none_or(|by| at.is_none_or(|at| at <= by));
    match view.phase {
        Phase::Asking => no_later(node.wake().mono, world.ghost.load.found_call.map(|(_, by)| by)),
        Phase::Resting => {
            let backoff = view.gate.filter(|it| it.gate == Gate::Backoff).map(|it| it.until);
            no_later(backoff, world.ghost.monitor.found_retry_by())
        }
        _ => true,
    }
}
