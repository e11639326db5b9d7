//! A short run of the model's engines, for a change of core alone: every kept scenario, and some
//! simulated runs with all faults on. What the engines do at length is in the tests of `model` and `proptests`.

use std::fs::{read_dir, read_to_string};
use std::path::Path;

use certrotate_model::scenario::Scenario;
use certrotate_model::simulate::{Plan, runs};

#[test]
fn every_scenario_that_is_kept_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut played = 0;
    for folder in ["model/scenarios", "proptests/golden"] {
        for entry in read_dir(root.join(folder)).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.extension().is_none_or(|it| it != "scenario") {
                continue;
            }
            let text = read_to_string(&path).expect("it can be read");
            let scenario = Scenario::from_text(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            let violation = scenario.play().world.violation;
            assert!(violation.is_none(), "{path:?}: {violation:?}");
            played += 1;
        }
    }
    assert!(played > 60, "{played}");
}

#[test]
fn simulated_runs_with_all_faults_on_hold_and_settle() {
    let report = runs(Plan { seed: 1, transitions: 200 }, |report| report.runs < 1500);
    assert!(report.found.is_none(), "{:?}", report.found.map(|(seed, _, violation)| (seed, violation)));
}
