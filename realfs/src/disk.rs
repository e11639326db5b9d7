//! The shipped store, counted and cut short on demand; and the naive ones that must fail.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use certrotate_core::disk::{DiskCommand, DiskDone, DiskFault, Name};
use certrotate_store::{Fault, PairName, Store};

use crate::PAIR;
use crate::ring::Ring;

/// How commands are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As the store does.
    Shipped,
    /// No sync at all.
    NoSync,
    /// The directory is synced, files are not.
    NoFileSync,
    /// Files are synced, the directory is not.
    NoDirectorySync,
    /// The current link is removed before the new link gets it.
    UnlinkFirst,
    /// The current link is a file that is emptied and written anew.
    TruncateInPlace,
}

impl Manner {
    /// Those that are wrong.
    pub const NAIVE: [Self; 5] =
        [Self::NoSync, Self::NoFileSync, Self::NoDirectorySync, Self::UnlinkFirst, Self::TruncateInPlace];

    /// Its name on the command line and in tables.
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

    /// The one of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Shipped].into_iter().chain(Self::NAIVE).find(|manner| manner.name() == name)
    }
}

/// Why a command came to nothing.
#[derive(Debug)]
pub enum Trouble {
    /// The store said no.
    Fault(Fault),
    /// The disk said no to a naive store.
    Naive(String),
    /// The power is cut: nothing more happens.
    Cut,
}

impl Trouble {
    /// What core is told.
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

/// A directory, and how its commands are carried out.
#[derive(Debug)]
pub struct Disk {
    store: Store<Ring>,
    manner: Manner,
    steps: u32,
    cut_before: Option<u32>,
    commands: Vec<(DiskCommand, Duration)>,
}

impl Disk {
    /// Touches nothing yet.
    ///
    /// # Panics
    ///
    /// Never: the pair name is a good one.
    #[must_use]
    pub fn new(directory: &Path, ring: Ring, manner: Manner) -> Self {
        let pair = PairName::new(PAIR).expect("the name is a good one");
        let store = Store::new(directory, pair, None, ring);
        Self { store, manner, steps: 0, cut_before: None, commands: Vec::new() }
    }

    /// The same, with the power cut before a step, counted from 1. A command is one step; a naive one may be more.
    #[must_use]
    pub fn cut_before(mut self, step: u32) -> Self {
        self.cut_before = Some(step);
        self
    }

    /// The steps that were begun, the last one perhaps cut.
    #[must_use]
    pub const fn steps(&self) -> u32 {
        self.steps
    }

    /// The commands that were carried out, and how long each took.
    #[must_use]
    pub fn commands(&self) -> &[(DiskCommand, Duration)] {
        &self.commands
    }

    /// What the last scan found amiss.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        self.store.remarks()
    }

    /// Carries out one command.
    ///
    /// # Errors
    ///
    /// What went wrong, or [`Trouble::Cut`].
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
                self.unlink_live()?;
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

    fn unlink_live(&self) -> Result<(), Trouble> {
        match fs::remove_file(self.store.live_path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(naive(&error)),
            _ => Ok(()),
        }
    }

    /// What `cp` does: the current link is opened, emptied and written.
    fn truncate(&mut self, link: Name) -> Result<DiskDone, Trouble> {
        let bytes = fs::read(self.store.path_of(link)).map_err(|error| naive(&error))?;
        let mut live = OpenOptions::new();
        let live = live.write(true).create(true).truncate(true).mode(0o600).open(self.store.live_path());
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
