use std::collections::BTreeSet;

use certrotate_core::seeded::Bug;

use super::*;
use crate::marks::Marks;
use crate::simulate;

fn with(weakness: Option<Weakness>, name: &str) -> Vec<Row> {
    let (mistake, breaks) = TABLE.iter().find(|(it, _)| it.name() == name).expect("it is in the table");
    let built = Built { mistake: *mistake, weakness };
    let budget = Budget { transitions: 2_000, runs: 100, recoveries: 500, related: 2 };
    Engine::ALL.iter().map(|engine| search(built, breaks, *engine, 0, budget)).collect()
}

fn is_found(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.found.is_some())
}

#[test]
fn every_mistake_of_core_is_in_the_table_and_every_name_once() {
    let names: BTreeSet<&str> = TABLE.iter().map(|(mistake, _)| mistake.name()).collect();
    assert_eq!(names.len(), TABLE.len());
    for bug in Bug::ALL {
        assert!(names.contains(bug.name()), "{} is missing", bug.name());
    }
    assert!(TABLE.iter().all(|(_, breaks)| !breaks.is_empty()));
}

#[test]
fn nothing_is_found_without_a_mistake() {
    let built = Built { mistake: Mistake::Driver(crate::world::Driver::Correct), weakness: None };
    let all = &["S1", "S2", "S3", "S4", "S5", "S8", "S9", "L1", "L2", "L3", "L4", "M2", "M7", "S15"];
    let budget = Budget { transitions: 2_000, runs: 100, recoveries: 500, related: 10 };
    for engine in Engine::ALL {
        let row = search(built, all, engine, 0, budget);
        assert!(row.found.is_none(), "{row}");
    }
}

#[test]
fn b52_where_renames_are_durable_at_once_missing_directory_syncs_survive() {
    for name in ["D01", "B32"] {
        assert!(is_found(&with(None, name)), "{name}");
        assert!(!is_found(&with(Some(Weakness::RenamesAreDurable), name)), "{name}");
    }
}

#[test]
fn b53_where_invariants_are_asked_at_the_end_only_what_passes_survives() {
    let found = |weakness: Option<Weakness>, name: &str| {
        let (mistake, breaks) = TABLE.iter().find(|(it, _)| it.name() == name).expect("it is in the table");
        let budget = Budget { runs: 100, ..Budget::default() };
        search(Built { mistake: *mistake, weakness }, breaks, Engine::Simulator, 0, budget).found.is_some()
    };
    for name in ["B13", "B30", "B35", "B55", "D04"] {
        assert!(found(None, name), "{name}");
        assert!(!found(Some(Weakness::ChecksAtTheEnd), name), "{name}");
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
fn a_row_is_a_line_of_json() {
    let rows = with(None, "D05");
    let found = rows.iter().find(|row| row.found.is_some()).expect("an engine finds it");
    let text = found.json();
    assert!(text.starts_with("{\"bug\":\"D05\",\"engine\":\""), "{text}");
    assert!(text.contains("\"found\":\"S1\"") && text.ends_with("\"}"), "{text}");
    let lost = Row { found: None, ..found.clone() };
    assert!(lost.json().ends_with("\"found\":null}"));
}
