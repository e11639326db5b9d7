//! The loop of a driver in one thread, without std.

use alloc::collections::VecDeque;
use core::time::Duration;

use certrotate_core::{Action, Config, ExitReason, Handle, Input, Now, Rotator, RunId, Step};

/// What the loop acts on.
pub(crate) trait Platform {
    /// Reads both clocks.
    fn now(&mut self) -> Now;

    /// Notes a step, before its actions. Only the conformance kit wants it.
    fn stepped(&mut self, now: Now, input: &Input, step: &Step) {
        let _ = (now, input, step);
    }

    /// Carries out an action. Returns the answer, if there is one now.
    fn carry_out(&mut self, action: &Action) -> Option<Input>;

    /// Erases keys and chains.
    fn erase(&mut self, handles: &[Handle]);

    /// Sleeps for this time at most. Returns the next input, or `None` if the process was killed.
    fn wait(&mut self, longest: Duration) -> Option<Input>;
}

/// Drives one rotator until core exits. Returns `None` if the process was killed.
pub(crate) fn drive(config: Config, run: RunId, platform: &mut impl Platform) -> Option<ExitReason> {
    let mut rotator = Rotator::new(config, run);
    let mut inputs = VecDeque::from([Input::Tick]);
    loop {
        let Some(input) = inputs.pop_front() else {
            let longest = rotator.sleep(platform.now())?;
            inputs.push_back(platform.wait(longest)?);
            continue;
        };
        let now = platform.now();
        let step = rotator.step(now, input.clone());
        platform.stepped(now, &input, &step);
        let mut exit = None;
        for action in &step.actions {
            match action {
                Action::Exit(reason) => exit = Some(*reason),
                action => inputs.extend(platform.carry_out(action)),
            }
        }
        platform.erase(&step.erase);
        if exit.is_some() {
            return exit;
        }
    }
}
