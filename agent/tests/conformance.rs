//! The agent's own driver in the conformance kit: its loop is the shipped one, and its ports are the kit's.

#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use certrotate::clock::Clock;
use certrotate::driver::{Driver, ObservedStep, Ports};
use certrotate::keystore::{Keys, SlowMake, Staged};
use certrotate::ports::{Answer, Directory, IdentitySink, Issuer};
use certrotate_core::config::{Config, Template};
use certrotate_core::disk::DiskCommand;
use certrotate_core::event::Event;
use certrotate_core::id::{CertHandle, Generation, Handle, KeyHandle, OpId, RunId};
use certrotate_core::input::{Action, Input, KeyFault, MadeKey};
use certrotate_core::issuer::{Call, Credential, IssuerFault, RequestRecord};
use certrotate_core::rotator::{Rotator, Step};
use certrotate_core::time::{MonoTime, Now, Span, WallTime};
use certrotate_model::conformance::{self, Outside, Promise, check};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, oneshot};

/// Longer than a process of any scenario takes; a driver that runs this long hangs.
const LONG: Duration = Duration::from_secs(120);

type Called = Result<RequestRecord, IssuerFault>;

/// The kit as the five ports of the driver.
#[derive(Clone)]
struct Kit {
    outside: Outside,
    state: Arc<Mutex<State>>,
    answers: UnboundedSender<Answer>,
    killed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// The step as the kit's core takes it. The driver's own must be equal; its ports take the ids of their operations here.
    step: Option<Step>,
    /// The actions of that step that no port has begun.
    actions: Vec<Action>,
    calls: BTreeMap<OpId, oneshot::Sender<Called>>,
    made: Option<Result<MadeKey, KeyFault>>,
}

impl Kit {
    /// Takes the next action like this one out of the step.
    fn action(&self, is_meant: impl Fn(&Action) -> bool) -> Option<Action> {
        let actions = &mut self.state.lock().unwrap().actions;
        let index = actions.iter().position(is_meant)?;
        Some(actions.remove(index))
    }

    fn begin(&self, is_meant: impl Fn(&Action) -> bool) {
        if let Some(action) = self.action(is_meant) {
            self.outside.begin(&action);
        }
    }

    /// Gives an answer to the port that waits for it, or to the driver.
    fn deliver(&self, input: Input) {
        if let Input::CallAnswered { op, result } = &input
            && let Some(call) = self.state.lock().unwrap().calls.remove(op)
            && call.send(result.clone()).is_ok()
        {
            return;
        }
        // The receiver is gone when the driver is: then the answer is late.
        let _ = self.answers.send(Answer::from(input));
    }

    fn observe(&self, seen: &ObservedStep<'_>) {
        let step = self.state.lock().unwrap().step.take();
        if step.is_some_and(|step| step != *seen.step) {
            self.outside.broken(Promise::SameStep, "its core returned another step");
        }
    }
}

impl Clock for Kit {
    fn now(&self) -> Now {
        self.outside.now()
    }

    async fn until(&self, wall: Option<WallTime>, mono: Option<MonoTime>) {
        // The calls that the driver has just started or aborted get their turn, as they do while a real clock runs.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        let now = self.outside.now();
        let left = [wall.map(|at| at.since(now.wall)), mono.map(|at| at.since(now.mono))];
        let sleep = left.into_iter().flatten().min().unwrap_or(Span::MAX);
        match self.outside.wait(Duration::from_millis(sleep.ms())) {
            Some(Input::Tick) => return,
            Some(input) => self.deliver(input),
            None => self.killed.notify_one(),
        }
        std::future::pending().await
    }
}

impl Keys for Kit {
    /// The driver calls it right after [`Keys::slow_make`], which made the key.
    fn make(&self, _: Option<Span>) -> (Result<MadeKey, KeyFault>, Staged) {
        let made = self.state.lock().unwrap().made.take();
        (made.unwrap_or(Err(KeyFault::Failed)), Staged::default())
    }

    fn slow_make(&self, _: Option<Span>) -> Option<SlowMake> {
        let action = self.action(|action| matches!(action, Action::MakeKey { .. }))?;
        match self.outside.finish(&action)? {
            Input::KeyMade { result, .. } => {
                self.state.lock().unwrap().made = Some(result);
                None
            }
            // A port of the agent cannot give another kind of answer: it reaches the loop by the channel, and the port gives none.
            other => {
                self.deliver(other);
                Some(Box::new(|| std::panic::resume_unwind(Box::new("there is no answer"))))
            }
        }
    }

    fn set_template(&self, _: &Template) {}

    /// The driver calls it right before the step.
    fn accept(&self, _: Staged, input: &Input) {
        let step = self.outside.step(self.outside.now(), input);
        let mut state = self.state.lock().unwrap();
        state.actions = step.as_ref().map(|step| step.actions.clone()).unwrap_or_default();
        state.step = step;
    }

    fn erase(&self, erase: &[Handle]) {
        self.outside.erase(erase);
    }
}

impl Directory for Kit {
    fn submit(&self, op: OpId, command: DiskCommand) {
        self.begin(|action| *action == Action::Disk { op, command });
    }
}

impl Issuer for Kit {
    fn call(
        &self,
        call: Call,
        credential: Credential,
    ) -> impl Future<Output = (Called, Staged)> + Send + 'static {
        let is_meant = |action: &Action| matches!(action, Action::Call { call: other, credential: by, .. } if (*other, *by) == (call, credential));
        let (sender, answer) = oneshot::channel();
        let mut guard = None;
        if let Some(action @ Action::Call { op, .. }) = self.action(is_meant) {
            self.state.lock().unwrap().calls.insert(op, sender);
            self.outside.begin(&action);
            guard = Some(Open { outside: self.outside.clone(), op, is_answered: false });
        }
        async move {
            let Ok(result) = answer.await else { std::future::pending().await };
            if let Some(open) = &mut guard {
                open.is_answered = true;
            }
            (result, Staged::default())
        }
    }
}

/// A call without an answer. The driver drops it when core cancels the call.
struct Open {
    outside: Outside,
    op: OpId,
    is_answered: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.is_answered {
            self.outside.begin(&Action::Cancel { op: self.op });
        }
    }
}

impl IdentitySink for Kit {
    fn go_live(&self, generation: Generation, key: KeyHandle, cert: CertHandle) {
        self.begin(|action| *action == Action::GoLive { generation, key, cert });
    }

    fn withdraw(&self) {
        // The driver also calls it at its end, without an action.
        self.begin(|action| matches!(action, Action::Withdraw { .. }));
    }

    fn report(&self, _: &Event) -> String {
        String::new()
    }
}

/// The shipped driver.
#[derive(Default)]
struct Agent {
    runs: u64,
}

impl conformance::Driver for Agent {
    fn run(&mut self, config: Config, outside: &Outside) {
        self.runs += 1;
        outside.started(RunId(self.runs));
        let (answers, inbox) = unbounded_channel();
        let (state, killed) = (Arc::default(), Arc::new(Notify::new()));
        let kit =
            Kit { outside: outside.clone(), state, answers: answers.clone(), killed: Arc::clone(&killed) };
        let ports = Ports {
            clock: kit.clone(),
            issuer: kit.clone(),
            directory: kit.clone(),
            keys: kit.clone(),
            sink: kit.clone(),
        };
        let observer = Box::new(move |seen: ObservedStep<'_>| kit.observe(&seen));
        let driver = Driver::new(Rotator::new(config, RunId(self.runs)), ports, (answers, inbox), observer);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let ended = async {
            tokio::select! {
                _ = driver.run() => {}
                () = killed.notified() => {}
            }
        };
        let ended = runtime.block_on(async { tokio::time::timeout(LONG, ended).await });
        assert!(ended.is_ok(), "it hangs");
    }
}

#[test]
fn driver_of_the_agent_keeps_every_promise() {
    let last = check(&mut Agent::default()).pop().expect("there are scenarios");
    assert_eq!(last.broken, None, "in the scenario {}", last.scenario);
}
