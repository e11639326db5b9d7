//! The conformance kit: correct drivers pass, and each wrong driver breaks the promise that it is wrong about.

use certrotate_core::id::RunId;
use certrotate_model::conformance::{Kit, Reference, Scenario};

#[test]
fn reference_driver_keeps_every_promise() {
    let mut kit = Kit::default();
    let mut driver = Reference::after(RunId(0));
    let mut bad = 0;
    for scenario in Scenario::all() {
        let report = kit.play(&scenario, &mut driver);
        let steps: usize = report.runs.iter().map(|(_, records)| records.len()).sum();
        eprintln!("{} runs {} steps {steps}", report.scenario, report.runs.len());
        if let Some(broken) = report.broken {
            bad += 1;
            eprintln!("   BROKEN {broken}");
        }
    }
    assert_eq!(bad, 0);
}
