//! The result of a step.

use certrotate_core::rotator::Step as CoreStep;

use super::{guard, pointers};
use crate::actions::{self, Report};
use crate::convert;
use crate::failure::Failure;
use crate::types::Handle;
use crate::types::codes::Status;
use crate::types::step::{Action, Summary};

/// The result of a step: actions, and handles to erase. It never changes, so several threads may read it.
#[derive(Debug)]
pub struct Step {
    step: CoreStep,
    /// The texts of the actions, at the same index.
    reports: Vec<Option<Report>>,
}

impl Step {
    pub(super) fn new(step: CoreStep) -> Self {
        let reports = step.actions.iter().map(Report::of).collect();
        Self { step, reports }
    }
}

fn at<T>(items: &[T], index: usize) -> Result<&T, Failure> {
    let missing = || Failure::new(Status::Index, format!("index is {index}, and there are {}", items.len()));
    items.get(index).ok_or_else(missing)
}

/// Counts actions and handles, and says whether the input was applied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_step_summary(step: *const Step, summary: *mut Summary) -> Status {
    guard(|| {
        // SAFETY: the contract of the module, here and in every function of this module.
        let step = &unsafe { pointers::object("step", step) }?.step;
        let value = Summary {
            size: size_of::<Summary>(),
            actions: step.actions.len(),
            erase: step.erase.len(),
            ignored: convert::ignored(step.disposition) as u32,
        };
        unsafe { pointers::write("summary", summary, value) }
    })
}

/// Returns an action. Carry out all of them in the order of their index. The texts belong to the step.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_step_action(
    step: *const Step,
    index: usize,
    action: *mut Action,
) -> Status {
    guard(|| {
        let step = unsafe { pointers::object("step", step) }?;
        let found = at(&step.step.actions, index)?;
        let report = step.reports.get(index).and_then(Option::as_ref);
        unsafe { pointers::write("action", action, actions::action(found, report)) }
    })
}

/// Returns a key or chain that the driver erases now, after the actions. It erases no others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_step_erase(
    step: *const Step,
    index: usize,
    handle: *mut Handle,
) -> Status {
    guard(|| {
        let step = &unsafe { pointers::object("step", step) }?.step;
        let found = actions::handle(*at(&step.erase, index)?);
        unsafe { pointers::put("handle", handle, found) }
    })
}

/// Frees a step and the texts of its actions. Null is nothing to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_step_free(step: *mut Step) {
    guard(|| {
        unsafe { pointers::free(step) };
        Ok(())
    });
}
