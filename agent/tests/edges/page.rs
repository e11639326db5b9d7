//! The page: a table for each place.

use std::fmt::Write as _;

use crate::cell::Cell;
use crate::run::Row;

/// The generated page.
pub(crate) const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/edges.md");
/// The text above the tables, with places for its numbers.
const INTRODUCTION: &str = include_str!("introduction.md");

/// A cell and its row, or what is wrong with it; `None` if it cannot exist.
pub(crate) struct Outcome {
    pub(crate) cell: Cell,
    pub(crate) result: Option<Result<Row, String>>,
}

impl Outcome {
    pub(crate) fn failure(&self) -> Option<String> {
        let error = self.result.as_ref()?.as_ref().err()?;
        let Cell { place, fault, how, .. } = self.cell;
        Some(format!("{place} × {}: {how}: {error}", fault.text()))
    }

    /// The row of the table.
    pub(crate) fn row(&self) -> String {
        let (fault, how) = (self.cell.fault.text(), self.cell.how);
        match (&self.cell.case, &self.result) {
            (Some(case), Some(Ok(row))) => {
                let Row { message, behaviour, status, recovery, exit } = row;
                let message = if message.is_empty() { "–".to_owned() } else { quoted(message) };
                let state = case.state.text();
                format!(
                    "| {fault} | {how} | {state} | {behaviour} | {status} | {recovery} | {exit} | {message} |"
                )
            }
            _ => format!("| {fault} | cannot exist: {how} | – | – | – | – | – | – |"),
        }
    }
}

/// Text as code in a cell of a table.
fn quoted(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|"))
}

/// The status that the committed page has for the cell.
pub(crate) fn status(cell: &Cell) -> Option<String> {
    let page = std::fs::read_to_string(PAGE).ok()?;
    let heading = format!("## {}", capitalized(cell.place));
    let state = cell.case().state.text();
    let begin = format!("| {} | {} | {state} | ", cell.fault.text(), cell.how);
    let of_place = page.lines().skip_while(|line| *line != heading).skip(1);
    let row =
        of_place.take_while(|line| !line.starts_with("## ")).find_map(|line| line.strip_prefix(&begin))?;
    row.split(" | ").nth(1).map(str::to_owned)
}

pub(crate) fn page(outcomes: &[Outcome]) -> String {
    let made = outcomes.iter().filter(|outcome| outcome.result.is_some()).count();
    let mut text = INTRODUCTION.replace("{cells}", &made.to_string());
    text = text.replace("{reasons}", &(outcomes.len() - made).to_string());
    for of_place in outcomes.chunk_by(|one, other| one.cell.place == other.cell.place) {
        let _ = write!(text, "\n## {}\n\n", capitalized(of_place[0].cell.place));
        text.push_str("| fault | how | state | the agent | status | recovers within | exit | message |\n");
        text.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
        for outcome in of_place {
            let _ = writeln!(text, "{}", outcome.row());
        }
    }
    text
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
