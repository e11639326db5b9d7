//! Bundles that a recovery finds and that are not yet valid.

use super::Recovering;
use crate::common::Cx;
use crate::event::Event;
use crate::renewal::{Carry, Ready};

impl Recovering {
    /// Holds a bundle that is not yet valid, if its notBefore is near. At start, and with no identity in use, a notBefore that is
    /// far away makes the clock suspect: it is given some time to be set.
    pub(super) fn wait_for_validity(&self, cx: &mut Cx<'_>, ready: &Ready) {
        cx.hold(ready.not_yet_valid);
        let is_first = matches!(self.carry, Carry::Nothing) && cx.common.serving.in_use().is_none();
        let Some(bundle) = ready.not_yet_valid.filter(|_| is_first) else { return };
        if cx.common.can_hold(bundle.not_before, cx.now.wall) {
            if bundle.old_template {
                return;
            }
            cx.report(Event::Held { generation: bundle.generation, not_before: bundle.not_before });
        } else {
            let wait = cx.common.timing().clock_wait(cx.common.lifetime);
            cx.common.gates.clock_suspect = cx.after(wait);
            cx.report(Event::ClockSuspect { not_before: bundle.not_before, wait });
        }
    }
}
