//! Applies the patches that add seeded bugs to copies of the shipped sources.
//!
//! A package `seeded/<name>` has no sources of its own. Its build script calls [`build`], which copies the `src` of
//! the shipped crate, applies `seeded/<name>/overlay.patch`, adds the files of `seeded/<name>/src`, and tells the
//! package where the result is. `scripts/seeded-overlay` opens and saves that result for editing.
//!
//! # Example
//!
//! ```
//! use certrotate_seeded_overlay::place::patched;
//!
//! let patch = "--- a/lib.rs\n+++ b/lib.rs\n@@ -1,2 +1,3 @@\n fn f() {\n+    g();\n }\n";
//! // The lines have moved, and still fit.
//! let sources = [("lib.rs".to_owned(), "// New.\nfn f() {\n}\n".to_owned())].into();
//! let result = patched(&sources, patch)?;
//! assert!(result.misfits.is_empty());
//! assert_eq!(result.sources["lib.rs"], "// New.\nfn f() {\n    g();\n}\n");
//! # Ok::<(), std::io::Error>(())
//! ```

use std::path::{Path, PathBuf};
use std::{env, fs, io};

pub mod edit;
pub mod place;

use place::{Misfit, patched};

pub use place::{Patched, Sources};

/// A shipped crate and the patch that adds its seeded bugs.
#[derive(Clone, Copy, Debug)]
pub struct Overlay {
    /// The folder under `seeded/`.
    pub name: &'static str,
    /// The `src` folder of the shipped crate, from the root of the workspace.
    pub source: &'static str,
    /// The modules to copy; empty means all.
    pub only: &'static [&'static str],
}

/// All overlays.
pub const OVERLAYS: [Overlay; 5] = [
    Overlay { name: "core", source: "core/src", only: &[] },
    Overlay { name: "x509", source: "runtime/x509/src", only: &[] },
    Overlay { name: "keys", source: "runtime/keys/src", only: &[] },
    Overlay { name: "store", source: "runtime/store/src", only: &[] },
    Overlay { name: "agent", source: "agent/src", only: &[] },
];

impl Overlay {
    /// Returns the overlay with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        OVERLAYS.into_iter().find(|overlay| overlay.name == name)
    }

    /// The patch file.
    #[must_use]
    pub fn patch_path(self, root: &Path) -> PathBuf {
        root.join("seeded").join(self.name).join("overlay.patch")
    }

    /// The folder with the added files.
    #[must_use]
    pub fn added_path(self, root: &Path) -> PathBuf {
        root.join("seeded").join(self.name).join("src")
    }

    /// The folder for editing. The package is built from it while it holds `src`.
    #[must_use]
    pub fn open_path(self, root: &Path) -> PathBuf {
        root.join("target/seeded-overlay").join(self.name)
    }

    /// Reads the shipped sources. The root loses its inner attributes and front page: the package includes it, and
    /// an included file must have none.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub fn shipped(self, root: &Path) -> io::Result<Sources> {
        let mut sources = read_tree(&root.join(self.source))?;
        let module = |path: &str| path.find(['/', '.']).unwrap_or(path.len());
        sources.retain(|path, _| self.only.is_empty() || self.only.contains(&&path[..module(path)]));
        Ok(includable(sources))
    }

    /// Reads the added files. One of them may be the root.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub fn added(self, root: &Path) -> io::Result<Sources> {
        Ok(includable(read_tree(&self.added_path(root))?))
    }

    /// Applies the patch to the shipped sources and adds the added files.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or the patch is not a unified diff. A hunk that does not fit is no error here.
    pub fn apply(self, root: &Path) -> io::Result<Patched> {
        let mut result = patched(&self.shipped(root)?, &fs::read_to_string(self.patch_path(root))?)?;
        result.sources.extend(self.added(root)?);
        Ok(result)
    }

    /// Says what to do about hunks that do not fit.
    #[must_use]
    pub fn remedy(self) -> String {
        let Self { name, source, .. } = self;
        format!(
            "seeded/{name}/overlay.patch no longer fits {source}: run scripts/seeded-overlay open {name}, \
             add the lines above in target/seeded-overlay/{name}/src, then run scripts/seeded-overlay save {name}"
        )
    }
}

/// Builds the patched sources for a package `seeded/<name>`, from its build script. The package includes
/// `concat!(env!("SEEDED_SOURCE"), "/lib.rs")`.
///
/// A hunk that does not fit fails the build with the file, the seeded bugs in the hunk, and the remedy.
///
/// # Errors
///
/// A file cannot be read or written, or cargo's environment is missing.
pub fn build(name: &str) -> io::Result<()> {
    let overlay =
        Overlay::named(name).ok_or_else(|| io::Error::other(format!("no overlay is named {name}")))?;
    let variable =
        |name: &str| env::var_os(name).ok_or_else(|| io::Error::other(format!("{name} is not set")));
    let root = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?;
    let open = overlay.open_path(&root);
    // Cargo runs a build script every time while a path that it watches is missing.
    fs::create_dir_all(&open)?;
    for path in
        [root.join(overlay.source), overlay.added_path(&root), overlay.patch_path(&root), open.clone()]
    {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let mut source = open.join("src");
    if source.is_dir() {
        println!(
            "cargo::warning=built from the open copy target/seeded-overlay/{name}; \
             scripts/seeded-overlay save {name} makes the patch from it"
        );
    } else {
        let Patched { sources, misfits } = overlay.apply(&root)?;
        for line in
            misfits.iter().flat_map(Misfit::lines).chain((!misfits.is_empty()).then(|| overlay.remedy()))
        {
            println!("cargo::error={line}");
        }
        source = Path::new(&variable("OUT_DIR")?).join("src");
        write_tree(&source, &sources)?;
    }
    println!("cargo::rustc-env=SEEDED_SOURCE={}", source.display());
    Ok(())
}

/// Reads the Rust files below a folder; a folder that does not exist has none.
pub(crate) fn read_tree(folder: &Path) -> io::Result<Sources> {
    let mut sources = Sources::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        if !next.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && let Ok(relative) = path.strip_prefix(folder)
            {
                sources.insert(relative.to_string_lossy().replace('\\', "/"), fs::read_to_string(&path)?);
            }
        }
    }
    Ok(sources)
}

/// Makes a folder hold these Rust files and no others. A file that is right already is left alone.
pub(crate) fn write_tree(folder: &Path, sources: &Sources) -> io::Result<()> {
    let present = read_tree(folder)?;
    for path in present.keys().filter(|path| !sources.contains_key(*path)) {
        fs::remove_file(folder.join(path))?;
    }
    for (path, text) in sources.iter().filter(|(path, text)| present.get(*path) != Some(*text)) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, text)?;
    }
    Ok(())
}

fn includable(mut sources: Sources) -> Sources {
    if let Some(text) = sources.get_mut("lib.rs") {
        *text = without_inner_attributes(text);
    }
    sources
}

/// The text without inner attributes and inner documentation. Each stands on lines of its own.
fn without_inner_attributes(text: &str) -> String {
    let is_inner = |line: &str| line.starts_with("//!") || line.starts_with("#![");
    let rest: String = text.split_inclusive('\n').filter(|line| !is_inner(line)).collect();
    rest.trim_start_matches('\n').to_owned()
}

#[cfg(test)]
mod tests;
