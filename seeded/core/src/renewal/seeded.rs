//! Bugs of the inputs, in every phase.

use super::{OpId, Renewal, Resting};
use crate::common::Cx;
use crate::seeded::Bug;

/// The operation that the disk's answer is taken for: [`Bug::B55`].
pub(super) fn mistaken(cx: &Cx<'_>, waiting: Option<OpId>, op: OpId) -> OpId {
    match waiting {
        Some(waiting) if cx.bug(Bug::B55) && op.run == waiting.run && op.seq < waiting.seq => waiting,
        Some(_) | None => op,
    }
}

/// Begins an attempt beside an installation: [`Bug::B19`].
pub(super) fn rotated_badly(renewal: &Renewal, cx: &mut Cx<'_>) -> Option<Renewal> {
    match renewal {
        Renewal::Installing(phase) if cx.bug(Bug::B19) && phase.syncs_directory() => {
            Resting { not_before: cx.now.mono }.rotate_now(cx).ok()
        }
        _ => None,
    }
}

/// Whether a shutdown drops what is under way: [`Bug::B49`].
pub(super) fn drops(renewal: &Renewal, cx: &Cx<'_>) -> bool {
    let syncs = match renewal {
        Renewal::Recovering(phase) => phase.syncs_directory(),
        Renewal::Saving(phase) => phase.syncs_directory(),
        Renewal::Installing(phase) => phase.syncs_directory(),
        _ => false,
    };
    cx.bug(Bug::B49) && syncs
}
