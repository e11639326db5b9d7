//! Replays a run step by step.

use std::fmt;

use certrotate_core::config::{ConfigError, ConfigSpec};
use certrotate_core::input::Disposition;
use certrotate_core::rotator::Rotator;
use certrotate_core::time::{Now, Span};
use certrotate_core::trace::{TraceHeader, TraceRecord};

use crate::brief;
use crate::invariants::Violation;
use crate::marks::Marks;
use crate::scenario::Scenario;
use crate::transition::Transition;
use crate::world::{Probe, World};

/// The trace of one process: how it was configured, and its steps.
pub type Run = (TraceHeader, Vec<TraceRecord>);

/// A played scenario with its complete record.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Every process that ran, with its steps; steps are counted over all of them.
    pub runs: Vec<Run>,
    /// The transitions, each with the number of steps before it; `None` is where the world heals.
    pub transitions: Vec<(u64, Option<Transition>)>,
    /// The world at the end, or after the requested step.
    pub world: World,
    /// The coverage marks.
    pub marks: Marks,
    /// The violation found.
    pub violation: Option<Found>,
}

/// A violation, and the step that showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The violation.
    pub violation: Violation,
    /// The number of the last step before it.
    pub step: u64,
    /// The clocks at that step.
    pub now: Now,
    /// The clocks at the beginning.
    pub start: Now,
}

impl Found {
    /// Renders the step and the time.
    #[must_use]
    pub fn when(&self) -> String {
        format!(
            "after step {}, at {}, by the wall clock {}",
            self.step,
            Since(self.now, self.start),
            self.now.wall
        )
    }
}

/// A time, as it is after a start: how far by the monotonic clock, and how far the wall clock is from that.
#[derive(Clone, Copy, Debug)]
pub struct Since(pub Now, pub Now);

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(now, start) = self;
        let mono = now.mono.since(start.mono);
        let off = i128::from(now.wall.unix_ms()) - i128::from(start.wall.unix_ms()) - i128::from(mono.ms());
        write!(f, "+{mono}")?;
        let span = Span::from_ms(u64::try_from(off.unsigned_abs()).unwrap_or(u64::MAX));
        match off {
            0 => Ok(()),
            1.. => write!(f, " wall+{span}"),
            _ => write!(f, " wall-{span}"),
        }
    }
}

/// A replayed step of a trace.
#[derive(Debug)]
pub struct Step<'a> {
    /// Its number, over all runs.
    pub step: u64,
    /// The trace header, if this is the first step of its run.
    pub header: Option<&'a TraceHeader>,
    /// The recorded step.
    pub record: &'a TraceRecord,
    /// Core before the step.
    pub before: &'a Rotator,
    /// Core after the step.
    pub after: &'a Rotator,
}

/// Why a trace cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Differs {
    /// The configuration of this run is not valid.
    Config(u64, ConfigError),
    /// The result of this step differs: the recorded step, and the replayed one.
    Step(u64, Box<(TraceRecord, TraceRecord)>),
}

/// Replays every step of the runs and gives it to `each`, until `each` stops.
///
/// # Errors
///
/// The first step with another result than recorded.
pub fn walk(runs: &[Run], mut each: impl FnMut(&Step<'_>) -> bool) -> Result<(), Differs> {
    let mut step = 0;
    for (header, records) in runs {
        let mut machine = header.rotator().map_err(|error| Differs::Config(header.run.0, error))?;
        for (index, record) in records.iter().enumerate() {
            step += 1;
            let before = machine.clone();
            record
                .replay(&mut machine)
                .map_err(|again| Differs::Step(step, Box::new((record.clone(), *again))))?;
            let header = (index == 0).then_some(header);
            if !each(&Step { step, header, record, before: &before, after: &machine }) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Returns the time at which the runs begin.
#[must_use]
pub fn start(runs: &[Run]) -> Now {
    runs.iter().find_map(|(_, records)| records.first()).map_or(Now::default(), |first| first.now)
}

/// A step in words: when, in which phase, what was given, what was done, and what became of the input if it was ignored.
#[must_use]
pub fn line(step: u64, start: Now, before: &Rotator, record: &TraceRecord) -> String {
    let time = Since(record.now, start).to_string();
    let phase = before.view().phase.to_string();
    let input = brief::input(&record.input);
    let mut text = format!("{step:>5}  {time:<16} {phase:<10} {input:<24}");
    if let Disposition::Ignored(why) = record.disposition {
        text.push_str(&format!(" ignored ({why:?})"));
    }
    let actions: Vec<String> = record.actions.iter().map(brief::action).collect();
    if !actions.is_empty() {
        text.push_str(" → ");
        text.push_str(&actions.join("; "));
    }
    text.trim_end().to_owned()
}

impl Replay {
    /// Plays a scenario in a world that `change` makes other than it should be; with `until`, the world is kept as it was
    /// after that step, and later steps are left out.
    #[must_use]
    pub fn of_scenario(
        scenario: &Scenario,
        change: impl FnOnce(&mut ConfigSpec, &mut World),
        heals: bool,
        until: Option<u64>,
    ) -> Self {
        let mut transitions = Vec::new();
        let recorded = |spec: &mut ConfigSpec, world: &mut World| {
            world.traces = Some(Vec::new());
            world.marks = Some(Box::default());
            world.probe = until.map(|step| Box::new(Probe { step, world: None }));
            change(spec, world);
        };
        let played = scenario
            .play_seen(recorded, heals, |world, transition| transitions.push((world.steps, transition)));
        let mut world = played.world;
        let mut runs = world.traces.take().unwrap_or_default();
        if let Some(stopped) = world.probe.take().and_then(|probe| probe.world) {
            world = stopped;
        }
        transitions.retain(|(before, _)| *before < world.steps || until.is_none());
        let mut left = world.steps;
        for (_, records) in &mut runs {
            let kept = left.min(records.len() as u64);
            records.truncate(kept as usize);
            left -= kept;
        }
        runs.retain(|(_, records)| !records.is_empty());
        let start = start(&runs);
        let found = world.violation.zip(world.violated_at);
        let violation = found.map(|(violation, (step, now))| Found { violation, step, now, start });
        let marks = world.marks.take().map(|marks| *marks).unwrap_or_default();
        Self { runs, transitions, world, marks, violation }
    }

    /// Renders every step.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let start = start(&self.runs);
        let mut lines = Vec::new();
        let same = walk(&self.runs, |it| {
            lines.push(line(it.step, start, it.before, it.record));
            true
        });
        debug_assert!(same.is_ok(), "a step that is taken again comes out the same: {same:?}");
        lines
    }
}

#[cfg(test)]
mod tests;
