//! Cuts the power before each step, and a second time during the recovery.

use std::fmt;
use std::path::PathBuf;

use crate::disk::{Disk, Manner};
use crate::judge;
use crate::kill;
use crate::node::{Ended, Node};
use crate::plane::Verdict;
use crate::scenario::RUN;
use crate::volume::{Cut, Kind, Volume};
use crate::world::Session;

/// The number of power cuts and violations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Power cuts.
    pub cuts: u32,
    /// The number of violations, and the text of the first.
    pub wrong: Option<(u32, String)>,
}

impl Tally {
    fn take(&mut self, place: &str, outcome: Result<(), String>) {
        self.cuts += 1;
        if let Err(why) = outcome {
            match &mut self.wrong {
                Some((count, _)) => *count += 1,
                None => self.wrong = Some((1, format!("{place}: {why}"))),
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.wrong {
            None => write!(f, "{} cuts, all well", self.cuts),
            Some((count, first)) => write!(f, "{count} of {} cuts; {first}", self.cuts),
        }
    }
}

/// Where the power is cut a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nested {
    /// Nowhere.
    No,
    /// Before each step of the next start, until it rests.
    Yes,
}

/// From an empty directory: a first certificate, a renewal, a refused one, and a renewal that
/// removes the first bundle and the tombstone.
const SCRIPT: [Verdict; 4] = [Verdict::Good, Verdict::Good, Verdict::OtherSubject, Verdict::Good];

/// Returns whether a power cut shows the fault of a manner.
///
/// S4: the rename of a link onto the current link is not durable without a sync of the directory.
/// S3: a file without a sync is empty under its durable name. The two manners that leave the
/// current link missing or empty for a moment sync nothing in that moment, so their fault shows
/// only if the kernel has just written back by itself.
#[must_use]
pub const fn shows(manner: Manner, cut: Cut) -> bool {
    match (manner, cut) {
        (Manner::Shipped, _) => false,
        (Manner::NoSync | Manner::NoFileSync | Manner::NoDirectorySync, Cut::Lost) => true,
        (Manner::NoSync | Manner::NoFileSync | Manner::NoDirectorySync, Cut::WrittenBack) => false,
        (Manner::UnlinkFirst | Manner::TruncateInPlace, Cut::Lost) => false,
        (Manner::UnlinkFirst | Manner::TruncateInPlace, Cut::WrittenBack) => true,
    }
}

/// A directory on a volume, and the kind of power cut.
#[derive(Debug)]
pub struct Site<'a> {
    /// The file system.
    pub volume: &'a Volume,
    /// The kind of power cut.
    pub cut: Cut,
    /// How the node carries out disk commands.
    pub manner: Manner,
}

const NODE: &str = "node";

impl Site<'_> {
    /// Cuts the power before each step of a run and at its end, and judges the current link as any
    /// program reads it (S3, S4 (a)). With the shipped store it also judges a new start (S4 to S6,
    /// S8, S12). A naive store is done with its first violation.
    ///
    /// # Errors
    ///
    /// A tool failed. Violations are in the tally.
    pub fn everywhere(&self, nested: Nested) -> Result<Tally, String> {
        let mut tally = Tally::default();
        for step in 1.. {
            let (mut session, ended) = self.up_to(step)?;
            let place = format!("cut before step {step}");
            let outcome = self.judge(&mut session, nested == Nested::No);
            let raw_is_well = outcome.is_ok();
            tally.take(&place, outcome);
            if self.manner != Manner::Shipped && !raw_is_well {
                return Ok(tally);
            }
            if nested == Nested::Yes && raw_is_well {
                self.again(step, &mut tally)?;
            }
            match ended {
                Ended::Cut => {}
                Ended::AtRest => return Ok(tally),
                other => return Err(format!("{place}, it ended {other}: {}", session.report_text())),
            }
        }
        Ok(tally)
    }

    /// Runs a node from the beginning, and cuts the power before a step.
    fn up_to(&self, step: u32) -> Result<(Session, Ended), String> {
        self.volume.clear(NODE).map_err(|error| error.to_string())?;
        let mut session = Session::new(&SCRIPT);
        let ended = self.start(&mut session, step);
        self.volume.cut(self.cut).map_err(|error| error.to_string())?;
        Ok((session, ended))
    }

    fn start(&self, session: &mut Session, cut_before: u32) -> Ended {
        let mut disk = Disk::new(&self.directory(), self.manner).cut_before(cut_before);
        let start = session.now;
        Node::new(&mut disk, session, (start, RUN)).run()
    }

    fn judge(&self, session: &mut Session, start_again: bool) -> Result<(), String> {
        let directory = self.directory();
        judge::judge_raw(&directory, session)?;
        judge::judge_names(&directory, false)?;
        if start_again && self.manner == Manner::Shipped {
            kill::take_from_there(&directory, self.manner, session)?;
        }
        Ok(())
    }

    /// Repeats the same cut, with a second one before each step of the next start, up to its first
    /// rest.
    fn again(&self, step: u32, tally: &mut Tally) -> Result<(), String> {
        for second in 1.. {
            let (mut session, _) = self.up_to(step)?;
            let rests = session.rests;
            let ended = self.start(&mut session, second);
            let rested = session.rests > rests;
            self.volume.cut(self.cut).map_err(|error| error.to_string())?;
            let outcome = self.judge(&mut session, true);
            tally.take(&format!("cut before step {step}, and again before step {second}"), outcome);
            if rested || ended != Ended::Cut {
                break;
            }
        }
        Ok(())
    }

    fn directory(&self) -> PathBuf {
        self.volume.path().join(NODE).join("pki")
    }
}

/// Checks that this kernel has the file system.
///
/// # Errors
///
/// It has not, the process is not root, or there are no loop devices.
pub fn is_possible(kind: Kind) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("mounting needs root".to_owned());
    }
    if !std::path::Path::new("/dev/loop-control").exists() {
        return Err("there are no loop devices".to_owned());
    }
    if !kind.is_in_kernel() {
        return Err(format!("this kernel has no {kind}"));
    }
    Ok(())
}
