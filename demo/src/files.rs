//! Small helpers for files.

use std::io;
use std::path::Path;

/// Returns the number of entries of the directory; 0 if it cannot be read.
pub(crate) fn count_files(directory: &Path) -> usize {
    std::fs::read_dir(directory).map_or(0, |entries| entries.flatten().count())
}

/// Adds the path to the text of an error.
pub(crate) fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
