//! One search: the bug that is built in, its budget, and the violation found.

use certrotate_core::config::ConfigSpec;
use certrotate_model::scenario::Scenario;
use certrotate_model::violation::Violation;
use certrotate_model::weakness::Weakness;
use certrotate_model::world::{Driver, World};
use certrotate_seeded_bugs::Bug;

/// How much each engine may do for a bug before it gives up.
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
    /// The violation.
    pub violation: Violation,
    /// A scenario that shows it, reduced.
    pub scenario: Scenario,
}

/// A harness under test: with a seeded bug, or blind to something, or both.
#[derive(Clone, Copy, Debug, Default)]
pub struct Built {
    /// The seeded bug.
    pub bug: Option<Bug>,
    /// What the harness does not see.
    pub weakness: Option<Weakness>,
}

impl Built {
    /// Puts the bug into a configuration or a driver.
    pub fn into_world(self, spec: &mut ConfigSpec, world: &mut World) {
        match self.bug.map(|bug| (bug, driver(bug))) {
            Some((_, Some(driver))) => world.driver = driver,
            Some((bug, None)) => spec.bug = Some(bug),
            None => {}
        }
        world.weakness = self.weakness;
    }
}

/// The driver that has this bug.
pub(crate) const fn driver(bug: Bug) -> Option<Driver> {
    Some(match bug {
        Bug::B06 => Driver::StopsInSuspend,
        Bug::B28 => Driver::FetchesAgain,
        Bug::D01 => Driver::SkipsDirectorySyncs,
        Bug::D02 => Driver::SkipsFileSyncs,
        Bug::D03 => Driver::SkipsUnlinks,
        Bug::D04 => Driver::ServesEarly,
        Bug::D05 => Driver::ServesOn,
        Bug::D06 => Driver::ReusesKeys,
        Bug::D07 => Driver::AsksTwice,
        _ => return None,
    })
}
