//! Opens the patched copy of a crate for editing, and makes the patch from it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use diffy::DiffOptions;

use crate::place::{Misfit, Patched, Sources, bugs_in, patched};
use crate::{Overlay, read_tree, write_tree};

/// Writes the patched copy of a crate to `target/seeded-overlay/<name>/src`, and what it was made from to `base`.
/// Returns the hunks that do not fit.
///
/// # Errors
///
/// The copy is open already, or a file cannot be read or written.
pub fn open(overlay: Overlay, root: &Path) -> io::Result<Vec<Misfit>> {
    let folder = overlay.open_path(root);
    if folder.join("src").exists() {
        return Err(io::Error::other(format!("{} is open already: save it, or remove it", folder.display())));
    }
    let Patched { sources, misfits } = overlay.apply(root)?;
    write_tree(&folder.join("base"), &overlay.shipped(root)?)?;
    write_tree(&folder.join("src"), &sources)?;
    Ok(misfits)
}

/// Makes the patch and the added files from the open copy, and closes it.
///
/// The patch is made against the sources that the copy was made from. It must fit the sources of today too; where
/// it does not, the copy stays open.
///
/// # Errors
///
/// Nothing is open, a shipped file was removed, a bug of the table lost its hook, rustfmt failed, the patch does not
/// fit, or a file cannot be read or written.
pub fn save(overlay: Overlay, root: &Path) -> io::Result<()> {
    let folder = overlay.open_path(root);
    let (base, source) = (folder.join("base"), folder.join("src"));
    if !source.is_dir() {
        return Err(io::Error::other(format!("{} is not open", folder.display())));
    }
    format(&source, false)?;
    let (base, edited) = (read_tree(&base)?, read_tree(&source)?);
    if let Some(lost) = base.keys().find(|path| !edited.contains_key(*path)) {
        return Err(io::Error::other(format!("{lost} is missing: an overlay cannot remove a shipped file")));
    }
    let patch = difference(&base, &edited);
    let Patched { misfits, .. } = patched(&overlay.shipped(root)?, &patch)?;
    if let Some(misfit) = misfits.first() {
        let lines: Vec<String> = misfit.lines().collect();
        let text = lines.join("\n");
        return Err(io::Error::other(format!(
            "the shipped sources have changed since the copy was opened\n{text}"
        )));
    }
    let added: Sources = edited.into_iter().filter(|(path, _)| !base.contains_key(path)).collect();
    let before = named(&fs::read_to_string(overlay.patch_path(root))?, &overlay.added(root)?);
    let table = fs::read_to_string(root.join("seeded/bugs/src/table.rs"))?;
    let after = named(&patch, &added);
    let is_lost = |bug: &&String| !after.contains(*bug) && table.contains(&format!(" {bug} in "));
    let lost: Vec<&String> = before.iter().filter(is_lost).collect();
    if !lost.is_empty() {
        return Err(io::Error::other(format!("no hook names {lost:?}, which seeded/bugs/src/table.rs has")));
    }
    fs::write(overlay.patch_path(root), patch)?;
    write_tree(&overlay.added_path(root), &added)?;
    fs::remove_dir_all(folder)
}

/// Returns the hunks of an overlay that do not fit.
///
/// # Errors
///
/// An added file is not formatted, or a file cannot be read.
pub fn check(overlay: Overlay, root: &Path) -> io::Result<Vec<Misfit>> {
    format(&overlay.added_path(root), true)?;
    Ok(overlay.apply(root)?.misfits)
}

/// The bugs that a patch and the added files name.
fn named(patch: &str, added: &Sources) -> BTreeSet<String> {
    let added_lines = patch.lines().filter(|line| line.starts_with('+'));
    added_lines.chain(added.values().map(String::as_str)).flat_map(bugs_in).map(str::to_owned).collect()
}

/// The unified diff from one tree to another, of files that are in both.
fn difference(base: &Sources, edited: &Sources) -> String {
    let mut patch = String::new();
    for (path, old) in base {
        let new = edited.get(path).unwrap_or(old);
        if old != new {
            let mut options = DiffOptions::new();
            options.set_original_filename(format!("a/{path}")).set_modified_filename(format!("b/{path}"));
            patch.push_str(&options.create_patch(old, new).to_string());
        }
    }
    patch
}

/// Formats the files below a folder, or fails where one is not formatted.
fn format(folder: &Path, check: bool) -> io::Result<()> {
    let files = read_tree(folder)?;
    // rustfmt follows `mod` from a root. An added root leads to files that are not in its folder.
    let is_root = |path: &str| path == "lib.rs";
    let follows = !check && files.contains_key("lib.rs");
    let roots: Vec<&String> = files.keys().filter(|path| is_root(path) == follows).collect();
    if roots.is_empty() {
        return Ok(());
    }
    let mut command = Command::new("rustfmt");
    command.args(["--edition", "2024"]).args(check.then_some("--check"));
    command.args(roots.into_iter().map(|path| folder.join(path)));
    if command.status()?.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("rustfmt is not content with {}", folder.display())))
}
