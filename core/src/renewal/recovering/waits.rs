//! What recovery finds that only the clock is against.

use super::Recovering;
use crate::common::Cx;
use crate::event::Event;
use crate::renewal::{Carry, Ready};

impl Recovering {
    /// What only the clock is against is waited for, if it is near; and at start, where nothing else can be served, the
    /// clock is given some time to be set.
    pub(super) fn waits(&self, cx: &mut Cx<'_>, ready: &Ready) {
        cx.hold(ready.early);
        let first = matches!(self.carry, Carry::Nothing) && cx.common.live.identity().is_none();
        let Some(early) = ready.early.filter(|_| first) else { return };
        if cx.common.is_held(early.start, cx.now.wall) {
            if early.old_template {
                return;
            }
            cx.report(Event::Held { generation: early.generation, not_before: early.start });
        } else {
            let wait = cx.common.timing().clock_wait(cx.common.lifetime);
            cx.common.doubted_until = cx.after(wait);
            #[cfg(feature = "seeded")]
            crate::seeded::doubts_badly(cx);
            cx.report(Event::ClockSuspect { not_before: early.start, wait });
        }
    }
}
