//! Bugs of [`Recovering`].

use super::{Recovering, Stage};
use crate::common::Cx;
use crate::disk::{DiskCommand, Found, Inventory};
use crate::live::Live;
use crate::renewal::decide::{Known, Ready};
use crate::renewal::{Carry, Renewal, Resting};
use crate::seeded::{Bug, NEVER};

impl Recovering {
    /// Whether the step that is under way is a directory sync.
    pub(crate) const fn syncs_directory(&self) -> bool {
        matches!(self.stage, Stage::Syncing(_))
    }

    /// What is thought to be known of a scan.
    pub(super) fn overrated<'a>(cx: &mut Cx<'_>, known: Known<'a>, inventory: &Inventory) -> Known<'a> {
        if cx.bug(Bug::B59) && !known.synced {
            for entry in &inventory.entries {
                if matches!(entry.found, Found::Bundle(_) | Found::Pending(_)) {
                    cx.disk(DiskCommand::SyncFile { name: entry.name });
                }
            }
        }
        Known { synced: known.synced || cx.bug(Bug::B41), ..known }
    }

    pub(super) fn finished_badly(&self, cx: &mut Cx<'_>, ready: &Ready) -> Option<Renewal> {
        let serving = matches!(cx.common.live, Live::Serving(_));
        match (cx.seeded()?, self.carry) {
            (Bug::B16, Carry::Nothing) => Some(Renewal::Resting(Resting::without_wait(cx))),
            (Bug::F44, Carry::Nothing) if serving && ready.resume.is_none() => {
                Resting { not_before: cx.now.mono }.rotate_now(cx).ok()
            }
            (Bug::B48, Carry::Certificate(attempt, _))
                if cx.common.live.generation() >= attempt.generation =>
            {
                let _ = Resting::installed(cx);
                Some(Renewal::Resting(Resting { not_before: NEVER }))
            }
            _ => None,
        }
    }
}
