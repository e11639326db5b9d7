//! Whether the directory that another program sees is as the invariants require.

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use certrotate_store::PairName;

use crate::PAIR;
use crate::reader::{Raw, raw};
use crate::world::Session;

/// Whether the current link is as it must be, in this world and without any process: S3, and S4 (a).
///
/// # Errors
///
/// The id of the invariant that does not hold, and what was seen.
pub fn judge_raw(directory: &Path, session: &Session) -> Result<Raw, String> {
    let seen = raw(directory);
    let announced = session.announced;
    match (&seen, announced) {
        (Raw::Absent, None) => {}
        (Raw::Whole(generation, leaf), _) => {
            if session.plane.good(leaf).is_none() {
                return Err(format!("S2: the live name has certificate {leaf}, which is not one to serve"));
            }
            let behind = announced
                .filter(|(latest, last)| generation < latest || (generation == latest && leaf != last));
            if let Some((latest, _)) = behind {
                return Err(format!("S4: generation {latest} was announced, the live name has {generation}"));
            }
        }
        (Raw::Absent, Some((latest, _))) => {
            return Err(format!("S4: generation {latest} was announced, the live name is absent"));
        }
        (Raw::Dangling(target), _) => {
            return Err(format!("S3: the live name leads to {}, which is not there", target.display()));
        }
        (Raw::Broken(why), _) => return Err(format!("S3: what is behind the live name {why}")),
    }
    Ok(seen)
}

/// The names of ours in the directory but quarantined ones.
///
/// # Errors
///
/// The directory cannot be listed.
pub fn names(directory: &Path) -> io::Result<BTreeSet<String>> {
    let pair = PairName::new(PAIR).map_err(io::Error::other)?;
    let quarantined = format!("{PAIR}-quarantine-");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        if pair.parse(&name).is_some() {
            let name = name.to_string_lossy().into_owned();
            if !name.starts_with(&quarantined) {
                names.insert(name);
            }
        }
    }
    Ok(names)
}

/// Most names of ours at any moment, and at rest (S12).
pub const MOST: usize = 5;
const MOST_AT_REST: usize = 3;

/// Whether there are as few names of ours as there must be.
///
/// # Errors
///
/// S12, and the names.
pub fn judge_names(directory: &Path, at_rest: bool) -> Result<(), String> {
    let names = match names(directory) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{}: {error}", directory.display())),
    };
    let most = if at_rest { MOST_AT_REST } else { MOST };
    if names.len() > most {
        return Err(format!("S12: more than {most} names: {names:?}"));
    }
    Ok(())
}
