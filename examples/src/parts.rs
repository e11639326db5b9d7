//! What a driver acts on.

use std::time::Duration;

use certrotate_core::id::{Handle, OpId, RunId};
use certrotate_core::input::{Action, Input};
use certrotate_core::issuer::{Call, Credential, IssuerFault};
use certrotate_core::rotator::Step;
use certrotate_core::time::Now;
use certrotate_keys::Staged;

use crate::answer::Answer;
use crate::exchange::Exchange;

/// A call of the issuer that has begun.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
#[derive(Debug)]
pub enum Outgoing {
    /// The exchange to carry out. The loop has the socket.
    Exchange(Box<Exchange>),
    /// The answer is known without a call.
    Answered(Answer),
    /// The kit answers it, by [`Parts::sleep`].
    Simulated,
}

impl Outgoing {
    /// Returns the answer of a call that cannot be made.
    #[must_use]
    pub fn failed(op: OpId, fault: IssuerFault) -> Self {
        Self::Answered(Input::CallAnswered { op, result: Err(fault) }.into())
    }
}

/// How a loop sleeps.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
#[derive(Debug)]
pub enum Sleep {
    /// Until an answer comes, or for this time. After that the input is a tick.
    Until(Duration),
    /// It slept. This is the input.
    Woken(Answer),
    /// The kit has killed the process: return.
    Killed,
}

/// Disk, keys, issuer, clocks and sink of one identity. Cheap to clone: a clone has the same parts, for any thread.
///
/// [`crate::Node`] is the real one, [`crate::Kit`] the one of the conformance kit. So the kit plays the very loop of an example.
pub trait Parts: Clone + Send + Sync + 'static {
    /// Draws the id of a run.
    fn run_id(&self) -> RunId;

    /// Reads both clocks.
    fn now(&self) -> Now;

    /// Adds the keys and chains of an answer, right before the step.
    fn accept(&self, staged: Staged, input: &Input);

    /// Notes a step, before its actions.
    fn stepped(&self, now: Now, input: &Input, step: &Step);

    /// Carries out a disk command or makes a key, and blocks until it is done. Call it for one action after the other.
    fn finish(&self, action: &Action) -> Answer;

    /// Begins a call of the issuer.
    fn call(&self, op: OpId, call: Call, credential: Credential) -> Outgoing;

    /// Carries out `GoLive`, `Withdraw`, `Report` or `Cancel`.
    fn apply(&self, action: &Action);

    /// Erases keys and chains, after the actions.
    fn erase(&self, handles: &[Handle]);

    /// Says how to sleep, for at most the time that `Rotator::sleep` returned.
    fn sleep(&self, longest: Duration) -> Sleep;
}
