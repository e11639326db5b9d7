//! The kill matrix: the harness is tested too.
//!
//! Each bug of [`certrotate_seeded_bugs`] is built in, one at a time, and every engine looks for it. A bug that no engine
//! reports, under one of the invariants that it breaks, is a hole in the harness. Where the harness is made
//! [blind](Weakness), bugs must survive. A clock is read to say how long a search took, never to decide a finding.
//!
//! # Example
//!
//! ```
//! use certrotate_seeded_bugs::Bug;
//! use certrotate_seeded_matrix::{Budget, Engine, search};
//!
//! let row = search(Bug::B29, None, Engine::Crash, 0, Budget::default());
//! assert_eq!(row.found.map(|found| found.violation.id), Some("S4"));
//! ```

use std::fmt::{self, Write as _};
use std::time::Instant;

use certrotate_model::reduce::reduce;
use certrotate_model::scenario::Scenario;
use certrotate_model::weakness::Weakness;

mod engine;
mod search;

pub use certrotate_seeded_bugs::{Bug, Home};
pub use engine::Engine;
pub use search::{Budget, Built, Found};

/// The result of the search of one engine for one bug.
#[derive(Clone, Debug)]
pub struct Row {
    /// The bug.
    pub bug: Bug,
    /// The engine.
    pub engine: Engine,
    /// The seed.
    pub seed: u64,
    /// The finding, if there is one.
    pub found: Option<Found>,
    /// How much was tried: scenarios, transitions or recoveries, by the engine.
    pub tries: u64,
    /// How many seconds the search took, without the reduction.
    pub seconds: f64,
}

/// Runs every engine on one bug.
pub fn against_all(bug: Bug, seed: u64, budget: Budget) -> impl Iterator<Item = Row> {
    Engine::ALL.into_iter().map(move |engine| search(bug, None, engine, seed, budget))
}

/// Returns the names of the bugs that no row reports as found.
#[must_use]
pub fn survivors(rows: &[Row]) -> Vec<&'static str> {
    let is_found = |bug| rows.iter().any(|row| row.bug == bug && row.found.is_some());
    Bug::of_engines().filter(|bug| !is_found(*bug)).map(Bug::name).collect()
}

/// Runs one engine on one bug, until it reports one of the invariants that the bug breaks.
#[must_use]
pub fn search(bug: Bug, weakness: Option<Weakness>, engine: Engine, seed: u64, budget: Budget) -> Row {
    let built = Built { bug: Some(bug), weakness };
    let begun = Instant::now();
    let (tries, found) = engine.search(built, bug.breaks(), seed, budget);
    let seconds = begun.elapsed().as_secs_f64();
    let found = found.map(|Found { violation, scenario }| {
        let fails = |scenario: &Scenario| engine.fails(built, &violation, scenario);
        let scenario = reduce(&scenario, fails);
        let violation = fails(&scenario).map_or(violation, |(violation, _)| violation);
        Found { violation, scenario }
    });
    Row { bug, engine, seed, found, tries, seconds }
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
        let Self { bug, engine, seed, found, tries, seconds, .. } = self;
        let mut text = format!(
            "{{\"bug\":\"{}\",\"engine\":\"{}\",\"seed\":{seed},\"seconds\":{seconds:.6},\"tries\":{tries}",
            bug.name(),
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
        let Self { bug, engine, found, tries, seconds, .. } = self;
        write!(f, "{} {:<9} ", bug.name(), engine.name())?;
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
