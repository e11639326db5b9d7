//! The power is cut before each step, and once more while what that left is put in order.

use std::fmt;
use std::path::PathBuf;

use crate::disk::{Disk, Manner};
use crate::judge;
use crate::kill;
use crate::node::{Ended, Node};
use crate::plane::Verdict;
use crate::ring::Ring;
use crate::scenario::RUN;
use crate::volume::{Cut, Kind, Volume};
use crate::world::Session;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Power cuts.
    pub cuts: u32,
    /// What did not hold after them: how often, and the first in words.
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

/// From nothing: a first certificate, a renewal, a refused one, and a renewal that removes the first bundle and the tombstone.
const SCRIPT: [Verdict; 4] = [Verdict::Good, Verdict::Good, Verdict::OtherSubject, Verdict::Good];

/// Whether a cut shows what is wrong with a manner.
///
/// The rename of a link onto the current link is not durable without a sync of the directory, and a file that was not synced is empty
/// under its durable name: S4 and S3. Between the removal of the current link and its return, and between emptying it and writing it,
/// nothing is synced: the power has to fail just after the kernel wrote back by itself.
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

/// One place on a volume, and how the power goes there.
#[derive(Debug)]
pub struct Plant<'a> {
    /// The file system.
    pub volume: &'a Volume,
    /// How the power goes.
    pub cut: Cut,
    /// How the node treats the disk.
    pub manner: Manner,
}

const NODE: &str = "node";

impl Plant<'_> {
    /// Cuts the power before each step of a run, and at its end, and judges: the current link as any program reads it (S3, S4 (a)); with the shipped
    /// store then a new start, too (S4 to S6, S8, S12). A naive one has shown enough with the first thing that is wrong.
    ///
    /// # Errors
    ///
    /// A tool says no. What does not hold is in the tally.
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
                other => return Err(format!("{place}, it ended {other}: {}", session.story())),
            }
        }
        Ok(tally)
    }

    /// A run from the beginning that ends before a step, and the power with it.
    fn up_to(&self, step: u32) -> Result<(Session, Ended), String> {
        self.volume.clear(NODE).map_err(|error| error.to_string())?;
        let mut session = Session::new(&SCRIPT);
        let ended = self.start(&mut session, step);
        self.volume.cut(self.cut).map_err(|error| error.to_string())?;
        Ok((session, ended))
    }

    fn start(&self, session: &mut Session, cut_before: u32) -> Ended {
        let ring = Ring::default();
        let mut disk = Disk::new(&self.directory(), ring.clone(), self.manner).cut_before(cut_before);
        let start = session.now;
        Node::new(&mut disk, ring, session, (start, RUN)).run()
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

    /// The same cut, and another one before each step of the start after it, up to its first rest.
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

/// Whether this kernel has the file system, and what to say if not.
///
/// # Errors
///
/// It has not.
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
