//! The load on the server, and the keys.
//!
//! The bounds are written out here on purpose, and not taken from `certrotate_core::timing`.

use super::exceptions::{abandoned_request, lost_pending_files, request_of_expired_identity};
use crate::server::Object;
use crate::world::World;

/// The calls that may be made in a short time, in thousandths. The waits after failures double from two seconds, which is
/// six calls more than one a minute. The waits for a pending request double from ten seconds, which is four more. A
/// name that is taken is read at once, which is two. A server that answers every other call sees the four closest polls twice.
pub const BURST: u64 = 16_000;

/// The new requests without a certificate that may be made in a short time, in thousandths. The waits after a denial double from ten
/// minutes to four hours, which is five requests more than one in four hours.
pub const REQUESTS: u64 = 7_000;

/// The most inputs with an action at one time: a first start needs some thirty, and a recovery with
/// every fault some forty more.
pub const MOST_INPUTS_AT_ONE_TIME: u16 = 200;

/// Whether at most one request is open, and one more for each lost pending file.
#[must_use]
pub fn s8_one_open_request(world: &World) -> bool {
    let abandoned = |object: &Object| abandoned_request(object) || request_of_expired_identity(object);
    let open = world.server.objects.iter().filter(|object| object.is_undecided() && !abandoned(object));
    open.count() <= 1 + lost_pending_files(world)
}

/// Whether at most [`MOST_INPUTS_AT_ONE_TIME`] inputs led to an action while no time passed.
#[must_use]
pub fn s9_no_spin(world: &World) -> bool {
    world.ghost.burst.steps <= MOST_INPUTS_AT_ONE_TIME
}

/// Whether, in any window of monotonic time, there were at most [`BURST`] calls of each kind plus one a minute. The kinds are
/// watches, and gets with creates. A template change once a minute allows six calls and three watches more. A start allows as many
/// more as the run before it had time for, at most as many. Minutes are shorter where the lifetime is below an hour.
#[must_use]
pub fn s9_calls_are_bounded(world: &World) -> bool {
    world.ghost.load.calls.level() <= BURST && world.ghost.load.watches.level() <= BURST
}

/// Whether, in any window of monotonic time that may span restarts, there were at most [`REQUESTS`] new requests plus one in four
/// hours. A certificate, a template change, and a change that takes the pending file or its age away begin the count anew.
#[must_use]
pub fn s9_new_requests_are_bounded(world: &World) -> bool {
    world.ghost.load.requests() <= REQUESTS
}

/// Whether no run that found a pending file sent that request again within its first second, or before the wait for as many failed
/// attempts as the disk tells.
#[must_use]
pub fn s9_restarts_are_paced(world: &World) -> bool {
    !world.ghost.load.crash_loop
}

/// Whether no two different requests ever had the same key, and no two generations.
#[must_use]
pub fn s10_fresh_keys(world: &World) -> bool {
    !world.ghost.key_shared
}
