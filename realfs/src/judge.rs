//! Checks the directory, as another program sees it, against the invariants.

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

/// Checks the current link without any process of ours: S3, and S4 (a).
///
/// # Errors
///
/// The id of the violated invariant, and the observed state.
pub fn judge_raw(directory: &Path, session: &Session) -> Result<Raw, String> {
    let seen = raw(directory);
    let announced = session.announced;
    match (&seen, announced) {
        (Raw::Absent, None) => {}
        (Raw::Whole(generation, leaf), _) => {
            if session.plane.good(leaf).is_none() {
                return Err(format!("S2: the current link has certificate {leaf}, which is not acceptable"));
            }
            let behind = announced
                .filter(|(latest, last)| generation < latest || (generation == latest && leaf != last));
            if let Some((latest, _)) = behind {
                return Err(format!(
                    "S4: generation {latest} was announced, the current link has {generation}"
                ));
            }
        }
        (Raw::Absent, Some((latest, _))) => {
            return Err(format!("S4: generation {latest} was announced, the current link is absent"));
        }
        (Raw::Dangling(target), _) => {
            return Err(format!("S3: the current link leads to {}, which does not exist", target.display()));
        }
        (Raw::Broken(why), _) => return Err(format!("S3: the file behind the current link {why}")),
    }
    Ok(seen)
}

/// Returns our names in the directory, without quarantined ones.
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

/// Most names of ours during a run, and at rest (S12).
pub const MOST: usize = 5;
const MOST_AT_REST: usize = 3;

/// Checks the number of our names against the limit.
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
