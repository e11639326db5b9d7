//! The page: equal rows are folded, and the rows of most steps of a phase, or of most phases, are written once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use certrotate_core::view::{LiveState, Phase, Stage};

use crate::inputs::LABELS;
use crate::reached::{Cell, LIVES};
use crate::rows::{Actions, Label, Next, Table};

/// The outcomes of an input in one stage: the actions by next cell, in words, and by live state.
type Nexts = BTreeMap<String, BTreeMap<LiveState, Actions>>;

type Rows = BTreeMap<Label, Nexts>;

/// One stage of the page.
struct Section {
    phase: Phase,
    stage: Stage,
    lives: BTreeSet<LiveState>,
    /// The inputs of a stopping run, with a row or not.
    stopping: BTreeSet<Label>,
    rows: Rows,
}

/// A row: its inputs, its live states (empty for any), the next cell, the actions.
type Row = (Vec<Label>, Vec<LiveState>, String, String);

/// The tables of all phases.
pub(crate) fn tables(table: &Table) -> String {
    let places: BTreeSet<(Phase, Stage)> = table.cells.keys().map(|cell| (cell.0, cell.1)).collect();
    let mut sections: Vec<Section> =
        places.into_iter().map(|(phase, stage)| section(table, phase, stage)).collect();
    let mut text = String::from("\n## Every phase\n");
    let in_most_phases = |label: &Label, agreeing: &[&Section], having: usize| {
        let mut phases = BTreeMap::<LiveState, BTreeSet<Phase>>::new();
        for section in agreeing {
            for live in section.rows[label].values().flat_map(BTreeMap::keys) {
                phases.entry(*live).or_default().insert(section.phase);
            }
        }
        phases.values().all(|phases| phases.len() > 1) && agreeing.len() * 5 >= having * 4
    };
    write_rows(&mut text, &take_common(&mut sections, in_most_phases));
    for of_phase in sections.chunk_by_mut(|one, other| one.phase == other.phase) {
        let _ = write!(text, "\n## {}\n", of_phase[0].phase);
        let in_most_steps = |_: &Label, agreeing: &[&Section], having: usize| {
            agreeing.len() > 1 && agreeing.len() * 2 >= having
        };
        write_rows(&mut text, &take_common(of_phase, in_most_steps));
        for Section { phase, stage, lives, rows, .. } in of_phase {
            let _ = write!(text, "\n### {phase}: {stage}\n");
            if lives.len() < LIVES.len() {
                let _ = write!(text, "\n{LIVE}{}.\n", join(lives.iter()));
            }
            write_rows(&mut text, rows);
        }
    }
    text
}

/// Begins the line of live states; a section with all of them has no such line.
const LIVE: &str = "Live: ";

/// The cells that a page has sections for, read off its headings and the lines below them.
pub(crate) fn cells_of(page: &str) -> BTreeSet<String> {
    let mut sections: Vec<(&str, String)> = Vec::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            sections.push((heading, join(LIVES.iter())));
        }
        if let (Some(lives), Some(section)) = (line.strip_prefix(LIVE), sections.last_mut()) {
            section.1 = lives.trim_end_matches('.').to_owned();
        }
    }
    let cells = sections
        .iter()
        .flat_map(|(heading, lives)| lives.split("; ").map(move |live| format!("{heading}; live: {live}")));
    cells.collect()
}

/// A cell as [`cells_of`] names it.
pub(crate) fn cell_name((phase, stage, live): Cell) -> String {
    format!("{phase}: {stage}; live: {live}")
}

pub(crate) fn join<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join("; ")
}

fn section(table: &Table, phase: Phase, stage: Stage) -> Section {
    let (lives, stopping) = (BTreeSet::new(), BTreeSet::new());
    let mut section = Section { phase, stage, lives, stopping, rows: Rows::new() };
    for (cell, rows) in table.cells.iter().filter(|(cell, _)| (cell.0, cell.1) == (phase, stage)) {
        section.lives.insert(cell.2);
        for (label, nexts) in rows {
            for (next, actions) in nexts {
                let nexts = section.rows.entry(*label).or_default();
                nexts.entry(words(*cell, *next)).or_default().entry(cell.2).or_default().merge(actions);
            }
        }
    }
    section.stopping = section.rows.keys().copied().filter(|(stopping, _)| *stopping).collect();
    // A row for a stopping run is written only where the request for a shutdown changes the next cell.
    let rows = section.rows.clone();
    section.rows.retain(|(stopping, place), nexts| {
        let running = rows.get(&(false, *place));
        !*stopping || running.is_none_or(|running| nexts.keys().any(|next| !running.contains_key(next)))
    });
    section
}

fn words(from: Cell, next: Next) -> String {
    let to = match next {
        Next::Ignored(why) => return format!("ignored: {why}"),
        Next::To(to) => to,
    };
    let place = if (to.0, to.1) == (from.0, from.1) {
        "same step".to_owned()
    } else if to.0 == from.0 {
        to.1.to_string()
    } else {
        format!("**{}**: {}", to.0, to.1)
    };
    if to.2 == from.2 { place } else { format!("{place}; live: {}", to.2) }
}

/// Takes out the rows of inputs that lead to the same next cells in most of the sections that have the input. A
/// section with another outcome keeps its own rows.
fn take_common(sections: &mut [Section], is_common: impl Fn(&Label, &[&Section], usize) -> bool) -> Rows {
    let labels: BTreeSet<Label> = sections.iter().flat_map(|section| section.rows.keys().copied()).collect();
    let mut common = Rows::new();
    for label in labels {
        let having: Vec<&Section> =
            sections.iter().filter(|section| section.rows.contains_key(&label)).collect();
        let most_common = most_common(having.iter().map(|section| &section.rows[&label]));
        let agrees = |section: &Section| {
            let own = section.rows.get(&label).map(by_live);
            own.is_some_and(|own| own.iter().all(|(live, nexts)| most_common.get(live) == Some(nexts)))
        };
        let agreeing: Vec<&Section> = having.iter().copied().filter(|section| agrees(section)).collect();
        // A stopping run that has no row of its own must not find one in a common table.
        let stopping = sections.iter().filter(|section| section.stopping.contains(&label)).count();
        if !is_common(&label, &agreeing, having.len()) || stopping > agreeing.len() {
            continue;
        }
        let merged = common.entry(label).or_default();
        for (next, lives) in agreeing.iter().flat_map(|section| &section.rows[&label]) {
            let row = merged.entry(next.clone()).or_default();
            lives.iter().for_each(|(live, actions)| row.entry(*live).or_default().merge(actions));
        }
        let agreed: BTreeSet<_> = agreeing.iter().map(|section| (section.phase, section.stage)).collect();
        for section in sections.iter_mut().filter(|it| agreed.contains(&(it.phase, it.stage))) {
            section.rows.remove(&label);
        }
    }
    common
}

/// By live state the next cells, in words.
type NextsByLive = BTreeMap<LiveState, BTreeSet<String>>;

fn by_live(nexts: &Nexts) -> NextsByLive {
    let mut by_live = NextsByLive::new();
    for (next, lives) in nexts {
        for live in lives.keys() {
            by_live.entry(*live).or_default().insert(next.clone());
        }
    }
    by_live
}

fn most_common<'a>(sections: impl Iterator<Item = &'a Nexts>) -> NextsByLive {
    let mut counts = BTreeMap::<LiveState, BTreeMap<BTreeSet<String>, usize>>::new();
    for (live, nexts) in sections.flat_map(by_live) {
        *counts.entry(live).or_default().entry(nexts).or_default() += 1;
    }
    let most = |counts: BTreeMap<BTreeSet<String>, usize>| counts.into_iter().max_by_key(|(_, count)| *count);
    counts.into_iter().filter_map(|(live, counts)| Some((live, most(counts)?.0))).collect()
}

/// Folds the inputs that lead to the same in the same live states.
fn folded(rows: &Rows) -> Vec<Row> {
    let mut folded: Vec<Row> = Vec::new();
    for (label, nexts) in rows {
        let all: BTreeSet<LiveState> = nexts.values().flat_map(BTreeMap::keys).copied().collect();
        for (next, by_live) in nexts {
            let mut actions = Actions::default();
            by_live.values().for_each(|of_live| actions.merge(of_live));
            let any = by_live.len() == all.len();
            let lives = if any { Vec::new() } else { by_live.keys().copied().collect() };
            let row = (vec![*label], lives, next.clone(), action_words(&actions));
            let same =
                |it: &&mut Row| it.0[0].0 == label.0 && (&it.1, &it.2, &it.3) == (&row.1, &row.2, &row.3);
            match folded.iter_mut().find(same) {
                Some(it) => it.0.push(*label),
                None => folded.push(row),
            }
        }
    }
    folded
}

fn action_words(actions: &Actions) -> String {
    let always = join(actions.of_every_step(true));
    let sometimes = actions.of_every_step(false).collect::<Vec<_>>().join(", ");
    match (always.is_empty(), sometimes.is_empty()) {
        (_, true) => always,
        (true, false) => format!("maybe {sometimes}"),
        (false, false) => format!("{always}; maybe {sometimes}"),
    }
}

/// Labels, with the word before the colon written once for neighbours: `call: pending, approved; done`.
fn label_words(labels: &[Label]) -> String {
    let mut text = String::new();
    let mut before = None;
    for (_, place) in labels {
        let (kind, word) =
            LABELS[*place].split_once(": ").map_or((None, LABELS[*place]), |(a, b)| (Some(a), b));
        let separator = match (text.is_empty(), kind.is_some() && kind == before) {
            (true, _) => "",
            (false, true) => ", ",
            (false, false) => "; ",
        };
        text.push_str(separator);
        if let Some(kind) = kind.filter(|kind| Some(*kind) != before) {
            let _ = write!(text, "{kind}: ");
        }
        text.push_str(word);
        before = kind;
    }
    text
}

fn write_rows(text: &mut String, rows: &Rows) {
    if rows.is_empty() {
        return;
    }
    text.push_str("\n| input | live | next | actions |\n| --- | --- | --- | --- |\n");
    for (labels, lives, next, actions) in folded(rows) {
        let stopping = if labels[0].0 { "*stopping:* " } else { "" };
        let lives = if lives.is_empty() { "any".into() } else { join(lives.iter()) };
        let _ = writeln!(text, "| {stopping}{} | {lives} | {next} | {actions} |", label_words(&labels));
    }
}
