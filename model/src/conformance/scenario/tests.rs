use certrotate_core::id::RunId;

use super::{Operation, Scenario};
use crate::conformance::{Kit, Reference};
use crate::disk::Kind;

/// A rule that no driver meets shows nothing.
#[test]
fn every_scenario_is_played_as_it_is_written() {
    let (mut kit, mut driver) = (Kit::default(), Reference::after(RunId(0)));
    for scenario in Scenario::all() {
        let (report, left) = kit.play_to_end(&scenario, &mut driver);
        let name = scenario.name;
        assert_eq!(report.broken, None, "{name}");
        // The lock is taken once in a run, unless it fails.
        let is_lock = |operation: &Operation| *operation == Operation::Disk(Kind::Lock);
        assert!(left.rules.iter().all(is_lock), "{name}: these operations never came: {:?}", left.rules);
        assert_eq!((left.moments, left.has_crash), (0, false), "{name}");
        assert_eq!(report.runs.len() > 1, name.contains("killed") || name == "power-cut", "{name}");
    }
}
