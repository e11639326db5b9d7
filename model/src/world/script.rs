//! Running a world until a condition holds, for scenario tests.

use certrotate_core::config::Config;
use certrotate_core::id::Generation;
use certrotate_core::input::{Disposition, Input};
use certrotate_core::rotator::Step;
use certrotate_core::time::{MonoTime, Span};

use crate::disk::How;
use crate::world::{Effect, Log, World};

impl World {
    /// A world for a scenario test: it writes a log, and panics at the first thing that does not hold.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { strict: true, log: Some(Box::default()), ..Self::quiet(config) }
    }

    /// What happened so far.
    ///
    /// # Panics
    ///
    /// If the world keeps no log: it is not one of [`World::new`].
    #[must_use]
    pub fn log(&self) -> &Log {
        self.log.as_ref().expect("the world of a scenario test keeps a log")
    }

    /// Time passes on both clocks; nothing is told to the process.
    pub fn pass(&mut self, span: Span) {
        self.now.wall = self.now.wall.plus(span);
        self.now.mono = self.now.mono.plus(span);
    }

    /// Runs until `done`, taking time where there is nothing else to do.
    ///
    /// # Panics
    ///
    /// If that is not so after ten thousand steps, or nothing would ever happen again: `goal` was not reached.
    pub fn run_until(&mut self, goal: &str, mut done: impl FnMut(&Self) -> bool) {
        for _ in 0..10_000 {
            if done(self) {
                return;
            }
            assert!(self.advance(), "nothing more happens before: {goal}\n{}", self.summary());
        }
        panic!("not reached in 10,000 steps: {goal}\n{}", self.summary());
    }

    /// Runs until both clocks are `span` further.
    pub fn run_for(&mut self, span: Span) {
        let end = self.now.mono.plus(span);
        while self.now.mono < end {
            if !self.deliver() && !self.wait_until(end) {
                self.pass(end.since(self.now.mono));
            }
        }
        while self.deliver() {}
        self.tick_if_due();
    }

    /// Runs until nothing is left to answer, without letting time pass.
    pub fn settle(&mut self) {
        while self.deliver() {}
    }

    /// Gives the next answer, or lets time pass until the next deadline and ticks.
    pub fn advance(&mut self) -> bool {
        self.deliver() || self.wait_until(Self::FOR_EVER)
    }

    /// Does the next operation that can be done and gives its answer, if there is one: disk commands in their order.
    pub fn deliver(&mut self) -> bool {
        (0..self.in_flight.len()).any(|index| self.deliver_at(index, How::Well))
    }

    /// Does the operation of this index and gives its answer, unless it has to wait.
    pub(crate) fn deliver_at(&mut self, index: usize, how: How) -> bool {
        let Some(asked) = self.in_flight.get(index).copied() else { return false };
        let is_disk = |it: &super::InFlight| matches!(it.effect, Effect::Disk(_));
        if is_disk(&asked) && self.in_flight[..index].iter().any(is_disk) {
            return false;
        }
        let Some(answer) = self.perform(index, how) else { return false };
        let lost = match asked.effect {
            Effect::Disk(_) => &mut self.lose_disk_answers,
            Effect::Call(..) => &mut self.lose_call_answers,
            Effect::Key(_) => &mut 0,
        };
        if *lost > 0 {
            *lost -= 1;
        } else {
            self.answer(answer);
        }
        true
    }

    pub(crate) fn is_due(&self) -> bool {
        let Some(node) = &self.node else { return false };
        let (wake, now) = (node.wake(), self.shown());
        wake.wall.is_some_and(|wall| now.wall >= wall) || wake.mono.is_some_and(|mono| now.mono >= mono)
    }

    fn tick_if_due(&mut self) {
        if self.is_due() {
            self.give(Input::Tick);
        }
    }

    /// How long until the node wants its next tick; `None` if it wants none.
    pub(crate) fn until_wake(&self) -> Option<Span> {
        let (wake, now) = (self.node.as_ref()?.wake(), self.shown());
        let by_wall = wake.wall.map(|wall| wall.since(now.wall));
        let by_mono = wake.mono.map(|mono| mono.since(now.mono));
        by_wall.into_iter().chain(by_mono).min()
    }

    /// Lets time pass until the next deadline, and ticks; `false` if there is none.
    pub(crate) fn wait_until(&mut self, end: MonoTime) -> bool {
        let Some(wait) = self.until_wake() else { return false };
        let left = end.since(self.now.mono);
        if wait > left {
            self.pass(left);
            return true;
        }
        let wake = self.wake();
        self.pass(wait);
        let step = self.give(Input::Tick);
        let ignored = step.is_some_and(|step| step.disposition != Disposition::Applied);
        let spins = ignored && self.wake() == wake;
        self.hold("S9", "a tick at a deadline does something or moves the deadline", !spins);
        assert!(
            !self.strict || !spins,
            "S9: a tick at the wake time does something or moves it\n{}",
            self.summary()
        );
        !spins
    }

    /// The last step's input once more, if no time has passed since. A tick that is wanted is another one.
    pub fn repeat(&mut self) -> Option<Step> {
        if self.told != self.now {
            return None;
        }
        match self.last {
            Some(answer) => self.answer(answer),
            None if self.is_due() => None,
            None => self.give(Input::Tick),
        }
    }

    /// The identity that was announced as live last, over all runs, since an external party broke a file.
    #[must_use]
    pub fn announced(&self) -> Option<Generation> {
        self.ghost.announced.map(|it| it.generation)
    }

    /// The run in a few lines, for a failure.
    #[must_use]
    pub fn summary(&self) -> String {
        let events = self.log.as_ref().map(|log| &*log.events).unwrap_or_default();
        let last: Vec<String> =
            events.iter().rev().take(8).map(|(now, it)| format!("  {}: {it:?}", now.wall)).collect();
        let view = self.view();
        let names: Vec<String> = self.disk.names().map(|name| name.to_string()).collect();
        format!("now {:?}\nview {view:?}\nnames {names:?}\nlast events\n{}", self.now, last.join("\n"))
    }
}
