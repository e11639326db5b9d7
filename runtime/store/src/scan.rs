//! Scans the directory for names of ours.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Display;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use certrotate_core::disk::{BundleFound, CurrentLink, Entry, Found, Inventory, Name, PendingFound};
use certrotate_core::time::WallTime;
use certrotate_x509::{ClientCa, bundle, pending};
use rustix::fs::{self, AtFlags, Dir, FileType, Uid};
use rustix::io::Errno;

use crate::fault::{Fault, errno_text, kind_of, path_text};
use crate::name::PairName;
use crate::read::{Access, Reading, read_own};
use certrotate_keys::Vault;

/// The most names of ours that a scan returns, the current link not counted; certrotate itself keeps five at most.
pub const MAX_NAMES: usize = 64;

/// How many pairs are taken from a kubelet's dated files, the newest first. The last one is in use, and the one before it where a
/// crash came between.
pub(crate) const DATED: usize = 2;

/// How many dated files are looked at for that. A kubelet leaves an empty or cut file at each update that fails, and removes
/// none.
const MAX_DATED: usize = 64;

/// A scan of one directory.
pub(crate) struct Scanner<'a> {
    pub(crate) handle: BorrowedFd<'a>,
    pub(crate) path: &'a Path,
    pub(crate) pair: &'a PairName,
    /// The owner whose files are read.
    pub(crate) owner: Uid,
}

/// The listed names.
struct Listing {
    /// The names of ours except the current link, sorted.
    names: Vec<Name>,
    /// Whether the directory has more names of ours than `names`.
    more: bool,
    /// The times of the newest files that a kubelet named.
    dated: BTreeSet<WallTime>,
}

impl Scanner<'_> {
    /// Lists the directory, and reads every bundle and pending file in it once.
    pub(crate) fn scan(
        &self,
        vault: &impl Vault,
        client_ca: Option<&ClientCa>,
        remarks: &mut Vec<String>,
    ) -> Result<Inventory, Fault> {
        let current = self.current(remarks);
        let Listing { names, more, dated } = self.list(current)?;
        // This comes first: it appends to the last remark, which is the one about the current link.
        let outside = self.outside(current, &dated, (vault, client_ca), remarks);
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            let found = match name {
                Name::Bundle { .. } | Name::Pending { .. } => self.read(name, vault, client_ca, remarks),
                Name::Current | Name::Temporary { .. } | Name::Quarantine { .. } => Some(Found::Unread),
            };
            entries.extend(found.map(|found| Entry { name, found }));
        }
        Ok(Inventory { current, entries, more, outside })
    }

    fn current(&self, remarks: &mut Vec<String>) -> CurrentLink {
        let file_name = self.pair.file_name(Name::Current);
        let unreadable = |errno, remarks: &mut Vec<String>| {
            remarks.push(
                self.remark(Name::Current, format_args!("it cannot be looked at: {}", errno_text(errno))),
            );
            CurrentLink::Unreadable(kind_of(errno))
        };
        match fs::readlinkat(self.handle, &file_name, Vec::new()) {
            Ok(target) => {
                // Only a bundle name parses as one, and no name of ours has a slash.
                let target = OsStr::from_bytes(target.to_bytes());
                if let Some(name @ Name::Bundle { .. }) = self.pair.parse(target) {
                    return CurrentLink::Link(name);
                }
                let target = path_text(Path::new(target));
                remarks.push(
                    self.remark(Name::Current, format_args!("it links to {target}, not to a bundle of ours")),
                );
                return CurrentLink::Foreign;
            }
            Err(Errno::NOENT) => return CurrentLink::Absent,
            Err(Errno::INVAL) => {}
            Err(errno) => return unreadable(errno, remarks),
        }
        match fs::statat(self.handle, &file_name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
                remarks.push(self.remark(Name::Current, "it is a file, not a link to a bundle of ours"));
                CurrentLink::File
            }
            Ok(_) => {
                remarks.push(
                    self.remark(Name::Current, "it is neither a link nor a file; move it away by hand"),
                );
                CurrentLink::Strange
            }
            Err(errno) => unreadable(errno, remarks),
        }
    }

    /// Lists the directory. If it has too many names of ours, the target of the current link ranks
    /// first, then the highest generations. A name that is left out is never the live bundle's.
    fn list(&self, current: CurrentLink) -> Result<Listing, Fault> {
        let failed = |errno| Fault::os("list", self.path, errno);
        let mut ranked = BTreeSet::new();
        let (mut more, mut dated) = (false, BTreeSet::new());
        for entry in Dir::read_from(self.handle).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let file_name = OsStr::from_bytes(entry.file_name().to_bytes());
            dated.extend(self.pair.parse_dated(file_name));
            if dated.len() > MAX_DATED {
                dated.pop_first();
            }
            let Some(name) = self.pair.parse(file_name).filter(|name| *name != Name::Current) else {
                continue;
            };
            ranked.insert((current == CurrentLink::Link(name), name.generation(), name.file(), name));
            if ranked.len() > MAX_NAMES {
                ranked.pop_first();
                more = true;
            }
        }
        let mut names: Vec<Name> = ranked.into_iter().map(|(.., name)| name).collect();
        names.sort_unstable();
        Ok(Listing { names, more, dated })
    }

    /// Reads the file with this name; `None` if it was removed after the listing.
    fn read(
        &self,
        name: Name,
        vault: &impl Vault,
        client_ca: Option<&ClientCa>,
        remarks: &mut Vec<String>,
    ) -> Option<Found> {
        let (bytes, access) = match read_own(self.handle, &self.pair.file_name(name), self.owner) {
            Reading::Bytes(bytes, access) => (bytes, access),
            Reading::Gone => return None,
            Reading::Alien(why) => {
                remarks.push(self.remark(name, why));
                return Some(Found::Corrupt);
            }
            Reading::Unreadable(fault, errno) => {
                remarks.push(self.remark(name, format_args!("it cannot be read: {}", errno_text(errno))));
                return Some(Found::Unreadable(fault));
            }
        };
        let private = access == Access::Private;
        let found = match name {
            // Core judges the content of a bundle of another user as read, and copies it.
            Name::Bundle { .. } => decode_bundle(&bytes, name, private, vault, client_ca),
            // The key of a pending file goes into a certificate: no other user may have chosen it.
            _ if access == Access::Foreign => Err("it belongs to another user".to_owned()),
            _ => decode_pending(&bytes, name, private, vault),
        };
        Some(found.unwrap_or_else(|why| {
            remarks.push(self.remark(name, why));
            Found::Corrupt
        }))
    }

    pub(crate) fn remark(&self, name: Name, what: impl Display) -> String {
        let path = self.path.join(self.pair.file_name(name));
        format!("{} is not used as it is: {what}", path_text(&path))
    }
}

const OTHER_GENERATION: &str = "its first line names another generation than its name";

fn decode_bundle(
    bytes: &[u8],
    name: Name,
    private: bool,
    vault: &impl Vault,
    client_ca: Option<&ClientCa>,
) -> Result<Found, String> {
    let bundle = bundle::decode(bytes, client_ca).map_err(|why| why.to_string())?;
    if Some(bundle.header.generation) != name.generation() {
        return Err(OTHER_GENERATION.to_owned());
    }
    let (header, key_digest, facts) = (bundle.header, bundle.key.digest(), bundle.facts.clone());
    let (key, cert) = vault.keep_bundle(bundle);
    Ok(Found::Bundle(Box::new(BundleFound { header, key_digest, facts, key, cert, private })))
}

fn decode_pending(bytes: &[u8], name: Name, private: bool, vault: &impl Vault) -> Result<Found, String> {
    let (header, request) = pending::decode(bytes).map_err(|why| why.to_string())?;
    if Some(header.generation) != name.generation() {
        return Err(OTHER_GENERATION.to_owned());
    }
    let (key_digest, digest, template) =
        (request.key_digest(), request.request(), request.template().clone());
    Ok(Found::Pending(Box::new(PendingFound {
        generation: header.generation,
        made: header.made,
        key_digest,
        request: digest,
        template,
        key: vault.keep_pending(request),
        private,
    })))
}

#[cfg(test)]
mod tests;
