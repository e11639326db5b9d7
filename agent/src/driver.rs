//! The loop between core and the world. No policy: one input at a time, its actions in order, then sleep.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

use certrotate_core::api::{ApiFault, Call, Credential, CsrObject};
use certrotate_core::id::{CertHandle, Generation, KeyHandle, OpId};
use certrotate_core::input::{Action, ExitReason, Input};
use certrotate_core::notice::Notice;
use certrotate_core::rotator::Rotator;
use certrotate_core::time::{MonoTime, Span};
use certrotate_core::trace::TraceRecord;
use certrotate_core::view::Handle;
use futures_util::future::{AbortHandle, Abortable, Aborted, BoxFuture};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::directory::Directory;
use crate::keystore::Keys;

/// Calls the certificates API: a port of the driver.
pub trait CsrApi {
    /// Makes the call. It ends by itself in a bounded time, and at once when the future is dropped.
    fn call(&self, call: Call, credential: Credential) -> BoxFuture<'static, Result<CsrObject, ApiFault>>;
}

/// Serves the live identity: a port of the driver.
pub trait Stage {
    /// Serves this identity from now on.
    fn go_live(&self, generation: Generation, key: KeyHandle, cert: CertHandle);

    /// Serves none from now on.
    fn withdraw(&self, generation: Generation);
}

/// Looks on: a port of the driver.
pub trait Observer {
    /// Something happened that an operator should hear of. Called before [`Observer::stepped`] of its step.
    fn notice(&mut self, notice: &Notice);

    /// A step was taken and its actions carried out or handed on.
    fn stepped(&mut self, record: &TraceRecord);
}

/// The world as the driver sees it.
#[derive(Debug)]
pub struct Ports<C, A, D, K, S, O> {
    /// The clocks.
    pub clock: C,
    /// The certificates API.
    pub api: A,
    /// The certificate directory.
    pub directory: D,
    /// The key store.
    pub keys: K,
    /// Where the identity is served.
    pub stage: S,
    /// Who looks on.
    pub observer: O,
}

/// More steps than this in a second of mono time are a bug: they are reported and throttled, so that a busy loop
/// shows itself and harms nobody.
pub const MOST_STEPS: u32 = 1000;

const SECOND: Span = Span::from_secs(1);

/// Drives a [`Rotator`] until it exits.
pub struct Driver<C, A, D, K, S, O> {
    rotator: Rotator,
    ports: Ports<C, A, D, K, S, O>,
    control: mpsc::UnboundedReceiver<Input>,
    outstanding: FuturesUnordered<Abortable<BoxFuture<'static, Input>>>,
    /// Ends an operation's future; for every operation that may still answer.
    aborts: HashMap<OpId, AbortHandle>,
    steps: u64,
    /// Since when steps are counted for [`MOST_STEPS`], and how many there were.
    window: (MonoTime, u32),
}

impl<C, A, D, K, S, O> fmt::Debug for Driver<C, A, D, K, S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("view", &self.rotator.view())
            .field("outstanding", &self.aborts.len())
            .finish_non_exhaustive()
    }
}

impl<C: Clock, A: CsrApi, D: Directory, K: Keys, S: Stage, O: Observer> Driver<C, A, D, K, S, O> {
    /// A driver of `rotator`. What comes by `control` is taken before anything else: signals, in effect.
    #[must_use]
    pub fn new(
        rotator: Rotator,
        ports: Ports<C, A, D, K, S, O>,
        control: mpsc::UnboundedReceiver<Input>,
    ) -> Self {
        let window = (ports.clock.now().mono, 0);
        let (outstanding, aborts) = (FuturesUnordered::new(), HashMap::new());
        Self { rotator, ports, control, outstanding, aborts, steps: 0, window }
    }

    /// Runs until core exits, and gives the ports back.
    pub async fn run(mut self) -> (ExitReason, Ports<C, A, D, K, S, O>) {
        let mut input = Input::Tick;
        loop {
            if let Some(reason) = self.step(input) {
                return (reason, self.ports);
            }
            self.throttle().await;
            input = self.next_input().await;
        }
    }

    /// Waits for whatever comes first. Answers go before the clock: what has arrived in time is not late.
    async fn next_input(&mut self) -> Input {
        loop {
            let wake = self.rotator.wake();
            let look = self.ports.clock.now().mono.plus(self.rotator.clock_look());
            let mono = wake.mono.map_or(look, |mono| mono.min(look));
            tokio::select! {
                biased;
                Some(input) = self.control.recv() => return input,
                Some(ended) = self.outstanding.next() => match ended {
                    Ok(input) => {
                        self.forget(&input);
                        return input;
                    }
                    Err(Aborted) => {}
                },
                () = self.ports.clock.until(wake.wall, Some(mono)) => return Input::Tick,
            }
        }
    }

    fn forget(&mut self, answer: &Input) {
        match answer {
            Input::DiskAnswered { op, .. } | Input::KeyMade { op, .. } | Input::CallAnswered { op, .. } => {
                self.aborts.remove(op);
            }
            Input::Tick | Input::RotateNow | Input::Shutdown => {}
        }
    }

    fn step(&mut self, input: Input) -> Option<ExitReason> {
        let now = self.ports.clock.now();
        self.steps += 1;
        let record = TraceRecord::of_step(&mut self.rotator, self.steps, now, input);
        let exits: Vec<_> = record.actions.iter().filter_map(|action| self.carry_out(action)).collect();
        let needed: Vec<Handle> = self.rotator.handles().collect();
        self.ports.keys.retain(&needed);
        self.ports.observer.stepped(&record);
        exits.first().copied()
    }

    fn carry_out(&mut self, action: &Action) -> Option<ExitReason> {
        match *action {
            Action::Disk { op, command } => {
                let answer = self.ports.directory.submit(command);
                self.await_answer(op, answer.map(move |result| Input::DiskAnswered { op, result }).boxed());
            }
            Action::MakeKey { op, duration } => {
                let result = self.ports.keys.make(duration);
                self.await_answer(op, std::future::ready(Input::KeyMade { op, result }).boxed());
            }
            Action::Call { op, call, credential } => {
                let answer = self.ports.api.call(call, credential);
                self.await_answer(op, answer.map(move |result| Input::CallAnswered { op, result }).boxed());
            }
            Action::Cancel { op } => {
                if let Some(abort) = self.aborts.remove(&op) {
                    abort.abort();
                }
            }
            Action::GoLive { generation, key, cert } => self.ports.stage.go_live(generation, key, cert),
            Action::Withdraw { generation } => self.ports.stage.withdraw(generation),
            Action::Report(ref notice) => self.ports.observer.notice(notice),
            Action::Exit(reason) => return Some(reason),
        }
        None
    }

    fn await_answer(&mut self, op: OpId, answer: BoxFuture<'static, Input>) {
        let (abort, registration) = AbortHandle::new_pair();
        self.aborts.insert(op, abort);
        self.outstanding.push(Abortable::new(answer, registration));
    }

    async fn throttle(&mut self) {
        let now = self.ports.clock.now().mono;
        if now.since(self.window.0) >= SECOND {
            self.window = (now, 0);
        }
        self.window.1 = self.window.1.saturating_add(1);
        if self.window.1 >= MOST_STEPS {
            tracing::error!(
                "{MOST_STEPS} steps in a second in phase {}: this is a bug, please report it; going on slowly",
                self.rotator.view().phase
            );
            let resume = self.window.0.plus(SECOND);
            while self.ports.clock.now().mono < resume {
                self.ports.clock.until(None, Some(resume)).await;
            }
        }
    }
}
