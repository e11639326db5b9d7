//! A driver with a thread for disk and keys, and wrong ones.

use std::collections::{BTreeSet, VecDeque};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use certrotate_core::config::Config;
use certrotate_core::id::{Handle, RunId};
use certrotate_core::input::{Action, Input};
use certrotate_core::rotator::Rotator;
use certrotate_model::conformance::{Driver, Outside, Promise};

use crate::broken;

/// The longest wait for the worker; it never takes long.
const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    /// None.
    Correct,
    /// Erases everything that `Rotator::handles` does not name, while the worker has made a key.
    ErasedWhileWorking,
    /// The worker's answers are dropped.
    WorkerDetached,
    /// The worker sends each answer to two queues, and both are read.
    TwoQueues,
    /// The main thread sleeps while the worker's answer is in the queue.
    SleepsOnFullQueue,
    /// Each process takes the number of its first thread for a random number.
    CountsRunsFromOne,
}

struct Threads {
    bug: Bug,
    runs: u64,
}

/// The worker, and the answers that it has sent. It answers each action, so the main thread counts.
struct Worker {
    actions: Sender<Action>,
    answers: Receiver<Option<Input>>,
    thread: JoinHandle<()>,
    busy: usize,
}

impl Worker {
    fn start(outside: &Outside) -> Self {
        let (actions, work) = channel::<Action>();
        let (done, answers) = channel();
        let outside = outside.clone();
        let thread = std::thread::spawn(move || {
            for action in work {
                if done.send(outside.finish(&action)).is_err() {
                    return;
                }
            }
        });
        Self { actions, answers, thread, busy: 0 }
    }

    fn give(&mut self, action: &Action) {
        self.busy += 1;
        self.actions.send(action.clone()).expect("the worker runs");
    }

    /// Waits for the answers that the worker still owes.
    fn finished(&mut self) -> Vec<Input> {
        let owed = std::mem::take(&mut self.busy);
        (0..owed).filter_map(|_| self.answers.recv_timeout(DEADLINE).expect("the worker answers")).collect()
    }

    fn end(self) {
        drop(self.actions);
        self.thread.join().expect("the worker does not panic");
    }
}

impl Driver for Threads {
    fn run(&mut self, config: Config, outside: &Outside) {
        self.runs = if self.bug == Bug::CountsRunsFromOne { 1 } else { self.runs + 1 };
        outside.started(RunId(self.runs));
        let mut worker = Worker::start(outside);
        self.drive(&mut Rotator::new(config, RunId(self.runs)), &mut worker, outside);
        worker.end();
    }
}

impl Threads {
    fn drive(&self, rotator: &mut Rotator, worker: &mut Worker, outside: &Outside) {
        let (mut inputs, mut held) = (VecDeque::from([Input::Tick]), BTreeSet::new());
        loop {
            let has_answer = worker.busy > 0 && self.bug != Bug::SleepsOnFullQueue;
            let Some(input) = inputs.pop_front() else {
                if has_answer {
                    self.take(worker, &mut inputs, &mut held);
                    continue;
                }
                if self.bug == Bug::SleepsOnFullQueue {
                    // The answers are there, and the thread does not look.
                    worker.finished();
                }
                let Some(sleep) = rotator.sleep(outside.now()) else { return };
                let Some(input) = outside.wait(sleep) else { return };
                held.extend(input.handles());
                inputs.push_back(input);
                continue;
            };
            let now = outside.now();
            let step = rotator.step(now, input.clone());
            outside.stepped(now, &input, &step);
            for action in &step.actions {
                match action {
                    Action::Disk { .. } | Action::MakeKey { .. } => worker.give(action),
                    action => outside.begin(action),
                }
            }
            let mut erased = step.erase.clone();
            if self.bug == Bug::ErasedWhileWorking {
                self.take(worker, &mut inputs, &mut held);
                let named: Vec<Handle> = rotator.handles().collect();
                erased = held.iter().copied().filter(|handle| !named.contains(handle)).collect();
            }
            held.retain(|handle| !erased.contains(handle));
            outside.erase(&erased);
            if step.actions.iter().any(|action| matches!(action, Action::Exit(_))) {
                return;
            }
        }
    }

    fn take(&self, worker: &mut Worker, inputs: &mut VecDeque<Input>, held: &mut BTreeSet<Handle>) {
        for input in worker.finished() {
            held.extend(input.handles());
            if self.bug == Bug::WorkerDetached {
                continue;
            }
            if self.bug == Bug::TwoQueues {
                inputs.push_back(input.clone());
            }
            inputs.push_back(input);
        }
    }
}

#[test]
fn driver_with_threads_keeps_every_promise() {
    assert_eq!(broken(&mut Threads { bug: Bug::Correct, runs: 0 }), None);
}

#[test]
fn wrong_driver_with_threads_breaks_its_own_promise() {
    for (bug, promise) in [
        (Bug::ErasedWhileWorking, Promise::HandlesKept),
        (Bug::WorkerDetached, Promise::DiskAnswered),
        (Bug::TwoQueues, Promise::AnsweredOnce),
        (Bug::SleepsOnFullQueue, Promise::DiskAnswered),
        (Bug::CountsRunsFromOne, Promise::RunIds),
    ] {
        let found = broken(&mut Threads { bug, runs: 0 }).map(|broken| broken.promise);
        assert_eq!(found, Some(promise), "{bug:?}");
    }
}
