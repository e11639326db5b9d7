//! The kill matrix: the harness is tested too.
//!
//! Each mistake of the [table] is built in, one at a time, and every engine looks for it. A mistake that no engine reports, under one
//! of the invariants that it breaks, is a hole in the harness. The module exists only with the feature `seeded`, and is the only one
//! of the crate that reads a clock: to say how long a search took, never to decide what is found.

use std::fmt;
use std::time::Instant;

use certrotate_core::config::ConfigSpec;
use certrotate_core::seeded::Bug;

use crate::explore::{Bound, explore};
use crate::invariants::Violation;
use crate::reduce::reduce;
use crate::scenario::{Scenario, Setup};
use crate::simulate;
use crate::world::{Driver, World};

pub mod table;

pub use table::{Mistake, TABLE};

/// What looks for mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// Everything within small bounds, by breadth.
    Explorer,
    /// Seeded runs with all faults on.
    Simulator,
}

impl Engine {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Self; 2] = [Self::Explorer, Self::Simulator];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Explorer => "explorer",
            Self::Simulator => "simulator",
        }
    }
}

/// How much each engine may do for a mistake before it gives up.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Runs of the simulator.
    pub runs: u64,
    /// Transitions of the explorer, in each of its bounds.
    pub transitions: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { runs: 2000, transitions: 30_000 }
    }
}

/// What an engine found.
#[derive(Clone, Debug)]
pub struct Found {
    /// What did not hold.
    pub violation: Violation,
    /// A scenario that shows it.
    pub scenario: Scenario,
}

/// What came of the search of one engine for one mistake.
#[derive(Clone, Debug)]
pub struct Row {
    /// The mistake.
    pub mistake: Mistake,
    /// Who looked for it.
    pub engine: Engine,
    /// Which of the seeds.
    pub seed: u64,
    /// What was found, if anything was.
    pub found: Option<Found>,
    /// How many scenarios were played: events, for the explorer.
    pub tries: u64,
    /// How long that took.
    pub seconds: f64,
    /// How many events are left of the scenario when it is reduced.
    pub events: Option<usize>,
}

/// Builds a mistake in.
pub fn built_in(mistake: Mistake) -> impl Fn(&mut ConfigSpec, &mut World) + Copy {
    move |spec, world| match mistake {
        Mistake::Core(bug) => spec.bug = Some(bug),
        Mistake::Driver(driver) => world.driver = driver,
    }
}

/// Every mistake against every engine.
pub fn matrix(seeds: u64, budget: Budget, mut go_on: impl FnMut(&Row) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for seed in 0..seeds {
        for (mistake, breaks) in TABLE {
            for engine in Engine::ALL {
                let row = search(*mistake, breaks, engine, seed, budget);
                let more = go_on(&row);
                rows.push(row);
                if !more {
                    return rows;
                }
            }
        }
    }
    rows
}

/// One engine looks for one mistake.
pub fn search(mistake: Mistake, breaks: &[&str], engine: Engine, seed: u64, budget: Budget) -> Row {
    let begun = Instant::now();
    let fits = |violation: &Violation| breaks.is_empty() || breaks.contains(&violation.id);
    let (tries, found) = match engine {
        Engine::Explorer => explores(mistake, seed, budget, fits),
        Engine::Simulator => simulates(mistake, seed, budget, fits),
    };
    let seconds = begun.elapsed().as_secs_f64();
    let mut row = Row { mistake, engine, seed, found, tries, seconds, events: None };
    if let Some(found) = &mut row.found {
        let fails = |scenario: &Scenario| {
            let played = scenario.play_in(built_in(mistake), true);
            played.world.violation.map(|violation| (violation, played.events))
        };
        found.scenario = reduce(&found.scenario, fails);
        row.events = Some(found.scenario.events.len());
    }
    row
}

type Search = (u64, Option<Found>);

fn explores(mistake: Mistake, seed: u64, budget: Budget, fits: impl Fn(&Violation) -> bool) -> Search {
    let mut tries = 0;
    for faults in 0..=2 {
        for choice in [0, 8, 128, 16, 176, 3] {
            let setup = Setup::decode(choice, seed as u8);
            let rotations = if faults == 2 { 1 } else { 2 };
            let bound = Bound { setup, faults, rotations, settles: true };
            let report = explore(
                bound,
                built_in(mistake),
                |_| {},
                |progress| progress.transitions < budget.transitions,
            );
            tries += report.progress.transitions;
            if let Some((scenario, violation)) = report.found.filter(|(_, it)| fits(it)) {
                return (tries, Some(Found { violation, scenario }));
            }
        }
    }
    (tries, None)
}

fn simulates(mistake: Mistake, seed: u64, budget: Budget, fits: impl Fn(&Violation) -> bool) -> Search {
    const LENGTHS: [usize; 4] = [20, 60, 200, 60];
    for run in 0..budget.runs {
        let events = LENGTHS[run as usize % LENGTHS.len()];
        let scenario = simulate::scenario(seed << 32 | run, events);
        let played = scenario.play_in(built_in(mistake), true);
        if let Some(violation) = played.world.violation.filter(&fits) {
            return (run + 1, Some(Found { violation, scenario }));
        }
    }
    (budget.runs, None)
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.mistake.name(), self.engine.name())?;
        match &self.found {
            Some(found) => write!(
                f,
                "{:.3}s {} tries, {} events: {}",
                self.seconds,
                self.tries,
                self.events.unwrap_or_default(),
                found.violation
            ),
            None => write!(f, "not found in {:.3}s, {} tries", self.seconds, self.tries),
        }
    }
}
