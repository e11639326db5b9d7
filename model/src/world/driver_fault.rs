//! Transitions in which the driver breaks its contract. Core must survive them.

use certrotate_core::input::Input;
use certrotate_core::time::Span;

use crate::transition::DriverFault;
use crate::world::World;

impl World {
    pub(super) fn driver_fails(&mut self, fault: DriverFault) -> bool {
        match fault {
            DriverFault::MonoBack(by) => self.mono_back(by),
        }
    }

    /// The driver's monotonic clock goes back, just after a step: core cannot know the time since the last one.
    fn mono_back(&mut self, by: Span) -> bool {
        self.give(Input::Tick);
        let shown = self.shown().mono.ms();
        self.lag = self.lag.plus(Span::from_ms(by.ms().min(shown)));
        self.give(Input::Tick);
        shown > 0
    }
}
