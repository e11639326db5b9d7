//! The shipped store with a step counter and a power cut on demand; and naive stores that must
//! fail.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use certrotate_core::disk::{DiskCommand, DiskDone, DiskFault, Name};
use certrotate_keys::{KeyStore, Staged, Staging};
use certrotate_store::{Fault, PairName, Store};

use crate::PAIR;

/// How a disk carries out commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// The shipped store.
    Shipped,
    /// No sync at all.
    NoSync,
    /// The directory is synced, files are not.
    NoFileSync,
    /// Files are synced, the directory is not.
    NoDirectorySync,
    /// The current link is removed before the new link is renamed onto it.
    UnlinkFirst,
    /// The current link is a file that is emptied and written anew.
    TruncateInPlace,
}

impl Manner {
    /// The faulty manners.
    pub const NAIVE: [Self; 5] =
        [Self::NoSync, Self::NoFileSync, Self::NoDirectorySync, Self::UnlinkFirst, Self::TruncateInPlace];

    /// The name on the command line and in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::NoSync => "no-sync",
            Self::NoFileSync => "no-file-sync",
            Self::NoDirectorySync => "no-directory-sync",
            Self::UnlinkFirst => "unlink-first",
            Self::TruncateInPlace => "truncate-in-place",
        }
    }

    /// Returns the manner with this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Shipped].into_iter().chain(Self::NAIVE).find(|manner| manner.name() == name)
    }
}

/// Why a command failed.
#[derive(Debug)]
pub enum Trouble {
    /// The shipped store reported a fault.
    Fault(Fault),
    /// A system call of a naive store failed.
    Naive(String),
    /// The power is cut: no further command has an effect.
    Cut,
}

impl Trouble {
    /// The kind of fault that core gets.
    #[must_use]
    pub fn kind(&self) -> DiskFault {
        match self {
            Self::Fault(fault) => fault.kind,
            Self::Naive(_) | Self::Cut => DiskFault::Io,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Naive(text) => f.write_str(text),
            Self::Cut => f.write_str("the power is cut"),
        }
    }
}

/// A directory and the manner in which its commands are carried out.
#[derive(Debug)]
pub struct Disk {
    store: Store<Staging>,
    keys: KeyStore,
    staging: Staging,
    manner: Manner,
    steps: u32,
    cut_before: Option<u32>,
    commands: Vec<(DiskCommand, Duration)>,
}

impl Disk {
    /// Makes a disk on `directory`, without touching it.
    ///
    /// # Panics
    ///
    /// Never: the pair name is valid.
    #[must_use]
    pub fn new(directory: &Path, manner: Manner) -> Self {
        let pair = PairName::new(PAIR).expect("the name is a good one");
        let keys = KeyStore::new(crate::template());
        let staging = Staging::new(keys.clone());
        let store = Store::new(directory, pair, None, staging.clone());
        Self { store, keys, staging, manner, steps: 0, cut_before: None, commands: Vec::new() }
    }

    /// Cuts the power before a step, counted from 1. A shipped command is one step, a naive one may
    /// be more.
    #[must_use]
    pub fn cut_before(mut self, step: u32) -> Self {
        self.cut_before = Some(step);
        self
    }

    /// The number of steps that were begun; the power cut may have stopped the last one.
    #[must_use]
    pub const fn steps(&self) -> u32 {
        self.steps
    }

    /// The key store of the node: the files have its bytes.
    #[must_use]
    pub const fn keys(&self) -> &KeyStore {
        &self.keys
    }

    /// Takes the keys and chains that the last command read.
    pub fn take_staged(&self) -> Staged {
        self.staging.take()
    }

    /// The commands that were carried out, each with its duration.
    #[must_use]
    pub fn commands(&self) -> &[(DiskCommand, Duration)] {
        &self.commands
    }

    /// The remarks of the last scan.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        self.store.remarks()
    }

    /// Carries out one command.
    ///
    /// # Errors
    ///
    /// The failure of the store, or [`Trouble::Cut`].
    pub fn run(&mut self, command: &DiskCommand) -> Result<DiskDone, Trouble> {
        self.step()?;
        let began = Instant::now();
        let result = self.carry_out(command);
        self.commands.push((*command, began.elapsed()));
        result
    }

    fn carry_out(&mut self, command: &DiskCommand) -> Result<DiskDone, Trouble> {
        match (self.manner, *command) {
            (Manner::NoSync, DiskCommand::SyncFile { .. } | DiskCommand::SyncDir)
            | (Manner::NoFileSync, DiskCommand::SyncFile { .. })
            | (Manner::NoDirectorySync, DiskCommand::SyncDir) => Ok(DiskDone::Done),
            (Manner::UnlinkFirst, DiskCommand::Rename { to: Name::Current, .. }) => {
                self.unlink_current()?;
                self.step()?;
                self.shipped(command)
            }
            (Manner::TruncateInPlace, DiskCommand::Rename { from, to: Name::Current }) => self.truncate(from),
            _ => self.shipped(command),
        }
    }

    fn step(&mut self) -> Result<(), Trouble> {
        self.steps += 1;
        if self.cut_before.is_some_and(|cut| self.steps >= cut) { Err(Trouble::Cut) } else { Ok(()) }
    }

    fn shipped(&mut self, command: &DiskCommand) -> Result<DiskDone, Trouble> {
        self.store.run(command).map_err(Trouble::Fault)
    }

    fn unlink_current(&self) -> Result<(), Trouble> {
        match fs::remove_file(self.store.current_link_path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(naive(&error)),
            _ => Ok(()),
        }
    }

    /// Does what `cp` does: opens the current link, empties the file and writes it.
    fn truncate(&mut self, link: Name) -> Result<DiskDone, Trouble> {
        let bytes = fs::read(self.store.path_of(link)).map_err(|error| naive(&error))?;
        let mut live = OpenOptions::new();
        let live =
            live.write(true).create(true).truncate(true).mode(0o600).open(self.store.current_link_path());
        let mut live = live.map_err(|error| naive(&error))?;
        self.step()?;
        live.write_all(&bytes).map_err(|error| naive(&error))?;
        self.step()?;
        live.sync_all().map_err(|error| naive(&error))?;
        self.step()?;
        self.shipped(&DiskCommand::Unlink { name: link })
    }
}

fn naive(error: &std::io::Error) -> Trouble {
    Trouble::Naive(format!("the naive store failed: {error}"))
}
