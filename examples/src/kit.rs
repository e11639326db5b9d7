//! The parts that the conformance kit simulates.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use certrotate_core::config::Config;
use certrotate_core::id::{Handle, OpId, RunId};
use certrotate_core::input::{Action, Input};
use certrotate_core::issuer::{Call, Credential};
use certrotate_core::rotator::Step;
use certrotate_core::time::Now;
use certrotate_keys::Staged;
use certrotate_model::conformance::{Outside, check};

use crate::answer::Answer;
use crate::parts::{Outgoing, Parts, Sleep};

/// The longest wait for a worker of the loop. It has nothing to wait for itself.
const WORK: Duration = Duration::from_secs(60);

/// Parts that the kit simulates. They count the work that the loop gave to other threads: the kit's time stands still while
/// there is any.
#[derive(Clone, Debug)]
pub struct Kit {
    outside: Outside,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Disk commands and keys without a stepped answer.
    working: BTreeSet<OpId>,
    is_killed: bool,
}

/// Lets the kit play every scenario with a loop.
///
/// # Errors
///
/// The loop broke a promise; the text names it.
pub fn conformance<T>(mut drive: impl FnMut(Config, Kit) -> T) -> Result<(), String> {
    let reports = check(&mut |config, outside: &Outside| {
        let _ = drive(config, Kit { outside: outside.clone(), state: Arc::default() });
    });
    if let Some(broken) = reports.last().and_then(|report| report.broken.as_ref()) {
        return Err(format!("scenario {}: {broken}", reports.last().map_or("", |report| report.scenario)));
    }
    println!("the conformance kit played {} scenarios: every promise is kept", reports.len());
    Ok(())
}

impl Kit {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parts for Kit {
    fn run_id(&self) -> RunId {
        let run = crate::run_id();
        self.outside.started(run);
        run
    }

    fn now(&self) -> Now {
        self.outside.now()
    }

    fn accept(&self, _staged: Staged, _input: &Input) {}

    fn stepped(&self, now: Now, input: &Input, step: &Step) {
        let mut state = self.state();
        match input {
            Input::DiskAnswered { op, .. } | Input::KeyMade { op, .. } | Input::CallAnswered { op, .. } => {
                state.working.remove(op);
            }
            Input::Tick | Input::RotateNow | Input::Reconfigure(_) | Input::Shutdown => {}
        }
        state.working.extend(step.actions.iter().filter_map(|action| match action {
            Action::Disk { op, .. } | Action::MakeKey { op, .. } => Some(*op),
            _ => None,
        }));
        self.outside.stepped(now, input, step);
    }

    fn finish(&self, action: &Action) -> Answer {
        let input = self.outside.finish(action).unwrap_or_else(|| {
            self.state().is_killed = true;
            Input::Tick
        });
        input.into()
    }

    fn call(&self, op: OpId, call: Call, credential: Credential) -> Outgoing {
        self.outside.begin(&Action::Call { op, call, credential });
        Outgoing::Simulated
    }

    fn apply(&self, action: &Action) {
        self.outside.begin(action);
    }

    fn erase(&self, handles: &[Handle]) {
        self.outside.erase(handles);
    }

    fn sleep(&self, longest: Duration) -> Sleep {
        let (is_killed, is_working) = {
            let state = self.state();
            (state.is_killed, !state.working.is_empty())
        };
        if is_killed {
            return Sleep::Killed;
        }
        if is_working {
            return Sleep::Until(WORK);
        }
        match self.outside.wait(longest) {
            Some(input) => Sleep::Woken(input.into()),
            None => Sleep::Killed,
        }
    }
}
