//! The demo's directory.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SecureRandom as _;

use crate::files::with_path;

/// A directory that is removed at the end, unless it is to be kept.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    keep: bool,
}

impl Scratch {
    /// Creates the directory. `keep` must be missing or empty, so that no foreign file is touched.
    pub(crate) fn new(keep: Option<&Path>) -> io::Result<Self> {
        let path = match keep {
            Some(path) => std::path::absolute(path)?,
            None => {
                let mut bytes = [0; 8];
                aws_lc_rs::rand::SystemRandom::new()
                    .fill(&mut bytes)
                    .map_err(|_| io::Error::other("the system gives no randomness"))?;
                std::env::temp_dir().join(format!("certrotate-demo-{:016x}", u64::from_le_bytes(bytes)))
            }
        };
        DirBuilder::new()
            .mode(0o700)
            .recursive(keep.is_some())
            .create(&path)
            .map_err(|error| with_path(&path, &error))?;
        if std::fs::read_dir(&path).map_err(|error| with_path(&path, &error))?.next().is_some() {
            let error =
                io::Error::new(io::ErrorKind::AlreadyExists, "it is not empty; give another --keep DIR");
            return Err(with_path(&path, &error));
        }
        Ok(Self { path, keep: keep.is_some() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn end(self) -> io::Result<()> {
        if self.keep {
            Ok(())
        } else {
            std::fs::remove_dir_all(&self.path).map_err(|error| with_path(&self.path, &error))
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.keep {
            // After `end` there is nothing left; on the way out of an error the first error counts.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
