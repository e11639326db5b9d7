//! The load on the server, and the keys.
//!
//! The bounds are written out here on purpose, and not taken from `certrotate_core::timing`.

use super::exceptions::{abandoned_request, lost_pending_files, request_of_expired_identity};
use crate::server::Object;
use crate::world::World;

/// The calls that may be made in a short time, in thousandths. The waits after failures double from two seconds, which is
/// six calls more than one a minute. The waits for a pending request double from ten seconds, which is four more. A
/// name that is taken is read at once, which is two.
pub const BURST: u64 = 12_000;

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
/// watches, and gets with creates. A start, and a template change once a minute, allow six calls and three watches more.
/// Minutes are shorter where the lifetime is below an hour.
#[must_use]
pub fn s9_calls_are_bounded(world: &World) -> bool {
    world.ghost.calls.level() <= BURST && world.ghost.watches.level() <= BURST
}

/// Whether no run that found a pending file sent that request again within its first second.
#[must_use]
pub fn s9_restarts_are_paced(world: &World) -> bool {
    !world.ghost.crash_loop
}

/// Whether no two different requests ever had the same key, and no two generations.
#[must_use]
pub fn s10_fresh_keys(world: &World) -> bool {
    !world.ghost.key_shared
}
