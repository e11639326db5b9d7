//! Finds the place of each hunk of a unified diff, as patch(1) does.
//!
//! diffy parses the diff; it applies hunks with their whole context only. A hook must survive a change to the line
//! beside it, so up to [`FUZZ`] outer lines of context may differ.

use std::io;
use std::ops::Range;

use diffy::patch_set::{ParseOptions, PatchSet};
use diffy::{Hunk, Line};
use std::collections::BTreeMap;

/// File texts by path, relative to a `src` folder.
pub type Sources = BTreeMap<String, String>;

/// The patched sources of a crate, and the hunks that fit nowhere.
#[derive(Clone, Debug, Default)]
pub struct Patched {
    /// The sources with every hunk that fits, and the added files.
    pub sources: Sources,
    /// The hunks that do not fit.
    pub misfits: Vec<Misfit>,
}

/// How many outer lines of context may differ at each end of a hunk.
pub const FUZZ: usize = 2;

/// A hunk that fits nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The file, relative to `src`.
    pub file: String,
    /// The line where the hunk was made.
    pub line: usize,
    /// The hunk as in the patch.
    pub hunk: String,
}

impl Misfit {
    /// The seeded bugs that the hunk names.
    #[must_use]
    pub fn bugs(&self) -> Vec<&str> {
        let mut bugs: Vec<_> = bugs_in(&self.hunk).collect();
        bugs.dedup();
        bugs
    }

    /// Says which hunk it is, with its text; one line each.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let bugs = match self.bugs() {
            bugs if bugs.is_empty() => "a hook of several bugs".to_owned(),
            bugs => bugs.join(", "),
        };
        let title = format!("a hunk does not fit {} near line {} (seeded: {bugs}):", self.file, self.line);
        std::iter::once(title).chain(self.hunk.lines().map(|line| format!("    {line}")))
    }
}

/// The bugs that a text names.
pub(crate) fn bugs_in(text: &str) -> impl Iterator<Item = &str> {
    let length = |part: &str| part.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(part.len());
    text.split("Bug::").skip(1).map(move |part| &part[..length(part)])
}

/// Applies a unified diff of several files.
///
/// # Errors
///
/// The text is not a unified diff.
pub fn patched(sources: &Sources, patch: &str) -> io::Result<Patched> {
    let mut result = Patched { sources: sources.clone(), misfits: Vec::new() };
    if patch.trim().is_empty() {
        return Ok(result);
    }
    for file in PatchSet::parse(patch, ParseOptions::unidiff()) {
        let file = file.map_err(io::Error::other)?;
        let Some(diff) = file.patch().as_text() else { continue };
        let name = diff.modified().unwrap_or_default();
        let name = name.strip_prefix("b/").unwrap_or(name);
        let text = sources.get(name).map_or("", String::as_str);
        let old: Vec<&str> = text.split_inclusive('\n').collect();
        let (mut new, mut copied) = (String::new(), 0);
        // How far the hunks before this one have moved.
        let mut shift = 0;
        for hunk in diff.hunks() {
            let start = hunk.old_range().start().saturating_sub(1);
            let expected = start.saturating_add_signed(shift);
            let Some((place, lines)) = find(&old, hunk.lines(), expected, copied) else {
                let (file, line) = (name.to_owned(), start + 1);
                result.misfits.push(Misfit { file, line, hunk: shown(hunk) });
                continue;
            };
            shift = place.start.cast_signed() - start.cast_signed();
            new.extend(old[copied..place.start].iter().copied());
            new.extend(lines.iter().filter_map(new_line));
            copied = place.end;
        }
        new.extend(old[copied..].iter().copied());
        if sources.contains_key(name) {
            result.sources.insert(name.to_owned(), new);
        }
    }
    Ok(result)
}

/// Finds the lines that a hunk replaces: nearest to where it was made, behind the hunk before it, with as much of
/// its context as fits. With less than the whole context there must be one place only.
fn find<'h>(
    old: &[&str],
    lines: &'h [Line<'h, str>],
    expected: usize,
    from: usize,
) -> Option<(Range<usize>, &'h [Line<'h, str>])> {
    let is_context = |line: &&Line<'_, str>| matches!(line, Line::Context(_));
    let leading = lines.iter().take_while(is_context).count();
    let trailing = lines.iter().rev().take_while(is_context).count();
    for fuzz in 0..=FUZZ {
        let (front, back) = (fuzz.min(leading), fuzz.min(trailing));
        let kept = lines.get(front..lines.len() - back)?;
        let sought: Vec<&str> = kept.iter().filter_map(old_line).collect();
        if sought.is_empty() {
            return None;
        }
        let fits = |at: &usize| old[*at..].starts_with(&sought);
        let places: Vec<usize> = (from..=old.len()).filter(fits).collect();
        let nearest = places.iter().copied().min_by_key(|at| at.abs_diff(expected + front));
        if let Some(at) = nearest.filter(|_| fuzz == 0 || places.len() == 1) {
            return Some((at..at + sought.len(), kept));
        }
    }
    None
}

fn old_line<'h>(line: &Line<'h, str>) -> Option<&'h str> {
    match line {
        Line::Context(text) | Line::Delete(text) => Some(*text),
        Line::Insert(_) => None,
    }
}

fn new_line<'h>(line: &Line<'h, str>) -> Option<&'h str> {
    match line {
        Line::Context(text) | Line::Insert(text) => Some(*text),
        Line::Delete(_) => None,
    }
}

fn shown(hunk: &Hunk<'_, str>) -> String {
    let shown = |line: &Line<'_, str>| match line {
        Line::Context(text) => format!(" {text}"),
        Line::Delete(text) => format!("-{text}"),
        Line::Insert(text) => format!("+{text}"),
    };
    hunk.lines().iter().map(shown).collect()
}
