//! The timing parameters as they are for this certificate: scaled to its lifetime.

use std::collections::BTreeMap;

use certrotate_core::time::Span;
use certrotate_core::timing::Timing;

/// Returns every wait by its name in docs/timing.md, for certificates of this lifetime, without jitter.
pub(super) fn for_life(times: &Timing, lifetime: Span) -> BTreeMap<&'static str, Span> {
    // This random number gives no jitter: the middle of a range, or the lower end of one that only lengthens.
    let (middle, least) = (u64::from(times.jitter), 0);
    BTreeMap::from([
        ("approved_age_max", times.approved_age(1)),
        ("call_deadline", times.call_deadline(lifetime)),
        ("clock_check", times.clock_check(lifetime)),
        ("clock_wait", times.clock_wait(lifetime)),
        ("disk_deadline", times.disk_deadline(lifetime)),
        ("expiry_margin", times.expiry_margin(lifetime)),
        ("hold_cap", times.hold_cap(lifetime)),
        ("issuance_interval", times.issuance_interval(lifetime)),
        ("lifetime_left_min", times.lifetime_left.min),
        ("poll_first", times.poll(lifetime, 1)),
        ("poll_max", times.poll(lifetime, u32::MAX)),
        ("renew_first", times.renew(lifetime, 1, least)),
        ("renew_max", times.renew(lifetime, u32::MAX, least)),
        ("retry_first", times.retry(lifetime, 1, middle)),
        ("retry_max", times.retry_max(lifetime)),
    ])
}
