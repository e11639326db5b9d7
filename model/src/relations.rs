//! Relations between runs: properties that no single run can show.
//!
//! Each function plays its scenario more than once, in worlds that differ in one respect, and
//! returns a violation if the runs differ. `change` alters both worlds.

use std::collections::BTreeSet;

use certrotate_core::config::ConfigSpec;
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::{MonoTime, Span, WallTime};

use crate::fingerprint;
use crate::invariants::Violation;
use crate::monitor::Validity;
use crate::scenario::{Scenario, Setup};
use crate::server::Bad;
use crate::transition::{Damage, Jump, Transition};
use crate::world::World;

const SHIFTED: Violation =
    Violation { id: "M2", sentence: "shifting all times shifts all deadlines and changes nothing else" };

/// The distance between the clocks of two worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// In whole seconds of wall time: names of files have no smaller unit.
    pub wall_secs: i64,
    /// In milliseconds of monotonic time.
    pub mono_ms: u64,
}

/// A second, and years either way: over the beginnings of decades, and what fits into 32 bits.
pub const SHIFTS: [Shift; 4] = [
    Shift { wall_secs: 1, mono_ms: 1 },
    Shift { wall_secs: 5 * YEAR, mono_ms: 0 },
    Shift { wall_secs: -12 * YEAR, mono_ms: 1 << 40 },
    Shift { wall_secs: 100 * YEAR, mono_ms: 1 << 31 },
];

const YEAR: i64 = 8760 * 3600;

/// The number of leaves in the test of the spread.
pub const LEAVES: usize = 1000;

/// The most of [`LEAVES`] that may fall into a twentieth of the range, where fifty are to be expected.
pub const MOST_IN_A_TWENTIETH: usize = 85;

/// M2: times that are all shifted shift all deadlines, and change nothing else.
///
/// Transitions that name a time, or go so far that times come to their end, are left out.
#[must_use]
pub fn m2_times_may_shift(
    scenario: &Scenario,
    shift: Shift,
    change: impl Fn(&mut ConfigSpec, &mut World),
) -> Option<Violation> {
    let mut here = scenario.setup.begin(&change);
    let mut there = scenario.setup.begin(|spec, world| {
        change(spec, world);
        let shifted = |wall: WallTime| {
            WallTime::from_unix_ms(wall.unix_ms().saturating_add(shift.wall_secs.saturating_mul(1000)))
        };
        // The build time shifts like any other time.
        (world.now.wall, spec.built) = (shifted(world.now.wall), shifted(spec.built));
        world.now.mono = MonoTime::from_ms(world.now.mono.ms().saturating_add(shift.mono_ms));
    });
    let alike =
        |here: &World, there: &World| seen(here) == seen(there) && here.until_wake() == there.until_wake();
    for transition in scenario.transitions.iter().filter(|transition| is_relative(**transition)) {
        if here.violation.is_some() || there.violation.is_some() {
            break;
        }
        here.happen(*transition);
        there.happen(*transition);
        if !alike(&here, &there) {
            return Some(SHIFTED);
        }
    }
    (!alike(&here, &there)).then_some(SHIFTED)
}

/// Returns the visible state of a world, with times relative to the present.
fn seen(world: &World) -> u64 {
    let phase = world.node.as_ref().map(|node| node.view().phase);
    let visible = (&world.in_flight, &world.disk, &world.server, world.served, phase);
    fingerprint::of(&visible, world.now, world.ops)
}

fn is_relative(transition: Transition) -> bool {
    match transition {
        Transition::Jump(Jump::By(ms)) => ms.unsigned_abs() <= 2 * YEAR.unsigned_abs() * 1000,
        Transition::Jump(Jump::To(_))
        | Transition::Damage(Damage::FarBundle)
        | Transition::Bad(Bad::Between(..))
        | Transition::Issues(Some(Bad::Between(..))) => false,
        _ => true,
    }
}

/// M7: the renewal points of a thousand leaves fill their range evenly.
#[must_use]
pub fn m7_renewals_spread(change: impl Fn(&mut ConfigSpec, &mut World)) -> Option<Violation> {
    let uneven = Some(Violation {
        id: "M7",
        sentence: "the renewal points of a thousand leaves fill their range evenly",
    });
    let mut world = quiet(0).begin(change);
    let mut counts = [0; 20];
    for _ in 0..LEAVES {
        let before = world.served();
        for _ in 0..crate::world::SETTLE_INPUTS {
            if world.served() != before || world.violation.is_some() || !world.advance() {
                break;
            }
        }
        let identity = world.view().and_then(|view| view.identity)?;
        let lifetime = Validity { start: identity.issued.max(identity.not_before), end: identity.not_after };
        let (from, to) = (lifetime.earliest_renewal(), lifetime.latest_renewal());
        let place = (i128::from(identity.renew_at.unix_ms()) - from) * 20 / (to - from).max(1);
        match usize::try_from(place.min(19)).ok().and_then(|place| counts.get_mut(place)) {
            Some(count) => *count += 1,
            None => return uneven,
        }
    }
    if counts.iter().any(|count| *count > MOST_IN_A_TWENTIETH || *count == 0) { uneven } else { None }
}

/// M7: nodes with different seeds retry at different times after an outage of the server.
#[must_use]
pub fn m7_retries_differ(change: impl Fn(&mut ConfigSpec, &mut World)) -> Option<Violation> {
    let waits = (0..10).map(|seed| {
        let mut world = quiet(seed).begin(&change);
        world.server.outage = Some(IssuerFault::Unreachable);
        while world.violation.is_none() && world.call_failures() < 3 && world.advance() {}
        world.until_wake()
    });
    let different: BTreeSet<Option<Span>> = waits.collect();
    (different.len() < 5)
        .then_some(Violation { id: "M7", sentence: "nodes with different seeds retry at different times" })
}

/// A world with jitter in which the first certificate is live.
fn quiet(seed: u8) -> Setup {
    Setup { jitter: true, settled: true, ..Setup::decode(0, seed) }
}

/// S15: the same inputs give the same actions and states, step by step.
#[must_use]
pub fn s15_replays(scenario: &Scenario, change: impl Fn(&mut ConfigSpec, &mut World)) -> Option<Violation> {
    let traced = || {
        let played = scenario.play_in(
            |spec, world| {
                change(spec, world);
                world.traces = Some(Vec::new());
            },
            true,
        );
        played.world.traces
    };
    (traced() != traced())
        .then_some(Violation { id: "S15", sentence: "the same inputs give the same actions and states" })
}

#[cfg(test)]
mod tests;
