//! Drivers with one seeded bug each: the reference loop, and the bug.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use certrotate_core::config::{Config, ConfigSpec};
use certrotate_core::disk::{DiskCommand, DiskDone};
use certrotate_core::id::{Handle, KeyDigest, RunId};
use certrotate_core::input::{Action, Input};
use certrotate_core::rotator::{Rotator, Step};
use certrotate_core::time::{MonoTime, Now, Span, WallTime};
use certrotate_model::conformance::{Driver, Outside, Promise};

/// A bug of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    DiskNeverAnswered,
    CallNeverAnswered,
    KeyNeverAnswered,
    AnsweredTwice,
    CallAnsweredAsDisk,
    ScanAnsweredDone,
    ErasedTooEarly,
    NeverErased,
    WrongKeyDigest,
    GoLiveIgnored,
    WithdrawIgnored,
    MonotonicClockBack,
    SyncNotDone,
    UnlinkNotDone,
    RenameNotDone,
    EqualRunIds,
    OtherConfiguration,
    StaleClocks,
    SleepsPastWake,
    SleepsPastClockCheck,
    NoTicks,
    BusyLoop,
    SignalLost,
    FailureHidden,
    CallLeftOut,
    DiskRetried,
    EndsEarly,
    Panics,
    GoesOnAfterExit,
    CallsDropped,
}

/// Every bug, and the promise that it breaks. The first thirteen are those of the design.
pub(crate) const BUGS: [(Bug, Promise); 30] = [
    (Bug::DiskNeverAnswered, Promise::DiskAnswered),
    (Bug::CallNeverAnswered, Promise::CallAnswered),
    (Bug::AnsweredTwice, Promise::AnsweredOnce),
    (Bug::CallAnsweredAsDisk, Promise::AnswerKind),
    (Bug::ScanAnsweredDone, Promise::ScanInventory),
    (Bug::ErasedTooEarly, Promise::HandlesKept),
    (Bug::NeverErased, Promise::HandlesErased),
    (Bug::WrongKeyDigest, Promise::KeyDigest),
    (Bug::GoLiveIgnored, Promise::GoLive),
    (Bug::MonotonicClockBack, Promise::MonotonicClock),
    (Bug::SyncNotDone, Promise::SyncDone),
    (Bug::UnlinkNotDone, Promise::UnlinkDone),
    (Bug::EqualRunIds, Promise::RunIds),
    (Bug::KeyNeverAnswered, Promise::KeyAnswered),
    (Bug::WithdrawIgnored, Promise::Withdraw),
    (Bug::RenameNotDone, Promise::RealAnswer),
    (Bug::OtherConfiguration, Promise::SameStep),
    (Bug::StaleClocks, Promise::FreshClocks),
    (Bug::SleepsPastWake, Promise::Wake),
    (Bug::SleepsPastClockCheck, Promise::ClockCheck),
    (Bug::NoTicks, Promise::Ticks),
    (Bug::BusyLoop, Promise::Sleeps),
    (Bug::SignalLost, Promise::RequestGiven),
    (Bug::FailureHidden, Promise::TrueAnswer),
    (Bug::CallLeftOut, Promise::CarriedOut),
    (Bug::DiskRetried, Promise::OnlyRequested),
    (Bug::EndsEarly, Promise::RunsOn),
    (Bug::Panics, Promise::RunsOn),
    (Bug::GoesOnAfterExit, Promise::Exits),
    (Bug::CallsDropped, Promise::Progress),
];

/// A driver with a bug.
pub(crate) struct Faulty {
    bug: Bug,
    runs: u64,
}

/// One process of it.
struct Process<'a> {
    bug: Bug,
    rotator: Rotator,
    outside: &'a Outside,
    inputs: VecDeque<Input>,
    held: BTreeSet<Handle>,
    now: Now,
}

impl Faulty {
    pub(crate) const fn with(bug: Bug) -> Self {
        Self { bug, runs: 0 }
    }
}

impl Driver for Faulty {
    fn run(&mut self, config: Config, outside: &Outside) {
        self.runs += 1;
        let run = RunId(if self.bug == Bug::EqualRunIds { 1 } else { self.runs });
        outside.started(run);
        let config = match self.bug {
            Bug::OtherConfiguration => other(config),
            _ => config,
        };
        let (rotator, inputs) = (Rotator::new(config, run), VecDeque::from([Input::Tick]));
        let (held, now) = (BTreeSet::new(), outside.now());
        let mut process = Process { bug: self.bug, rotator, outside, inputs, held, now };
        while process.goes_on() {}
    }
}

fn other(config: Config) -> Config {
    let spec = ConfigSpec { built: WallTime::MAX, ..config.into() };
    Config::new(spec).expect("any build time is valid")
}

impl Process<'_> {
    fn goes_on(&mut self) -> bool {
        let Some(input) = self.inputs.pop_front() else { return self.sleeps() };
        let now = self.clocks();
        let step = self.rotator.step(now, input.clone());
        self.outside.stepped(now, &input, &step);
        let exits = step.actions.iter().any(|action| matches!(action, Action::Exit(_)));
        step.actions.iter().for_each(|action| self.carry_out(action));
        self.erase(&step);
        let live = step.actions.iter().any(|action| matches!(action, Action::GoLive { .. }));
        assert!(self.bug != Bug::Panics || !live, "the seeded bug");
        let ends = exits && self.bug != Bug::GoesOnAfterExit || live && self.bug == Bug::EndsEarly;
        !ends
    }

    fn clocks(&mut self) -> Now {
        let now = self.outside.now();
        match self.bug {
            // After a long sleep the clock starts over a little before the last reading.
            Bug::MonotonicClockBack if now.mono.since(self.now.mono) >= Span::from_secs(30) => {
                Now { mono: MonoTime::from_ms(self.now.mono.ms() - 1), ..now }
            }
            Bug::StaleClocks => self.now,
            _ => {
                self.now = now;
                now
            }
        }
    }

    fn sleeps(&mut self) -> bool {
        let now = self.outside.now();
        let sleep = match self.bug {
            Bug::SleepsPastWake => Duration::from_millis(self.rotator.clock_check().ms()),
            Bug::SleepsPastClockCheck => {
                let wake = self.rotator.wake();
                let waits = [wake.wall.map(|at| at.since(now.wall)), wake.mono.map(|at| at.since(now.mono))];
                Duration::from_millis(waits.into_iter().flatten().min().map_or(u64::MAX, Span::ms))
            }
            Bug::BusyLoop => Duration::ZERO,
            _ => self.rotator.sleep(now).unwrap_or_default(),
        };
        let Some(input) = self.outside.wait(sleep) else { return false };
        let is_lost = match self.bug {
            Bug::CallNeverAnswered => matches!(input, Input::CallAnswered { .. }),
            Bug::NoTicks => input == Input::Tick,
            Bug::SignalLost => input == Input::Shutdown,
            _ => false,
        };
        if !is_lost {
            self.take(input);
        }
        true
    }

    /// Takes an answer over, with the bug that is about answers.
    fn take(&mut self, input: Input) {
        self.held.extend(input.handles());
        let input = match (self.bug, input) {
            (Bug::DiskNeverAnswered, Input::DiskAnswered { .. })
            | (Bug::KeyNeverAnswered, Input::KeyMade { .. }) => {
                return;
            }
            (Bug::CallAnsweredAsDisk, Input::CallAnswered { op, .. }) => {
                Input::DiskAnswered { op, result: Ok(DiskDone::Done) }
            }
            (Bug::ScanAnsweredDone, Input::DiskAnswered { op, result: Ok(DiskDone::Scanned(_)) }) => {
                Input::DiskAnswered { op, result: Ok(DiskDone::Done) }
            }
            (Bug::WrongKeyDigest, Input::KeyMade { op, result: Ok(mut made) }) => {
                made.key_digest = KeyDigest([7; 32]);
                Input::KeyMade { op, result: Ok(made) }
            }
            (Bug::FailureHidden, Input::DiskAnswered { op, result: Err(_) }) => {
                Input::DiskAnswered { op, result: Ok(DiskDone::Done) }
            }
            (_, input) => input,
        };
        if self.bug == Bug::AnsweredTwice && matches!(input, Input::DiskAnswered { .. }) {
            self.inputs.push_back(input.clone());
        }
        self.inputs.push_back(input);
    }

    fn carry_out(&mut self, action: &Action) {
        match (self.bug, action) {
            (Bug::GoLiveIgnored, Action::GoLive { .. })
            | (Bug::WithdrawIgnored, Action::Withdraw { .. })
            | (Bug::CallLeftOut, Action::Call { .. }) => {}
            (
                Bug::SyncNotDone,
                Action::Disk { op, command: DiskCommand::SyncDir | DiskCommand::SyncFile { .. } },
            )
            | (Bug::UnlinkNotDone, Action::Disk { op, command: DiskCommand::Unlink { .. } })
            | (Bug::RenameNotDone, Action::Disk { op, command: DiskCommand::Rename { .. } }) => {
                self.take(Input::DiskAnswered { op: *op, result: Ok(DiskDone::Done) });
            }
            (Bug::DiskRetried, Action::Disk { .. }) => {
                let mut answer = self.outside.finish(action);
                if matches!(answer, Some(Input::DiskAnswered { result: Err(_), .. })) {
                    answer = self.outside.finish(action);
                }
                answer.into_iter().for_each(|input| self.take(input));
            }
            (_, Action::Disk { .. } | Action::MakeKey { .. }) => {
                let answer = self.outside.finish(action);
                answer.into_iter().for_each(|input| self.take(input));
            }
            (Bug::CallsDropped, Action::Call { op, .. }) => {
                self.outside.begin(action);
                // The future is dropped before its first poll.
                self.outside.begin(&Action::Cancel { op: *op });
            }
            (_, action) => self.outside.begin(action),
        }
    }

    fn erase(&mut self, step: &Step) {
        let erased: Vec<Handle> = match self.bug {
            Bug::NeverErased => return,
            // The rule of the embedding page before `Step::erase`.
            Bug::ErasedTooEarly => {
                let named: Vec<Handle> = self.rotator.handles().collect();
                self.held.iter().copied().filter(|handle| !named.contains(handle)).collect()
            }
            _ => step.erase.clone(),
        };
        self.held.retain(|handle| !erased.contains(handle));
        self.outside.erase(&erased);
    }
}
