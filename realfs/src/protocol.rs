//! Rules for the system calls of a node. They hold for every run; the monitor reads them off a
//! trace, without knowing why the node made a call.
//!
//! - A file is created under a temporary name in the directory, with `O_EXCL`, `O_NOFOLLOW`,
//!   `O_CLOEXEC` and mode 0600.
//! - It gets a final name only after a successful sync, and is not written afterwards.
//! - After a failed write, sync or change of mode it is never synced, renamed or linked to, but
//!   removed. The directory is synced after that before the node creates a file (S7, S12).
//! - One rename of a link replaces the current link. The directory was synced after the target got
//!   its name.
//! - Only names of ours are changed. Others are opened for reading, and only where a kubelet leaves
//!   its pairs.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use certrotate_core::disk::Name;
use certrotate_store::PairName;

use crate::PAIR;
use crate::strace::SysCall;

/// The state of a file that the trace created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Synced,
    Failed,
}

/// Checks calls against the rules.
#[derive(Debug)]
pub struct Monitor {
    directory: String,
    pair: PairName,
    files: BTreeMap<String, State>,
    links: BTreeMap<String, String>,
    /// Names that files got since the last sync of the directory.
    fresh: BTreeSet<String>,
    /// Whether a failed file was removed without a sync of the directory since.
    removed_failed: bool,
}

impl Monitor {
    /// Makes a monitor for the calls on this directory.
    ///
    /// # Panics
    ///
    /// Never: the pair name is valid.
    #[must_use]
    pub fn new(directory: &str) -> Self {
        Self {
            directory: directory.to_owned(),
            pair: PairName::new(PAIR).expect("the name is a good one"),
            files: BTreeMap::new(),
            links: BTreeMap::new(),
            fresh: BTreeSet::new(),
            removed_failed: false,
        }
    }

    /// Checks all calls of a process.
    ///
    /// # Errors
    ///
    /// The first call that breaks a rule, and the rule.
    pub fn watch(directory: &str, calls: &[SysCall]) -> Result<(), String> {
        let mut monitor = Self::new(directory);
        for call in calls.iter().filter(|call| call.touches(directory)) {
            monitor.take(call).map_err(|rule| format!("{call} = {}: {rule}", call.result))?;
        }
        Ok(())
    }

    /// Returns whether a kubelet may have left a pair under this name.
    fn is_adopted(&self, name: &str) -> bool {
        let (certificate, key) = self.pair.split();
        let dated = self.pair.parse_dated(OsStr::new(name)).is_some();
        dated || [self.pair.file_name(Name::Current), certificate, key].iter().any(|it| it == name)
    }

    fn take(&mut self, call: &SysCall) -> Result<(), String> {
        let inside = format!("{}/", self.directory);
        let names: Vec<&str> = call.strings().collect();
        let in_directory = call.descriptor() == Some(self.directory.as_str());
        match call.name.as_str() {
            "openat" if call.arguments.contains("O_CREAT") => {
                let [name] = names.as_slice() else { return Err("no name".to_owned()) };
                self.create(call, name, in_directory)
            }
            "openat" if in_directory => {
                let name = names.first().copied().unwrap_or_default();
                let follows = !call.arguments.contains("O_NOFOLLOW");
                let legal = match (follows, self.pair.parse(OsStr::new(name))) {
                    (false, ours) => ours.is_some(),
                    (true, _) => name == "." || call.arguments.contains("O_RDONLY") && self.is_adopted(name),
                };
                if legal {
                    Ok(())
                } else {
                    Err("a name that is not ours is opened, or a link is followed".to_owned())
                }
            }
            "write" | "fsync" | "fchmod" => match call.descriptor() {
                Some(path) if path == self.directory => self.sync_directory(call),
                Some(path) => match path.strip_prefix(&inside) {
                    Some(name) => self.on_file(call, name),
                    None => Ok(()),
                },
                None => Ok(()),
            },
            "renameat" | "renameat2" | "rename" => {
                let [from, to] = names.as_slice() else { return Err("not two names".to_owned()) };
                self.rename(call, from, to)
            }
            "symlinkat" => {
                let [target, name] = names.as_slice() else { return Err("not two names".to_owned()) };
                self.link(call, target, name)
            }
            "unlinkat" | "unlink" => {
                let [name] = names.as_slice() else { return Err("no name".to_owned()) };
                self.unlink(call, name)
            }
            "mkdir" | "mkdirat" if names == [self.directory.as_str()] => Ok(()),
            _ if call.changes() && in_directory => Err("nothing of that kind is ever done".to_owned()),
            _ => Ok(()),
        }
    }

    fn create(&mut self, call: &SysCall, name: &str, in_directory: bool) -> Result<(), String> {
        let flags = ["O_EXCL", "O_NOFOLLOW", "O_CLOEXEC", ", 0600"];
        if !in_directory || !matches!(self.parse(name)?, Name::Temporary { .. }) {
            return Err("files are made under temporary names in the directory".to_owned());
        }
        if let Some(flag) = flags.iter().find(|flag| !call.arguments.contains(**flag)) {
            return Err(format!("a file is made without {flag}"));
        }
        if self.files.values().any(|state| *state == State::Failed) || self.removed_failed {
            return Err("S7, S12: made before a failed file was removed and the directory synced".to_owned());
        }
        if call.succeeded() {
            self.files.insert(name.to_owned(), State::Open);
            self.fresh.insert(name.to_owned());
        }
        Ok(())
    }

    fn sync_directory(&mut self, call: &SysCall) -> Result<(), String> {
        if call.name != "fsync" {
            return Err("the directory itself is changed".to_owned());
        }
        if call.succeeded() {
            self.fresh.clear();
            self.removed_failed = false;
        }
        Ok(())
    }

    fn on_file(&mut self, call: &SysCall, name: &str) -> Result<(), String> {
        let state = self.files.get(name).copied().ok_or("S7: a file that was not made here")?;
        if state != State::Open {
            return Err(format!("S7: the file is {state:?}"));
        }
        if call.name == "write" && call.result.starts_with("-1 EINTR") {
            // A signal came before the first byte.
            return Ok(());
        }
        // A short write is a failed one.
        let given = call.arguments.rsplit(", ").next().unwrap_or_default();
        let whole = call.name != "write" || call.result.split(' ').next() == Some(given);
        if !call.succeeded() || !whole {
            self.files.insert(name.to_owned(), State::Failed);
        } else if call.name == "fsync" {
            self.files.insert(name.to_owned(), State::Synced);
        }
        Ok(())
    }

    fn rename(&mut self, call: &SysCall, from: &str, to: &str) -> Result<(), String> {
        let (source, target) = (self.parse(from)?, self.parse(to)?);
        match (source, target) {
            (_, Name::Quarantine { .. }) => {}
            (Name::Temporary { .. }, Name::Current) => {
                let target = self
                    .links
                    .get(from)
                    .ok_or("a name other than a link is renamed onto the current link")?;
                if self.fresh.contains(target) {
                    return Err(format!("S3: {target} has its name and no sync of the directory since"));
                }
            }
            (Name::Temporary { .. }, Name::Bundle { .. } | Name::Pending { .. }) => {
                if self.files.get(from) != Some(&State::Synced) {
                    return Err(format!("S7: the file is {:?}, not synced", self.files.get(from)));
                }
            }
            _ => return Err("no other name is renamed".to_owned()),
        }
        if call.succeeded() {
            if let Some(state) = self.files.remove(from) {
                self.files.insert(to.to_owned(), state);
            }
            self.links.remove(from);
            self.fresh.remove(from);
            self.fresh.insert(to.to_owned());
        }
        Ok(())
    }

    fn link(&mut self, call: &SysCall, target: &str, name: &str) -> Result<(), String> {
        if !matches!(self.parse(name)?, Name::Temporary { .. }) || target.contains('/') {
            return Err("links are made under temporary names, to names of the same directory".to_owned());
        }
        if !matches!(self.parse(target)?, Name::Bundle { .. })
            || self.files.get(target) == Some(&State::Failed)
        {
            return Err("S7: the target of the link is not a good bundle".to_owned());
        }
        if call.succeeded() {
            self.links.insert(name.to_owned(), target.to_owned());
        }
        Ok(())
    }

    fn unlink(&mut self, call: &SysCall, name: &str) -> Result<(), String> {
        if self.parse(name)? == Name::Current {
            return Err("S3: the current link is removed".to_owned());
        }
        if call.succeeded() {
            self.removed_failed |= self.files.remove(name) == Some(State::Failed);
            self.links.remove(name);
        }
        Ok(())
    }

    fn parse(&self, name: &str) -> Result<Name, String> {
        self.pair.parse(OsStr::new(name)).ok_or_else(|| format!("{name} is not ours"))
    }
}
