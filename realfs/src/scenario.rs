//! The initial directories and scripts of nodes.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use certrotate_core::time::WallTime;

use crate::disk::{Disk, Manner};
use crate::judge;
use crate::node::{Ended, Node};
use crate::plane::{Shown, Verdict};
use crate::world::{Report, Session, World};
use certrotate_core::issuer::IssuerFault;

/// An initial directory, and the script of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// An empty directory: a first certificate, a renewal, a refused certificate, a denial, and a
    /// renewal.
    Rotations,
    /// A directory with stale files, and a renewal.
    CleanUp,
}

impl Scenario {
    /// Both scenarios.
    pub const ALL: [Self; 2] = [Self::Rotations, Self::CleanUp];

    /// The name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rotations => "rotations",
            Self::CleanUp => "clean-up",
        }
    }

    /// Makes a fresh directory under `home`, and its world.
    ///
    /// # Errors
    ///
    /// A file system operation failed, or the initial state was not reached.
    pub fn begin(self, home: &Path) -> io::Result<(PathBuf, Session)> {
        let directory = home.join("node").join("pki");
        if home.join("node").exists() {
            fs::remove_dir_all(home.join("node"))?;
        }
        match self {
            Self::Rotations => {
                let script = [
                    Verdict::Good,
                    Verdict::Good,
                    Verdict::OtherSubject,
                    Verdict::Denied,
                    Verdict::Good,
                    Verdict::Good,
                ];
                Ok((directory, Session::new(&script)))
            }
            Self::CleanUp => {
                let session = litter(&directory)?;
                Ok((directory, session))
            }
        }
    }
}

/// Makes three certificates, restores every removed file, and adds temporary names.
fn litter(directory: &Path) -> io::Result<Session> {
    let attic = tempfile::tempdir()?;
    let script = [Verdict::Good, Verdict::Good, Verdict::Good, Verdict::Good];
    let session = Session::new(&script);
    let start = session.now;
    let mut keeper =
        Keeper { session, directory: directory.to_owned(), attic: attic.path().to_owned(), lives: 3 };
    let ended = run_in(directory, Manner::Shipped, &mut keeper, start);
    if ended.0 != Ended::AtRest {
        return Err(io::Error::other(format!("the beginning ended {}", ended.0)));
    }
    for entry in fs::read_dir(attic.path())? {
        let entry = entry?;
        let back = directory.join(entry.file_name());
        if fs::symlink_metadata(&back).is_err() {
            fs::copy(entry.path(), &back)?;
            fs::set_permissions(&back, fs::Permissions::from_mode(0o600))?;
        }
    }
    for file in ["tmp-4.1", "tmp-2.7"] {
        fs::write(directory.join(format!("{}-{file}", crate::PAIR)), "cut short")?;
    }
    symlink("nowhere", directory.join(format!("{}-tmp-3.9", crate::PAIR)))?;
    let left = judge::names(directory)?.len();
    if left < 8 {
        return Err(io::Error::other(format!("only {left} names to clean up")));
    }
    let mut session = keeper.session;
    session.forget();
    session.rests = 0;
    Ok(session)
}

/// Runs a node in this process, from this time on.
pub fn run_in<W: World>(directory: &Path, manner: Manner, world: &mut W, start: WallTime) -> (Ended, Disk) {
    let mut disk = Disk::new(directory, manner);
    let ended = Node::new(&mut disk, world, (start, RUN)).run();
    (ended, disk)
}

/// The run number in the ids of operations. Any number will do: this node answers each operation
/// before the next.
pub const RUN: u64 = 1;

/// A world that copies every file that a node ever had, and stops the node after some certificates.
struct Keeper {
    session: Session,
    directory: PathBuf,
    attic: PathBuf,
    lives: usize,
}

impl Keeper {
    fn keep(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                // A file that is removed during the copy is not missed.
                let _ = fs::copy(entry.path(), self.attic.join(entry.file_name()));
            }
        }
    }
}

impl World for Keeper {
    fn create(&mut self, name: &str, csr_pem: &str, now: WallTime) -> Result<Shown, IssuerFault> {
        self.keep();
        self.session.create(name, csr_pem, now)
    }

    fn get(&mut self, name: &str, now: WallTime) -> Result<Shown, IssuerFault> {
        self.session.get(name, now)
    }

    fn report(&mut self, report: Report, now: WallTime) {
        self.keep();
        self.session.report(report, now);
    }

    fn rested(&mut self, now: WallTime) -> bool {
        let lives =
            self.session.reports.iter().filter(|(_, report)| matches!(report, Report::Live(..))).count();
        self.session.rested(now) && lives < self.lives
    }
}
