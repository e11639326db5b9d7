//! The loop of `docs/embedding.md`, in one thread.

use std::collections::VecDeque;

use certrotate_core::config::Config;
use certrotate_core::id::RunId;
use certrotate_core::input::{Action, Input};
use certrotate_core::rotator::Rotator;

use crate::conformance::outside::{Driver, Outside};

/// A correct driver in one thread. It waits for its disk and its keys, and not for the issuer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference {
    runs: u64,
}

impl Reference {
    /// Returns a driver whose first run has the `RunId` after this one. A real driver draws it at random.
    #[must_use]
    pub const fn after(run: RunId) -> Self {
        Self { runs: run.0 }
    }
}

impl Driver for Reference {
    fn run(&mut self, config: Config, outside: &Outside) {
        self.runs += 1;
        outside.started(RunId(self.runs));
        let mut rotator = Rotator::new(config, RunId(self.runs));
        let mut inputs = VecDeque::from([Input::Tick]);
        loop {
            let Some(input) = inputs.pop_front() else {
                let Some(sleep) = rotator.sleep(outside.now()) else { return };
                let Some(input) = outside.wait(sleep) else { return };
                inputs.push_back(input);
                continue;
            };
            let now = outside.now();
            let step = rotator.step(now, input.clone());
            outside.stepped(now, &input, &step);
            for action in &step.actions {
                match action {
                    Action::Disk { .. } | Action::MakeKey { .. } => inputs.extend(outside.finish(action)),
                    Action::Call { .. }
                    | Action::Cancel { .. }
                    | Action::GoLive { .. }
                    | Action::Withdraw { .. }
                    | Action::Report(_) => outside.begin(action),
                    Action::Exit(_) => {
                        outside.erase(&step.erase);
                        return;
                    }
                }
            }
            outside.erase(&step.erase);
        }
    }
}
