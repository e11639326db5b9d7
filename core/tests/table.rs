//! The transition table of `docs/states.md`: the outcomes of each input in every cell that a run reaches.
//!
//! A cell is a phase, a step and a live state. To accept a change of the page:
//! `CERTROTATE_BLESS=1 cargo test -p certrotate-core --test table`.

#[path = "table/inputs.rs"]
mod inputs;
#[path = "table/page.rs"]
mod page;
#[path = "table/reached.rs"]
mod reached;
#[path = "table/rows.rs"]
mod rows;
#[path = "table/words.rs"]
mod words;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use certrotate_core::view::{LiveState, Phase, Stage};

use page::{cell_name, cells_of};
use reached::{
    Cell, all_cells, cell, cover, judged, reached_by_explorer, reached_by_simulator, simulated,
    why_unreachable,
};
use rows::{Next, Table};

/// The text above the tables, with places for its numbers.
const INTRODUCTION: &str = include_str!("table/introduction.md");

/// Simulator runs whose states must have a section, beside those that the rows are from.
const OTHER_RUNS: std::ops::RangeInclusive<u64> = 100_001..=100_500;

/// Simulator runs of CI.
const CI_RUNS: u64 = 40_000;

/// Cells that the searches of CI reach.
const CI_CELLS: usize = 240;

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::new)
}

/// The page, made from the table.
fn made() -> String {
    let numbers = [
        ("{cells}", table().cells.len() as u64),
        ("{thousand_states}", (table().states + 500) / 1000),
        ("{runs}", reached::RARE.len() as u64),
        ("{by_clock}", table().by_clock.len() as u64),
        ("{other_runs}", OTHER_RUNS.count() as u64),
        ("{ci_runs}", CI_RUNS),
        ("{ci_cells}", CI_CELLS as u64),
    ];
    let introduction = numbers
        .iter()
        .fold(INTRODUCTION.to_owned(), |text, (place, number)| text.replace(place, &number.to_string()));
    introduction + &page::tables(table())
}

/// The page on disk; with CERTROTATE_BLESS, after it was written anew.
fn page() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/states.md");
        if std::env::var_os("CERTROTATE_BLESS").is_some() {
            std::fs::write(path, made()).expect("docs/states.md can be written");
        }
        std::fs::read_to_string(path).expect("docs/states.md can be read")
    })
}

fn names(cells: impl IntoIterator<Item = Cell>) -> BTreeSet<String> {
    cells.into_iter().map(cell_name).collect()
}

#[test]
fn states_page_matches_the_explored_transitions() {
    let (made, page) = (made(), page());
    let differing = made.lines().zip(page.lines()).position(|(made, page)| made != page);
    let line = differing.unwrap_or(made.lines().count().min(page.lines().count()));
    assert!(
        made == page,
        "docs/states.md is out of date from line {} on: the table has {:?}, the page {:?}; run this test with \
         CERTROTATE_BLESS=1 and review the difference",
        line + 1,
        made.lines().nth(line),
        page.lines().nth(line),
    );
}

#[test]
fn states_page_has_a_section_for_exactly_the_reached_cells() {
    let (sections, reached) = (cells_of(page()), names(table().cells.keys().copied()));
    let without: Vec<_> = reached.difference(&sections).collect();
    assert!(without.is_empty(), "reached cells without a section: {without:#?}");
    let beyond: Vec<_> = sections.difference(&reached).collect();
    assert!(beyond.is_empty(), "sections of cells that nothing reaches: {beyond:#?}");
}

#[test]
fn cell_without_a_section_has_a_reason() {
    for cell in all_cells() {
        let (has_section, reason) = (table().cells.contains_key(&cell), why_unreachable(cell));
        assert_eq!(has_section, reason.is_none(), "{}: {reason:?}", cell_name(cell));
    }
    let unknown = names(table().cells.keys().copied().filter(|cell| !all_cells().contains(cell)));
    assert!(unknown.is_empty(), "cells of a step that its phase does not list: {unknown:#?}");
}

#[test]
fn next_cell_of_every_row_has_a_section() {
    let nexts = table().cells.values().flat_map(|rows| rows.values()).flat_map(|nexts| nexts.keys());
    let nexts = nexts.filter_map(|next| match next {
        Next::To(cell) => Some(*cell),
        Next::Ignored(_) => None,
    });
    let without = names(nexts.filter(|cell| !table().cells.contains_key(cell)));
    assert!(without.is_empty(), "next cells without a section: {without:#?}");
}

#[test]
fn other_simulator_runs_reach_no_other_cell() {
    let mut reached = BTreeSet::new();
    for seed in OTHER_RUNS {
        simulated(seed, |world| reached.extend(judged(world).as_ref().map(cell)));
    }
    let without = names(reached.into_iter().filter(|cell| !table().cells.contains_key(cell)));
    assert!(without.is_empty(), "reached cells without a section: {without:#?}");
}

#[test]
#[ignore = "takes minutes: the explorer with two faults and the simulator with as many runs as in CI"]
fn longer_searches_reach_no_other_cell() {
    let (explored, first) = (reached_by_explorer(2), reached_by_simulator(CI_RUNS));
    let reached: BTreeSet<Cell> = explored.iter().chain(first.keys()).copied().collect();
    println!(
        "{} cells; the explorer reaches {}, the simulator {}",
        reached.len(),
        explored.len(),
        first.len()
    );
    let rare = reached.difference(&reached_by_explorer(1)).copied().collect();
    println!("a list of runs for RARE: {:?}", cover(rare, &first));
    assert_eq!(reached.len(), CI_CELLS);
    let without = names(reached.into_iter().filter(|cell| !table().cells.contains_key(cell)));
    assert!(without.is_empty(), "reached cells without a section: {without:#?}");
}

#[test]
fn rows_complete_an_installation_and_end_a_recovery() {
    let leads = |from: (Phase, Stage), to: (Phase, Stage, LiveState), action: &str| {
        let cells = table().cells.iter().filter(|(cell, _)| (cell.0, cell.1) == from);
        let mut nexts = cells.flat_map(|(_, rows)| rows.values()).flatten();
        nexts.any(|(next, actions)| {
            *next == Next::To(to) && actions.of_every_step(true).any(|it| it == action)
        })
    };
    let durable = (Phase::Resting, Stage::Idle, LiveState::Durable);
    assert!(leads((Phase::Installing, Stage::SyncingSwitch), durable, "**go live**"));
    assert!(leads((Phase::Recovering, Stage::Scanning), durable, "**go live**"));
}

#[test]
fn ignored_input_changes_nothing_except_the_clock() {
    assert!(table().ignored > 100_000, "{} inputs were ignored", table().ignored);
    assert_eq!(table().changed_though_ignored, Vec::<String>::new());
}
