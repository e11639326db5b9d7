//! How each engine looks for a bug.

use certrotate_model::crash;
use certrotate_model::disk::How;
use certrotate_model::disk::image::Profile;
use certrotate_model::explore::{Bound, explore};
use certrotate_model::invariants::Violation;
use certrotate_model::relations::{
    SHIFTS, m2_times_may_shift, m7_renewals_spread, m7_retries_differ, s15_replays,
};
use certrotate_model::scenario::{Scenario, Setup};
use certrotate_model::simulate;
use certrotate_model::transition::{Damage, Transition};

use crate::search::{Budget, Built, Found};

/// A search for a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// Everything within small bounds, by breadth.
    Explorer,
    /// Seeded runs with all faults on.
    Simulator,
    /// Every crash, nested, in every image.
    Crash,
    /// Runs that differ in one thing only.
    Relations,
}

/// How much was tried, and the finding.
type Search = (u64, Option<Found>);

/// The setups of the bounded engines: plain, with a client CA, already serving, with a requested lifetime, short lifetimes, a year, before 2030.
const SETUPS: [u8; 7] = [0, 8, 128, 16, 131, 5, 64];

impl Engine {
    /// All of them, in the order of the search.
    pub const ALL: [Self; 4] = [Self::Explorer, Self::Simulator, Self::Crash, Self::Relations];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Explorer => "explorer",
            Self::Simulator => "simulator",
            Self::Crash => "crash",
            Self::Relations => "relations",
        }
    }

    pub(super) fn search(self, built: Built, breaks: &[&str], seed: u64, budget: Budget) -> Search {
        let fits = |violation: &Violation| breaks.contains(&violation.id);
        match self {
            Self::Explorer => explores(built, seed, budget, fits),
            Self::Simulator => simulates(built, seed, budget, fits),
            Self::Crash => crashes(built, seed, budget, fits),
            Self::Relations => relates(built, seed, budget, fits),
        }
    }

    /// Whether a scenario shows what `sought` says, or something else under the same invariant, and after how many transitions.
    pub(super) fn fails(
        self,
        built: Built,
        sought: &Violation,
        scenario: &Scenario,
    ) -> Option<(Violation, usize)> {
        let change = |spec: &mut _, world: &mut _| built.into_world(spec, world);
        if self == Self::Relations {
            let found = match sought.id {
                "M2" => SHIFTS.iter().find_map(|shift| m2_times_may_shift(scenario, *shift, change)),
                "S15" => s15_replays(scenario, change),
                _ => Some(*sought),
            };
            return found.map(|violation| (violation, scenario.transitions.len()));
        }
        let played = scenario.play_in(change, true);
        played.world.violation.map(|violation| (violation, played.transitions))
    }
}

fn explores(built: Built, seed: u64, budget: Budget, fits: impl Fn(&Violation) -> bool) -> Search {
    let mut tries = 0;
    for faults in 0..=2 {
        for choice in SETUPS {
            let setup = Setup::decode(choice, seed as u8);
            let bound = Bound { setup, faults, rotations: if faults == 2 { 1 } else { 3 }, settles: true };
            let change = |spec: &mut _, world: &mut _| built.into_world(spec, world);
            let report = explore(bound, change, |_| {}, |progress| progress.transitions < budget.transitions);
            tries += report.progress.transitions;
            if let Some((scenario, violation)) = report.found.filter(|(_, it)| fits(it)) {
                return (tries, Some(Found { violation, scenario }));
            }
        }
    }
    (tries, None)
}

fn simulates(built: Built, seed: u64, budget: Budget, fits: impl Fn(&Violation) -> bool) -> Search {
    // Short runs are cheap and meet most; some things take a long one.
    const LENGTHS: [usize; 4] = [20, 60, 200, 60];
    for run in 0..budget.runs {
        let scenario = simulate::scenario(seed << 32 | run, LENGTHS[run as usize % LENGTHS.len()]);
        let played = scenario.play_in(|spec, world| built.into_world(spec, world), true);
        if let Some(violation) = played.world.violation.filter(&fits) {
            return (run + 1, Some(Found { violation, scenario }));
        }
    }
    (budget.runs, None)
}

fn crashes(built: Built, seed: u64, budget: Budget, fits: impl Fn(&Violation) -> bool) -> Search {
    let mut tries = 0;
    for choice in SETUPS {
        let setup = Setup::decode(choice, seed as u8);
        let bound = Bound { setup, faults: 1, rotations: 2, settles: false };
        let change = |spec: &mut _, world: &mut _| built.into_world(spec, world);
        let go_on = |progress: &crash::Progress| progress.ran() < budget.recoveries;
        let report = crash::enumerate(bound, change, 2, Profile::Alice, go_on);
        tries += report.progress.ran();
        if let Some((scenario, violation)) = report.found.filter(|(_, it)| fits(it)) {
            return (tries, Some(Found { violation, scenario }));
        }
    }
    (tries, None)
}

fn relates(built: Built, seed: u64, budget: Budget, fits: impl Fn(&Violation) -> bool) -> Search {
    let change = |spec: &mut _, world: &mut _| built.into_world(spec, world);
    let quiet = Scenario { setup: Setup::decode(32, seed as u8), transitions: vec![Transition::Step(7); 30] };
    let spread = m7_renewals_spread(change).or_else(|| m7_retries_differ(change));
    if let Some(violation) = spread.filter(&fits) {
        return (1, Some(Found { violation, scenario: Scenario { transitions: Vec::new(), ..quiet } }));
    }
    // Each start removes a file of ours and a foreign one, in an order that must be a function of the state.
    let restarts = (0..24).flat_map(|nth| {
        [
            Transition::Step(7),
            Transition::Damage(Damage::Temporary),
            Transition::Kill(How::Well),
            Transition::Step(nth % 8),
        ]
    });
    let restarts = Scenario { transitions: restarts.collect(), ..quiet };
    let drawn = (2..budget.related).map(|run| simulate::scenario(seed << 32 | run, 60));
    for (tries, scenario) in (2..).zip([quiet, restarts].into_iter().chain(drawn)) {
        let shifted = || SHIFTS.iter().find_map(|shift| m2_times_may_shift(&scenario, *shift, change));
        let found = s15_replays(&scenario, change).filter(&fits).or_else(|| shifted().filter(&fits));
        if let Some(violation) = found {
            return (tries, Some(Found { violation, scenario }));
        }
    }
    (budget.related, None)
}
