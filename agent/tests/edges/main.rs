//! The edge matrix of `docs/edges.md`: every place where the agent touches the outside, with every kind of fault.
//!
//! The test runs the real program in each cell. To accept a change of the page:
//! `CERTROTATE_BLESS=1 cargo test -p certrotate --test edges`. To run some cells only, and see their rows:
//! `CERTROTATE_EDGES='token file' cargo test -p certrotate --test edges -- --nocapture`.

#[path = "../support/agent.rs"]
mod agent;
mod bench;
mod cell;
mod gate;
#[path = "../support/identity.rs"]
mod identity;
mod limits;
#[path = "../support/manner.rs"]
mod manner;
mod page;
mod places;
#[path = "../support/redact.rs"]
mod redact;
mod run;
#[path = "../support/socket.rs"]
mod socket;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;

use cell::{Cell, Fault};
use futures_util::{FutureExt as _, StreamExt as _};
use page::{Outcome, PAGE, page};

/// The number of cells that run at a time: they mostly wait.
const AT_A_TIME: usize = 24;

/// Runs cells: their outcomes, in order.
async fn outcomes(cells: Vec<Cell>, shows_times: bool) -> Vec<Outcome> {
    let runs = cells.into_iter().enumerate().map(async |(place, cell)| match &cell.case {
        None => (place, Outcome { cell, result: None }),
        Some(_) => {
            let begun = Instant::now();
            let result = std::panic::AssertUnwindSafe(run::run(&cell)).catch_unwind().await;
            let result = result.unwrap_or_else(|_| Err("the cell itself panicked; see above".into()));
            if let Ok((_, times)) = &result
                && shows_times
            {
                println!(
                    "{} × {}: {}: {:.1?}; recovery {:.1?}, TERM {:.0?}",
                    cell.place,
                    cell.fault.text(),
                    cell.how,
                    begun.elapsed(),
                    times.recovery,
                    times.term
                );
            }
            (place, Outcome { cell, result: Some(result.map(|(row, _)| row)) })
        }
    });
    // Not `buffered`, which begins no further run while the first one takes long.
    let runs = futures_util::stream::iter(runs).buffer_unordered(AT_A_TIME);
    let mut outcomes: Vec<(usize, Outcome)> = runs.collect().await;
    outcomes.sort_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

#[tokio::test]
async fn edges_page_matches_the_runs_of_the_real_program() {
    let namespaces = Command::new("unshare").args(["-rm", "true"]).status();
    assert!(
        namespaces.is_ok_and(|status| status.success()),
        "this test needs user and mount namespaces: unshare -rm"
    );
    let only = std::env::var("CERTROTATE_EDGES").ok();
    let is_wanted = |cell: &Cell| {
        only.as_ref().is_none_or(|only| {
            only.split('|').any(|text| format!("{} {}", cell.place, cell.how).contains(text))
        })
    };
    let cells: Vec<Cell> = places::all().into_iter().filter(is_wanted).collect();
    let outcomes = outcomes(cells, only.is_some()).await;
    let failures: Vec<String> = outcomes.iter().filter_map(Outcome::failure).collect();
    assert!(failures.is_empty(), "{} cells failed:\n\n{}", failures.len(), failures.join("\n\n"));
    if only.is_some() {
        outcomes.iter().for_each(|outcome| println!("{}", outcome.row()));
        return;
    }
    let made = page(&outcomes);
    if std::env::var_os("CERTROTATE_BLESS").is_some() {
        std::fs::write(PAGE, &made).expect("docs/edges.md can be written");
    }
    let found = std::fs::read_to_string(PAGE).unwrap_or_default();
    let differing: Vec<String> = made
        .lines()
        .filter(|line| !found.lines().any(|other| other == *line))
        .map(|line| format!("+ {line}"))
        .chain(
            found
                .lines()
                .filter(|line| !made.lines().any(|other| other == *line))
                .map(|line| format!("- {line}")),
        )
        .collect();
    assert!(
        made == found,
        "docs/edges.md is out of date; run this test with CERTROTATE_BLESS=1 and review the difference:\n{}",
        differing.join("\n")
    );
}

#[test]
fn every_place_has_a_cell_or_a_reason_for_every_fault() {
    let cells = places::all();
    let places: BTreeSet<&str> = cells.iter().map(|cell| cell.place).collect();
    for place in places {
        for fault in Fault::ALL {
            let has = cells.iter().any(|cell| cell.place == place && cell.fault == fault);
            assert!(has, "{place} × {}: neither a cell nor a reason", fault.text());
        }
    }
}
