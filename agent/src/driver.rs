//! The loop around core: clocks in, actions out. No policy is in here; what to do is core's to say.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use certrotate_core::api::{ApiFault, Call, Credential, CsrObject};
use certrotate_core::event::Event;
use certrotate_core::id::{CertHandle, Generation, KeyHandle, OpId};
use certrotate_core::input::{Action, Disposition, ExitReason, Input};
use certrotate_core::rotator::{Rotator, Step};
use certrotate_core::time::{Now, Span};
use certrotate_core::view::{Handle, View, Wake};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::directory::Directory;
use crate::keystore::{Keys, Staged};

/// An answer on its way to core, with the keys and chains that came with it. They join the key
/// store only when core is told of them: core does not name them before, and what it does not name is erased.
#[derive(Debug)]
pub struct Answer {
    /// What core is told.
    pub input: Input,
    pub(crate) read: Staged,
}

impl From<Input> for Answer {
    fn from(input: Input) -> Self {
        Self { input, read: Staged::default() }
    }
}

/// Calls the certificates API: a port of the driver.
pub trait CsrApi {
    /// Makes a call and says how it ended, with the chain that the object holds.
    ///
    /// A watch returns when there is news or it ends. The driver drops the call when core gives it up.
    fn call(
        &self,
        call: Call,
        credential: Credential,
    ) -> impl Future<Output = (Result<CsrObject, ApiFault>, Staged)> + Send + 'static;
}

/// Serves the live identity: a port of the driver.
pub trait Front {
    /// Serves this identity from now on.
    fn go_live(&self, generation: Generation, key: KeyHandle, cert: CertHandle);
    /// Serves none from now on.
    fn withdraw(&self);
    /// Tells an operator, and gives the line that was told.
    fn report(&self, event: &Event) -> String;
}

/// One step, as an observer sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What the clocks showed.
    pub now: Now,
    /// What happened.
    pub input: &'a Input,
    /// What core made of it.
    pub step: &'a Step,
    /// The machine after it.
    pub view: View,
    /// When it wants the next tick, and what for.
    pub wake: Wake,
    /// Whether a certificate was issued that is not durable yet: it is in memory only, for this attempt.
    pub unsaved: bool,
    /// What an operator was told: a line for each [`Action::Report`], in order.
    pub reports: &'a [String],
}

/// Is shown every step, after its actions that take effect at once.
pub type Observer = Box<dyn FnMut(Seen<'_>) + Send>;

/// More steps than this without a sleep are a loop that feeds itself.
const STEPS_AWAKE: u32 = 10_000;

/// The ports, each behind its trait.
#[derive(Debug)]
pub struct Ports<C, A, D, K, F> {
    /// The clocks.
    pub clock: C,
    /// The certificates API.
    pub api: A,
    /// The certificate directory.
    pub directory: D,
    /// The key store.
    pub keys: K,
    /// What serves the live identity.
    pub front: F,
}

/// The loop.
pub struct Driver<C, A, D, K, F> {
    rotator: Rotator,
    ports: Ports<C, A, D, K, F>,
    sender: UnboundedSender<Answer>,
    inbox: UnboundedReceiver<Answer>,
    calls: BTreeMap<OpId, AbortHandle>,
    observer: Observer,
    awake: u32,
}

impl<C, A, D, K, F> std::fmt::Debug for Driver<C, A, D, K, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("view", &self.rotator.view()).finish_non_exhaustive()
    }
}

impl<C: Clock, A: CsrApi, D: Directory, K: Keys, F: Front> Driver<C, A, D, K, F> {
    /// A driver of this machine. Answers and requests from outside (rotate now, shutdown) come through the channel.
    #[must_use]
    pub fn new(
        rotator: Rotator,
        ports: Ports<C, A, D, K, F>,
        channel: (UnboundedSender<Answer>, UnboundedReceiver<Answer>),
        observer: Observer,
    ) -> Self {
        let (sender, inbox) = channel;
        Self { rotator, ports, sender, inbox, calls: BTreeMap::new(), observer, awake: 0 }
    }

    /// Runs until core says that it is over.
    pub async fn run(mut self) -> ExitReason {
        let mut answer = Answer::from(Input::Tick);
        loop {
            if let Some(reason) = self.step(answer) {
                for (_, call) in std::mem::take(&mut self.calls) {
                    call.abort();
                }
                self.ports.front.withdraw();
                return reason;
            }
            answer = self.next().await;
        }
    }

    /// The next thing that happens: an answer, or time passing.
    async fn next(&mut self) -> Answer {
        self.awake += 1;
        if self.awake > STEPS_AWAKE {
            tracing::error!(view = ?self.rotator.view(), "{STEPS_AWAKE} steps without a pause: a bug; please report it");
            self.awake = 0;
            let second = self.ports.clock.now().mono.plus(Span::from_secs(1));
            self.ports.clock.until(None, Some(second)).await;
        }
        if let Ok(answer) = self.inbox.try_recv() {
            return answer;
        }
        let (wake, now) = (self.rotator.wake(), self.ports.clock.now());
        let due =
            wake.wall.is_some_and(|wall| now.wall >= wall) || wake.mono.is_some_and(|mono| now.mono >= mono);
        if due {
            // Answers that are being made get their turn even where ticks follow each other.
            tokio::task::yield_now().await;
            return Answer::from(Input::Tick);
        }
        let look = now.mono.plus(self.rotator.clock_check());
        let mono = wake.mono.map_or(look, |mono| mono.min(look));
        tokio::select! {
            biased;
            Some(answer) = self.inbox.recv() => answer,
            () = self.ports.clock.until(wake.wall, Some(mono)) => {
                self.awake = 0;
                Answer::from(Input::Tick)
            }
        }
    }

    fn step(&mut self, answer: Answer) -> Option<ExitReason> {
        let Answer { input, read } = answer;
        if let Input::CallAnswered { op, .. } = &input {
            self.calls.remove(op);
        }
        self.ports.keys.accept(read);
        let now = self.ports.clock.now();
        let step = self.rotator.step(now, input.clone());
        if let (Input::Reconfigure(config), Disposition::Applied) = (&input, step.disposition) {
            self.ports.keys.ask_for(config.template());
        }
        let (mut exit, mut reports) = (None, Vec::new());
        for action in &step.actions {
            match action {
                Action::Report(event) => reports.push(self.ports.front.report(event)),
                other => exit = exit.or(self.carry_out(other)),
            }
        }
        let needed: Vec<Handle> = self.rotator.handles().collect();
        self.ports.keys.retain(&needed);
        let (view, wake) = (self.rotator.view(), self.rotator.wake());
        let live = view.identity.map(|identity| Handle::Cert(identity.cert));
        let other = |handle: &Handle| matches!(handle, Handle::Cert(_)) && Some(*handle) != live;
        let unsaved = needed.iter().any(other);
        (self.observer)(Seen { now, input: &input, step: &step, view, wake, unsaved, reports: &reports });
        exit
    }

    fn carry_out(&mut self, action: &Action) -> Option<ExitReason> {
        match *action {
            Action::GoLive { generation, key, cert } => self.ports.front.go_live(generation, key, cert),
            Action::Withdraw { .. } => self.ports.front.withdraw(),
            Action::Report(_) => {}
            Action::Disk { op, command } => self.ports.directory.submit(op, command),
            Action::MakeKey { op, duration } => {
                let (result, read) = self.ports.keys.make(duration);
                self.send(Answer { input: Input::KeyMade { op, result }, read });
            }
            Action::Call { op, call, credential } => {
                let call = self.ports.api.call(call, credential);
                let sender = self.sender.clone();
                let task = tokio::spawn(async move {
                    let (result, read) = call.await;
                    // The receiver is gone only when the loop is over.
                    let _ = sender.send(Answer { input: Input::CallAnswered { op, result }, read });
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
        // The receiver is this driver's own.
        let _ = self.sender.send(answer);
    }
}
