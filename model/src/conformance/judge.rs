//! What a driver has done, beside what it promised.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use certrotate_core::config::Config;
use certrotate_core::id::{Handle, OpId, RunId};
use certrotate_core::input::{Action, Disposition, Input};
use certrotate_core::rotator::{Rotator, Step};
use certrotate_core::time::{MonoTime, Now, Span};
use certrotate_core::trace::{TraceHeader, TraceRecord};
use certrotate_core::view::Wake;

use crate::conformance::environment::{Carried, Environment, Unplayed, Woken, op_of};
use crate::conformance::inputs::{altered, not_carried_out, not_ended, unanswered};
use crate::conformance::promise::Promise;
use crate::conformance::report::Broken;
use crate::conformance::script::Script;
use crate::replay::Run;
use crate::world::operation;

/// The most steps of a scenario, and the most requests of a driver after its end.
const MOST_STEPS: u64 = 100_000;
/// The most wake-ups while no time passes.
const MOST_WAKES_AT_ONE_TIME: u32 = 1000;

/// Why a driver must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The process was killed, and the next one starts.
    Killed,
    /// Core said so.
    Exited,
    /// The scenario is over.
    Over,
}

pub(super) struct Judge {
    config: Config,
    environment: Environment,
    /// The kit's own core, which takes the driver's steps again.
    mirror: Option<Rotator>,
    pub(super) runs: Vec<Run>,
    run_ids: BTreeSet<RunId>,
    end: Option<End>,
    pub(super) broken: Option<Broken>,
    pub(super) steps: u64,
    requests_after_end: u64,
    wakes: u32,
    /// Readings of the clocks since the driver woke.
    readings: Vec<Now>,
    last: MonoTime,
    /// Actions that the driver has not carried out yet.
    expected: Vec<Action>,
    /// Operations that were carried out, without an answer yet.
    begun: BTreeMap<OpId, Action>,
    /// Operations whose answer core has.
    answered: BTreeSet<OpId>,
    /// Answers and requests that the driver has and core has not.
    owed: Vec<Input>,
    held: BTreeSet<Handle>,
    listed: BTreeSet<Handle>,
    lives: u32,
    served: Option<certrotate_core::id::Generation>,
}

impl Judge {
    pub(super) fn new(config: Config, script: Script, run_ids: BTreeSet<RunId>) -> Self {
        Self {
            environment: Environment::new(config.clone(), script),
            config,
            mirror: None,
            runs: Vec::new(),
            run_ids,
            end: None,
            broken: None,
            steps: 0,
            requests_after_end: 0,
            wakes: 0,
            readings: Vec::new(),
            last: MonoTime::from_ms(0),
            expected: Vec::new(),
            begun: BTreeMap::new(),
            answered: BTreeSet::new(),
            owed: Vec::new(),
            held: BTreeSet::new(),
            listed: BTreeSet::new(),
            lives: 0,
            served: None,
        }
    }

    pub(super) fn take_run_ids(&mut self) -> BTreeSet<RunId> {
        std::mem::take(&mut self.run_ids)
    }

    pub(super) fn unplayed(&self) -> Unplayed {
        self.environment.unplayed()
    }

    /// Notes a broken promise, if it is the first, and ends the scenario.
    pub(super) fn breaks(&mut self, promise: Promise, detail: impl Into<String>) {
        if self.broken.is_none() {
            let (step, now) = (self.steps, self.environment.now());
            self.broken = Some(Broken { promise, detail: detail.into(), step, now });
        }
        self.end = Some(End::Over);
    }

    fn is_over(&mut self) -> bool {
        if self.end.is_some() && self.end != Some(End::Exited) {
            self.requests_after_end += 1;
            if self.requests_after_end > MOST_STEPS {
                // Without the message of a panic: the report has the broken promise.
                std::panic::resume_unwind(Box::new("the driver goes on after its end"));
            }
            return true;
        }
        if self.end == Some(End::Exited) {
            self.breaks(Promise::Exits, "it goes on after Action::Exit");
            return true;
        }
        false
    }

    pub(super) fn has_exited(&self) -> bool {
        self.end == Some(End::Exited)
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Returns how long the driver may sleep from `now` on.
    pub(super) fn sleep(&self, now: Now) -> Option<Duration> {
        self.mirror.as_ref().and_then(|mirror| mirror.sleep(now))
    }

    /// Returns when the driver must wake, and how long it may sleep at the most.
    fn deadlines(&self) -> Option<(Wake, Span)> {
        self.mirror.as_ref().map(|mirror| (mirror.wake(), mirror.clock_check()))
    }

    pub(super) fn started(&mut self, run: RunId) {
        if self.is_over() {
            return;
        }
        if !self.run_ids.insert(run) {
            return self.breaks(Promise::RunIds, format!("RunId {:x} was used before", run.0));
        }
        self.mirror = Some(Rotator::new(self.config.clone(), run));
        self.runs.push((TraceHeader::new(&self.config, run), Vec::new()));
        self.last = MonoTime::from_ms(0);
    }

    pub(super) fn now(&mut self) -> Now {
        let now = self.environment.now();
        self.readings.push(now);
        now
    }

    /// Judges a step, and takes it again.
    pub(super) fn stepped(&mut self, now: Now, input: &Input, step: Option<&Step>) -> Option<Step> {
        if self.is_over() {
            return None;
        }
        if self.mirror.is_none() {
            self.breaks(Promise::RunIds, "it steps before it has started a run with a RunId");
            return None;
        }
        if self.environment.now().mono < self.last {
            // The clock itself went back, not the driver.
            self.last = self.environment.now().mono;
        }
        if now.mono < self.last {
            self.breaks(Promise::MonotonicClock, format!("{:?} comes after {:?}", now.mono, self.last));
        } else if !self.readings.contains(&now) {
            self.breaks(Promise::FreshClocks, format!("{now:?} is no reading since it woke"));
        }
        self.last = now.mono;
        self.takes_effect();
        self.is_real(input);
        if self.broken.is_some() {
            return None;
        }
        let again = self.take(now, input)?;
        if step.is_some_and(|step| *step != again) {
            self.breaks(Promise::SameStep, format!("it returned {step:?} and not {again:?}"));
        }
        Some(again)
    }

    fn take(&mut self, now: Now, input: &Input) -> Option<Step> {
        let (mirror, (_, records)) = (self.mirror.as_mut()?, self.runs.last_mut()?);
        let (record, step) = TraceRecord::with_step(mirror, records.len() as u64 + 1, now, input.clone());
        records.push(record);
        self.steps += 1;
        if step.disposition == Disposition::Applied {
            self.wakes = 0;
        }
        self.listed.extend(step.erase.iter().filter(|handle| self.held.contains(handle)));
        for action in &step.actions {
            match action {
                Action::Report(_) | Action::Cancel { .. } => {}
                Action::Exit(_) => self.end = Some(End::Exited),
                _ => self.expected.push(action.clone()),
            }
        }
        if self.steps > MOST_STEPS {
            self.breaks(
                Promise::Progress,
                format!("{} identities are live after {MOST_STEPS} steps", self.lives),
            );
        }
        Some(step)
    }

    /// `GoLive` and `Withdraw` of the last step were carried out.
    fn takes_effect(&mut self) {
        match self.expected.iter().find(|it| matches!(it, Action::GoLive { .. } | Action::Withdraw { .. })) {
            Some(action @ Action::GoLive { .. }) => {
                self.breaks(Promise::GoLive, format!("it left out {action:?}"))
            }
            Some(action) => self.breaks(Promise::Withdraw, format!("it left out {action:?}")),
            None => {}
        }
    }

    /// The input is one that the driver was given.
    fn is_real(&mut self, input: &Input) {
        if let Some(index) = self.owed.iter().position(|owed| owed == input) {
            self.owed.remove(index);
            self.answered.extend(op_of(input));
            return;
        }
        let Some(op) = op_of(input) else {
            if *input != Input::Tick {
                self.breaks(Promise::TrueAnswer, format!("no operator requested {input:?}"));
            }
            return;
        };
        if let Some(owed) = self.owed.iter().find(|owed| op_of(owed) == Some(op)) {
            let (promise, detail) = altered(owed, input);
            return self.breaks(promise, detail);
        }
        if self.answered.contains(&op) {
            return self.breaks(Promise::AnsweredOnce, format!("operation {op} has an answer already"));
        }
        let asked = self.expected.iter().find(|it| operation(it) == Some(op)).or_else(|| self.begun.get(&op));
        let (promise, detail) = not_ended(op, asked);
        self.breaks(promise, detail);
    }

    /// Carries out an action of the driver. `None`: there is no answer now.
    pub(super) fn carry_out(&mut self, action: &Action, waits: bool) -> Option<Input> {
        if self.end == Some(End::Exited)
            && matches!(action, Action::Report(_) | Action::Exit(_) | Action::Withdraw { .. })
        {
            self.expected.retain(|expected| expected != action);
            return None;
        }
        if self.is_over() {
            return None;
        }
        match action {
            Action::Report(_) | Action::Exit(_) => return None,
            Action::Cancel { op } => {
                self.environment.cancel(*op);
                return None;
            }
            _ => {}
        }
        let Some(index) = self.expected.iter().position(|expected| expected == action) else {
            self.breaks(Promise::OnlyRequested, format!("core has not requested {action:?}, or once only"));
            return None;
        };
        self.expected.remove(index);
        if let Action::GoLive { generation, .. } = action {
            self.lives += u32::from(self.served != Some(*generation));
            self.served = Some(*generation);
        }
        let op = operation(action)?;
        self.begun.insert(op, action.clone());
        match self.environment.carry_out(action, waits) {
            Carried::Answer(input) => Some(self.hand_over(input)),
            Carried::Later => None,
            Carried::Crashed => {
                self.crashed();
                None
            }
        }
    }

    fn hand_over(&mut self, input: Input) -> Input {
        if let Some(op) = op_of(&input) {
            self.begun.remove(&op);
        }
        self.held.extend(input.handles());
        self.owed.push(input.clone());
        input
    }

    pub(super) fn erase(&mut self, handles: &[Handle]) {
        if self.end != Some(End::Exited) && self.is_over() {
            return;
        }
        for handle in handles {
            if !self.held.remove(handle) {
                continue;
            }
            if !self.listed.remove(handle) {
                return self.breaks(
                    Promise::HandlesKept,
                    format!("it erased {handle:?}, which core has not listed"),
                );
            }
        }
        self.environment.erase(handles);
    }

    /// Sleeps, and returns the next input; `None` where the driver must end.
    pub(super) fn wait(&mut self, sleep: Span) -> Option<Input> {
        if self.is_over() {
            return None;
        }
        self.before_sleep(sleep);
        if self.broken.is_some() {
            return None;
        }
        let goal = self.environment.script.lives;
        if goal > 0 && self.lives >= goal && self.environment.is_played() {
            self.end = Some(End::Over);
            return None;
        }
        let before = self.environment.now();
        self.readings.clear();
        match self.environment.sleep(sleep) {
            Woken::Input(input) => {
                self.wakes = 0;
                self.readings.clear();
                Some(self.hand_over(input))
            }
            Woken::Due => {
                self.wakes = if self.environment.now() == before { self.wakes + 1 } else { 0 };
                self.owed.push(Input::Tick);
                Some(Input::Tick)
            }
            Woken::Crashed => {
                self.crashed();
                None
            }
        }
    }

    /// Everything that a driver does before it sleeps is done.
    fn before_sleep(&mut self, sleep: Span) {
        self.takes_effect();
        if let Some(owed) = self.owed.first() {
            let (promise, detail) = unanswered(owed);
            return self.breaks(promise, detail);
        }
        if let Some(action) = self.expected.first() {
            let detail = not_carried_out(action);
            return self.breaks(Promise::CarriedOut, detail);
        }
        if let Some(handle) = self.listed.iter().next() {
            let detail = format!("it still has {handle:?}");
            return self.breaks(Promise::HandlesErased, detail);
        }
        if self.wakes > MOST_WAKES_AT_ONE_TIME {
            return self
                .breaks(Promise::Sleeps, format!("it woke {} times while no time passed", self.wakes));
        }
        let Some((wake, check)) = self.deadlines() else { return };
        if self.environment.wait_of(wake.wall, wake.mono).is_some_and(|wait| sleep > wait) {
            self.breaks(Promise::Wake, format!("it would sleep for {sleep}, past {wake:?}"));
        } else if sleep > check {
            self.breaks(
                Promise::ClockCheck,
                format!("it would sleep for {sleep}, and the clock check is {check}"),
            );
        }
    }

    fn crashed(&mut self) {
        self.end = Some(End::Killed);
        self.forget();
    }

    fn forget(&mut self) {
        self.mirror = None;
        self.expected.clear();
        self.begun.clear();
        self.owed.clear();
        self.held.clear();
        self.listed.clear();
        self.readings.clear();
        self.served = None;
    }

    /// The driver returned. Returns whether its next process starts.
    pub(super) fn returned(&mut self, panicked: bool) -> bool {
        if panicked && self.broken.is_none() {
            self.breaks(Promise::RunsOn, "it panicked");
        }
        match self.end.take() {
            Some(End::Killed) => {
                self.wakes = 0;
                return true;
            }
            Some(End::Exited) => {
                self.takes_effect();
                if self.environment.script.lives > 0 {
                    // Core ends only if the directory cannot be used; a supervisor starts the agent again.
                    self.environment.ended();
                    self.forget();
                    self.end = None;
                    return self.broken.is_none();
                }
            }
            Some(End::Over) => {}
            None => self.breaks(Promise::RunsOn, "it returned, and core goes on"),
        }
        false
    }
}
