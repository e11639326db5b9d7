//! Bugs of [`Recovering`].

use super::{Recovering, Stage};
use crate::common::Cx;
use crate::disk::{DiskCommand, Found, Inventory};
use crate::renewal::decide::{Context, Ready};
use crate::renewal::{Carry, Renewal, Resting};
use crate::seeded::{Bug, NEVER};

impl Recovering {
    /// Whether the step that is under way is a directory sync.
    pub(crate) const fn syncs_directory(&self) -> bool {
        matches!(self.stage, Stage::Syncing(_))
    }

    /// Overstates the knowledge of a scan.
    pub(super) fn overrated<'a>(cx: &mut Cx<'_>, context: Context<'a>, inventory: &Inventory) -> Context<'a> {
        if cx.bug(Bug::B59) && !context.is_synced {
            for entry in &inventory.entries {
                if matches!(entry.found, Found::Bundle(_) | Found::Pending(_)) {
                    cx.disk(DiskCommand::SyncFile { name: entry.name });
                }
            }
        }
        Context { is_synced: context.is_synced || cx.bug(Bug::B41), ..context }
    }

    pub(super) fn finished_badly(&self, cx: &mut Cx<'_>, ready: &Ready) -> Option<Renewal> {
        let serving = cx.common.serving.durable.presented().is_some();
        match (cx.seeded()?, self.carry) {
            (Bug::B16, Carry::Nothing) => Some(Renewal::Resting(Resting::without_wait(cx))),
            (Bug::F44, Carry::Nothing) if serving && ready.resume.is_none() => {
                Resting { not_before: cx.now.mono }.rotate_now(cx).ok()
            }
            (Bug::B48, Carry::Certificate(attempt, _))
                if cx.common.serving.durable.generation() >= attempt.generation =>
            {
                let _ = Resting::after_rotation(cx);
                Some(Renewal::Resting(Resting { not_before: NEVER }))
            }
            _ => None,
        }
    }
}
