//! The named times as they are for this certificate: scaled to its life.

use std::collections::BTreeMap;

use certrotate_core::time::Span;
use certrotate_core::times::Times;

/// Every wait by its name in docs/times.md, for certificates of this life, without jitter.
pub(super) fn for_life(times: &Times, life: Span) -> BTreeMap<&'static str, Span> {
    // Such a draw leaves a wait as it is: in the middle of its range, or at the end that only lengthens.
    let (middle, least) = (u64::from(times.jitter), 0);
    BTreeMap::from([
        ("approved_age_max", times.approved_age(1)),
        ("call_deadline", times.call_deadline(life)),
        ("clock_look", times.clock_look(life)),
        ("clock_wait", times.clock_wait(life)),
        ("disk_deadline", times.disk_deadline(life)),
        ("guard", times.guard(life)),
        ("hold_cap", times.hold_cap(life)),
        ("issuance_floor", times.issuance_floor(life)),
        ("life_left_least", times.life_left_least),
        ("poll_first", times.poll(life, 1)),
        ("poll_max", times.poll(life, u32::MAX)),
        ("renew_first", times.renew(life, 1, least)),
        ("renew_max", times.renew(life, u32::MAX, least)),
        ("retry_first", times.retry(life, 1, middle)),
        ("retry_max", times.retry_max(life)),
    ])
}
