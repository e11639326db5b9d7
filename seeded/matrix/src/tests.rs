use certrotate_model::marks::Marks;
use certrotate_model::simulate;

use super::*;
use crate::search::driver;
use certrotate_core::config::ConfigSpec;
use certrotate_model::world::World;

fn rows(weakness: Option<Weakness>, bug: Bug) -> Vec<Row> {
    let budget = Budget { transitions: 2_000, runs: 100, recoveries: 500, related: 2 };
    Engine::ALL.iter().map(|engine| search(bug, weakness, *engine, 0, budget)).collect()
}

fn is_found(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.found.is_some())
}

#[test]
fn bug_is_of_the_driver_exactly_if_a_driver_has_it() {
    for bug in Bug::ALL {
        assert_eq!(driver(*bug).is_some(), bug.home() == Home::Driver, "{bug:?}");
    }
}

#[test]
fn nothing_is_found_without_a_bug() {
    let all = &["S1", "S2", "S3", "S4", "S5", "S8", "S9", "L1", "L2", "L3", "L4", "M2", "M7", "S15"];
    let budget = Budget { transitions: 2_000, runs: 100, recoveries: 500, related: 10 };
    for engine in Engine::ALL {
        let (_, found) = engine.search(Built::default(), all, 0, budget);
        assert!(found.is_none(), "{} finds {found:?}", engine.name());
    }
}

#[test]
fn b52_where_renames_are_durable_missing_directory_syncs_survive() {
    for bug in [Bug::D01, Bug::B32] {
        assert!(is_found(&rows(None, bug)), "{bug:?}");
        assert!(!is_found(&rows(Some(Weakness::RenamesAreDurable), bug)), "{bug:?}");
    }
}

#[test]
fn b53_where_invariants_are_checked_at_the_end_transient_ones_survive() {
    let found = |weakness: Option<Weakness>, bug| {
        let budget = Budget { runs: 100, ..Budget::default() };
        search(bug, weakness, Engine::Simulator, 0, budget).found.is_some()
    };
    for bug in [Bug::B13, Bug::B30, Bug::B35, Bug::B55, Bug::D04] {
        assert!(found(None, bug), "{bug:?}");
        assert!(!found(Some(Weakness::ChecksAtTheEnd), bug), "{bug:?}");
    }
}

#[test]
fn b54_where_nothing_is_decided_no_run_is_fair() {
    let count = |weakness: Option<Weakness>| {
        let mut marks = Marks::default();
        for seed in 0..200 {
            let change = |_: &mut ConfigSpec, world: &mut World| {
                world.weakness = weakness;
                world.marks = Some(Box::default());
            };
            let played = simulate::scenario(seed, 60).play_in(change, false);
            marks.add(&played.world.marks.expect("they are counted"));
        }
        (marks.fair, marks.runs)
    };
    let (fair, runs) = count(None);
    assert!(fair * 10 >= runs * 3, "{fair} of {runs} runs are fair");
    assert_eq!(count(Some(Weakness::NothingIsDecided)), (0, 200));
}

#[test]
fn row_is_a_line_of_json() {
    let rows = rows(None, Bug::D05);
    let found = rows.iter().find(|row| row.found.is_some()).expect("an engine finds it");
    let text = found.json();
    assert!(text.starts_with("{\"bug\":\"D05\",\"engine\":\""), "{text}");
    assert!(text.contains("\"found\":\"S1\"") && text.ends_with("\"}"), "{text}");
    let lost = Row { found: None, ..found.clone() };
    assert!(lost.json().ends_with("\"found\":null}"));
}
