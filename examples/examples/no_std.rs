//! The conformance kit plays the loop of `examples/no_std`, which runs without std in a C program.

extern crate alloc;

use std::error::Error;
use std::time::Duration;

use certrotate_core::{Action, Handle, Input, Now, Step};
use certrotate_examples::{Kit, Outgoing, Parts as _, Sleep, conformance};
use drive::Platform;

#[path = "../no_std/drive.rs"]
mod drive;

struct Simulated(Kit);

impl Platform for Simulated {
    fn now(&mut self) -> Now {
        self.0.now()
    }

    fn stepped(&mut self, now: Now, input: &Input, step: &Step) {
        self.0.stepped(now, input, step);
    }

    fn carry_out(&mut self, action: &Action) -> Option<Input> {
        match *action {
            Action::Disk { .. } | Action::MakeKey { .. } => return Some(self.0.finish(action).input),
            Action::Call { op, call, credential } => match self.0.call(op, call, credential) {
                Outgoing::Answered(answer) => return Some(answer.input),
                Outgoing::Exchange(_) | Outgoing::Simulated => {}
            },
            _ => self.0.apply(action),
        }
        None
    }

    fn erase(&mut self, handles: &[Handle]) {
        self.0.erase(handles);
    }

    fn wait(&mut self, longest: Duration) -> Option<Input> {
        match self.0.sleep(longest) {
            Sleep::Woken(answer) => Some(answer.input),
            // One thread: no work is left when it sleeps.
            Sleep::Until(_) => Some(Input::Tick),
            Sleep::Killed => None,
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    conformance(|config, kit| drive::drive(config, kit.run_id(), &mut Simulated(kit)))?;
    Ok(())
}
