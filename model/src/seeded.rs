//! The kill matrix: the harness is tested too.
//!
//! Each mistake of the [table] is built in, one at a time, and every engine looks for it. A mistake that no engine reports,
//! under one of the invariants that it breaks, is a hole in the harness; and where the harness is made [blind](Weakness) to
//! something, mistakes must survive. The module exists only with the feature `seeded`, and is the only one of the
//! crate that reads a clock: to say how long a search took, never to decide what is found.

use std::fmt::{self, Write as _};
use std::time::Instant;

use certrotate_core::config::ConfigSpec;

use crate::invariants::Violation;
use crate::reduce::reduce;
use crate::scenario::Scenario;
use crate::world::World;

mod engine;
pub mod table;
pub mod weakness;

pub use engine::Engine;
pub use table::{ELSEWHERE, Line, Mistake, TABLE};
pub use weakness::Weakness;

/// How much each engine may do for a mistake before it gives up.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Transitions of the explorer in each of its bounds.
    pub transitions: u64,
    /// Runs of the simulator.
    pub runs: u64,
    /// Recoveries of the crash enumerator in each of its bounds.
    pub recoveries: u64,
    /// Scenarios that are related to each other.
    pub related: u64,
}

impl Default for Budget {
    /// What finds nearly everything and is over in a minute.
    fn default() -> Self {
        Self { transitions: 5_000, runs: 3_000, recoveries: 1_500, related: 10 }
    }
}

impl Budget {
    /// What leaves little to chance.
    #[must_use]
    pub const fn deep() -> Self {
        Self { transitions: 200_000, runs: 10_000, recoveries: 50_000, related: 500 }
    }
}

/// What an engine found.
#[derive(Clone, Debug)]
pub struct Found {
    /// What did not hold.
    pub violation: Violation,
    /// A scenario that shows it, reduced.
    pub scenario: Scenario,
}

/// What came of the search of one engine for one mistake.
#[derive(Clone, Debug)]
pub struct Row {
    /// The mistake.
    pub mistake: Mistake,
    /// What it breaks.
    pub breaks: &'static [&'static str],
    /// Who looked for it.
    pub engine: Engine,
    /// Which of the seeds.
    pub seed: u64,
    /// What was found, if anything was.
    pub found: Option<Found>,
    /// How much was tried: scenarios, transitions or recoveries, whatever the engine counts.
    pub tries: u64,
    /// How many seconds that took, without the reduction.
    pub seconds: f64,
}

/// A mistake in a harness that may be blind.
#[derive(Clone, Copy, Debug)]
pub struct Built {
    /// The mistake.
    pub mistake: Mistake,
    /// What the harness does not see.
    pub weakness: Option<Weakness>,
}

impl Built {
    /// Makes the mistake.
    pub fn into_world(self, spec: &mut ConfigSpec, world: &mut World) {
        match self.mistake {
            Mistake::Core(bug) => spec.bug = Some(bug),
            Mistake::Driver(driver) => world.driver = driver,
        }
        world.weakness = self.weakness;
    }
}

/// Every mistake against every engine, with `seeds` seeds; `go_on` is shown each row and says whether it is enough.
pub fn matrix(seeds: u64, budget: Budget, mut go_on: impl FnMut(&Row) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    let all = (0..seeds).flat_map(|seed| TABLE.iter().map(move |line| (seed, line)));
    for (seed, line) in all {
        for row in against_all(line, seed, budget) {
            let more = go_on(&row);
            rows.push(row);
            if !more {
                return rows;
            }
        }
    }
    rows
}

/// One mistake of the [`TABLE`] against every engine.
pub fn against_all(line: &Line, seed: u64, budget: Budget) -> impl Iterator<Item = Row> {
    let (mistake, breaks) = *line;
    let built = Built { mistake, weakness: None };
    Engine::ALL.into_iter().map(move |engine| search(built, breaks, engine, seed, budget))
}

/// The mistakes of which no row tells that they were found.
#[must_use]
pub fn survivors(rows: &[Row]) -> Vec<&'static str> {
    let found = |mistake| rows.iter().any(|row| row.mistake == mistake && row.found.is_some());
    TABLE.iter().map(|(mistake, _)| *mistake).filter(|it| !found(*it)).map(Mistake::name).collect()
}

/// One engine looks for one mistake, until it is reported under one of the invariants that it breaks.
pub fn search(
    built: Built,
    breaks: &'static [&'static str],
    engine: Engine,
    seed: u64,
    budget: Budget,
) -> Row {
    let begun = Instant::now();
    let (tries, found) = engine.search(built, breaks, seed, budget);
    let seconds = begun.elapsed().as_secs_f64();
    let found = found.map(|Found { violation, scenario }| {
        let fails = |scenario: &Scenario| engine.fails(built, &violation, scenario);
        let scenario = reduce(&scenario, fails);
        let violation = fails(&scenario).map_or(violation, |(violation, _)| violation);
        Found { violation, scenario }
    });
    Row { mistake: built.mistake, breaks, engine, seed, found, tries, seconds }
}

impl Row {
    /// How many transitions are left of the scenario when it is reduced.
    #[must_use]
    pub fn transitions(&self) -> Option<usize> {
        self.found.as_ref().map(|found| found.scenario.transitions.len())
    }

    /// The row as an object of JSON, in one line.
    #[must_use]
    pub fn json(&self) -> String {
        let Self { mistake, engine, seed, found, tries, seconds, .. } = self;
        let mut text = format!(
            "{{\"bug\":\"{}\",\"engine\":\"{}\",\"seed\":{seed},\"seconds\":{seconds:.6},\"tries\":{tries}",
            mistake.name(),
            engine.name()
        );
        // Names, ids and sentences of ours have neither quotes nor backslashes.
        let _ = match found {
            Some(Found { violation, scenario }) => write!(
                text,
                ",\"found\":\"{}\",\"sentence\":\"{}\",\"transitions\":{},\"scenario\":\"{}\"}}",
                violation.id,
                violation.sentence,
                scenario.transitions.len(),
                scenario.hex()
            ),
            None => text.write_str(",\"found\":null}"),
        };
        text
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mistake, engine, found, tries, seconds, .. } = self;
        write!(f, "{} {:<9} ", mistake.name(), engine.name())?;
        match found {
            Some(Found { violation, scenario }) => {
                write!(
                    f,
                    "{seconds:.3} s, {tries} tried, {} transitions: {violation}",
                    scenario.transitions.len()
                )
            }
            None => write!(f, "not found in {seconds:.3} s, {tries} tried"),
        }
    }
}

#[cfg(test)]
mod tests;
