//! The loop around core: clock readings and answers in, actions out. It holds no policy; core decides.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use certrotate_core::id::OpId;
use certrotate_core::input::{Action, Disposition, ExitReason, Input, KeyFault};
use certrotate_core::rotator::{Rotator, Step};
use certrotate_core::time::{Now, Span};
use certrotate_core::view::{Handle, View, Wake};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::keystore::{Keys, Staged};
use crate::ports::{Answer, Directory, IdentitySink, Issuer};
use crate::threads;

/// One step, as an observer sees it.
#[derive(Clone, Copy, Debug)]
pub struct ObservedStep<'a> {
    /// The clock readings of this step.
    pub now: Now,
    /// The input of this step.
    pub input: &'a Input,
    /// Core's result: the disposition of the input, and the actions.
    pub step: &'a Step,
    /// Core's view after the step.
    pub view: View,
    /// The time of the next tick, and its reason.
    pub wake: Wake,
    /// Whether this attempt's certificate is issued and not durable yet: it is in memory only.
    pub unsaved: bool,
    /// The logged lines: one for each [`Action::Report`], in order.
    pub reports: &'a [String],
}

/// Called after every step and after the actions of that step that take effect at once.
pub type Observer = Box<dyn FnMut(ObservedStep<'_>) + Send>;

/// The most steps without a sleep. More are a bug: a loop whose answers cause each other.
const STEPS_WITHOUT_SLEEP: u32 = 10_000;

/// The ports, each behind its trait.
#[derive(Debug)]
pub struct Ports<C, I, D, K, S> {
    /// The clocks.
    pub clock: C,
    /// The issuer.
    pub issuer: I,
    /// The certificate directory.
    pub directory: D,
    /// The key store.
    pub keys: K,
    /// The sink of the live identity.
    pub sink: S,
}

/// The loop.
pub struct Driver<C, I, D, K, S> {
    rotator: Rotator,
    ports: Ports<C, I, D, K, S>,
    sender: UnboundedSender<Answer>,
    inbox: UnboundedReceiver<Answer>,
    calls: BTreeMap<OpId, AbortHandle>,
    observer: Observer,
    /// Steps since the last sleep.
    steps_awake: u32,
}

impl<C, I, D, K, S> std::fmt::Debug for Driver<C, I, D, K, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("view", &self.rotator.view()).finish_non_exhaustive()
    }
}

impl<C: Clock, I: Issuer, D: Directory, K: Keys, S: IdentitySink> Driver<C, I, D, K, S> {
    /// Returns a driver of this rotator. The channel carries answers, and requests from outside: rotate now, shutdown.
    #[must_use]
    pub fn new(
        rotator: Rotator,
        ports: Ports<C, I, D, K, S>,
        channel: (UnboundedSender<Answer>, UnboundedReceiver<Answer>),
        observer: Observer,
    ) -> Self {
        let (sender, inbox) = channel;
        Self { rotator, ports, sender, inbox, calls: BTreeMap::new(), observer, steps_awake: 0 }
    }

    /// Runs until core exits, and returns its reason.
    pub async fn run(mut self) -> ExitReason {
        let mut answer = Answer::from(Input::Tick);
        loop {
            if let Some(reason) = self.step(answer) {
                for (_, call) in std::mem::take(&mut self.calls) {
                    call.abort();
                }
                self.ports.sink.withdraw();
                return reason;
            }
            answer = self.next().await;
        }
    }

    /// Returns the next answer, or a tick when core's wake time comes first.
    async fn next(&mut self) -> Answer {
        self.steps_awake += 1;
        if self.steps_awake > STEPS_WITHOUT_SLEEP {
            tracing::error!(view = ?self.rotator.view(), "{STEPS_WITHOUT_SLEEP} steps without a pause: a bug; please report it");
            self.steps_awake = 0;
            let second = self.ports.clock.now().mono.plus(Span::from_secs(1));
            self.ports.clock.until(None, Some(second)).await;
        }
        if let Ok(answer) = self.inbox.try_recv() {
            return answer;
        }
        let now = self.ports.clock.now();
        // The loop ends with the run, so there is always a time.
        let sleep = self.rotator.sleep(now).unwrap_or_default();
        if sleep.is_zero() {
            // Spawned calls get a turn even if one tick follows another: the loop never sleeps then.
            tokio::task::yield_now().await;
            return Answer::from(Input::Tick);
        }
        let mono = now.mono.plus(Span::from_duration(sleep));
        tokio::select! {
            biased;
            Some(answer) = self.inbox.recv() => answer,
            () = self.ports.clock.until(self.rotator.wake().wall, Some(mono)) => {
                self.steps_awake = 0;
                Answer::from(Input::Tick)
            }
        }
    }

    fn step(&mut self, answer: Answer) -> Option<ExitReason> {
        let Answer { input, staged } = answer;
        if let Input::CallAnswered { op, .. } = &input {
            self.calls.remove(op);
        }
        self.ports.keys.accept(staged, &input);
        let now = self.ports.clock.now();
        let step = self.rotator.step(now, input.clone());
        if let (Input::Reconfigure(config), Disposition::Applied) = (&input, step.disposition) {
            self.ports.keys.set_template(config.template());
        }
        let (mut exit, mut reports) = (None, Vec::new());
        for action in &step.actions {
            if let Action::Report(event) = action {
                reports.push(self.ports.sink.report(event));
            }
            exit = exit.or(self.execute(action));
        }
        self.ports.keys.erase(&step.erase);
        let (view, wake) = (self.rotator.view(), self.rotator.wake());
        let live = view.identity.map(|identity| Handle::Cert(identity.cert));
        let is_other_cert = |handle| matches!(handle, Handle::Cert(_)) && Some(handle) != live;
        let unsaved = self.rotator.handles().any(is_other_cert);
        (self.observer)(ObservedStep {
            now,
            input: &input,
            step: &step,
            view,
            wake,
            unsaved,
            reports: &reports,
        });
        exit
    }

    fn execute(&mut self, action: &Action) -> Option<ExitReason> {
        match *action {
            Action::GoLive { generation, key, cert } => self.ports.sink.go_live(generation, key, cert),
            Action::Withdraw { .. } => self.ports.sink.withdraw(),
            // Logged in `step`, which hands the lines to the observer.
            Action::Report(_) => {}
            Action::Disk { op, command } => self.ports.directory.submit(op, command),
            Action::MakeKey { op, duration } => {
                let answer = move |(result, staged)| Answer { input: Input::KeyMade { op, result }, staged };
                match self.ports.keys.slow_make(duration) {
                    None => self.send(answer(self.ports.keys.make(duration))),
                    Some(make) => {
                        let sender = self.sender.clone();
                        let made = threads::start(move || {
                            // The receiver is dropped only when the loop ended; then the answer has no reader.
                            let _ = sender.send(answer(make()));
                        });
                        if let Err(error) = made {
                            tracing::error!("the system starts no thread for a key: {error}");
                            self.send(answer((Err(KeyFault::Failed), Staged::default())));
                        }
                    }
                }
            }
            Action::Call { op, call, credential } => {
                let call = self.ports.issuer.call(call, credential);
                let sender = self.sender.clone();
                let task = tokio::spawn(async move {
                    let (result, staged) = call.await;
                    // The receiver is dropped only when the loop ended; then the answer has no reader.
                    let _ = sender.send(Answer { input: Input::CallAnswered { op, result }, staged });
                });
                self.calls.insert(op, task.abort_handle());
            }
            Action::Cancel { op } => {
                if let Some(call) = self.calls.remove(&op) {
                    call.abort();
                }
            }
            Action::Exit(reason) => return Some(reason),
        }
        None
    }

    fn send(&self, answer: Answer) {
        // It cannot fail: this driver owns the receiver.
        let _ = self.sender.send(answer);
    }
}
