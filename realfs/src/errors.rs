//! Lets every system call fail, once and repeatedly, in a run that must still complete its script.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::disk::Manner;
use crate::judge;
use crate::kill;
use crate::protocol::Monitor;
use crate::reader::Reader;
use crate::scenario::Scenario;
use crate::strace::{Inject, Runner, SysCall, Traced};
use crate::world::{Report, Session};

/// The number of runs, kinds of error and reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs with an injected error.
    pub runs: u32,
    /// The number of runs by kind of error.
    pub kinds: BTreeMap<String, u32>,
    /// Reads of the current link by the outside reader.
    pub reads: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs (", self.runs)?;
        for (place, (kind, count)) in self.kinds.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(f, "{comma}{kind} {count}")?;
        }
        write!(f, "), {} reads from outside", self.reads)
    }
}

/// An error, and the text that the fault line must contain.
const ERRORS: [(&str, &str); 4] = [
    ("EIO", "input/output error"),
    ("ENOSPC", "no space left on device"),
    ("EDQUOT", "disk quota exceeded"),
    ("EROFS", "read-only file system"),
];

/// Suffix of the name of a lasting error.
const LASTING: &str = " for a while";

/// The length of a lasting error, in calls of each name.
const A_WHILE: u32 = 7;

/// The calls that fail together when a disk fails. `write` is not among them: the node also writes
/// to its pipe.
const TOGETHER: [&str; 7] = ["openat", "fsync", "renameat", "symlinkat", "unlinkat", "mkdir", "fchmod"];

/// The errors that a test tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// One error at each call of each scenario; a full disk and short writes in the rotations.
    /// Takes a minute.
    Some,
    /// All errors. Takes some minutes.
    All,
}

impl Choice {
    fn takes(self, scenario: Scenario, kind: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some if scenario == Scenario::CleanUp => kind == "EIO",
            Self::Some => ["EIO", "ENOSPC", "short write", "EINTR"].contains(&kind),
        }
    }
}

/// Lets each call fail that touches the directory of a scenario's node. The live identity must
/// stay, the fault line must name the operation and the path, and the same process must complete
/// the script.
///
/// # Errors
///
/// The first violation, with the error that shows it.
pub fn everywhere(runner: &Runner, home: &Path, scenario: Scenario, choice: Choice) -> Result<Tally, String> {
    let points = kill::points(runner, home, Manner::Shipped, scenario)?;
    let mut tally = Tally::default();
    for (place, call) in points.iter().enumerate() {
        let injections = injections(call, &points[place..]).into_iter();
        for (kind, inject, says) in injections.filter(|(kind, ..)| choice.takes(scenario, kind)) {
            let reads = once(runner, home, scenario, (&inject, says))
                .map_err(|why| format!("{}, {inject} at {call}: {why}", scenario.name()))?;
            tally.runs += 1;
            *tally.kinds.entry(kind).or_default() += 1;
            tally.reads += reads;
        }
    }
    Ok(tally)
}

/// Returns the errors to inject at a call, each with the text that the fault line must contain.
/// `rest` are the calls from this one on.
fn injections(call: &SysCall, rest: &[SysCall]) -> Vec<(String, Inject, Option<&'static str>)> {
    let mut all = Vec::new();
    let here = vec![(call.name.clone(), call.nth)];
    let changes = call.changes() || call.syncs();
    for (error, text) in ERRORS {
        if error == "EIO" || changes {
            // The kernel closes the descriptor whatever close returns, and the data was synced
            // before. A debug build calls fcntl to check that a descriptor is open before it closes
            // it.
            let says = (call.name != "close" && call.name != "fcntl").then_some(text);
            all.push((error.to_owned(), Inject::Error(error, here.clone(), 1), says));
        }
        if changes && call.name != "write" && error != "EDQUOT" {
            let first = |name: &&str| rest.iter().find(|later| later.name == **name).map(|later| later.nth);
            let calls = TOGETHER.iter().filter_map(|name| Some(((*name).to_owned(), first(name)?)));
            let inject = Inject::Error(error, calls.collect(), A_WHILE);
            all.push((format!("{error}{LASTING}"), inject, Some(text)));
        }
    }
    if call.name == "write" {
        for written in [0, 17] {
            let inject = Inject::Returns(call.name.clone(), call.nth, written);
            all.push(("short write".to_owned(), inject, Some("bytes could be written")));
        }
    }
    if call.name == "write" || call.name == "read" {
        all.push(("EINTR".to_owned(), Inject::Error("EINTR", here, 1), None));
    }
    all
}

fn once(
    runner: &Runner,
    home: &Path,
    scenario: Scenario,
    (inject, says): (&Inject, Option<&str>),
) -> Result<u64, String> {
    let (directory, mut session) = scenario.begin(home).map_err(|error| error.to_string())?;
    let reader = Reader::start(&directory);
    session.looks = Some(reader.looks());
    let traced = runner.run(&directory, Manner::Shipped, &mut session, inject);
    session.looks = None;
    let reads = reader.end();
    let traced = traced.map_err(|error| error.to_string())?;
    let outcome = reads.and_then(|reads| {
        judge_run(&traced, &directory, &session, says)?;
        kill::take_from_there(&directory, Manner::Shipped, &mut session)?;
        Ok(reads)
    });
    outcome.map_err(|why| format!("{why}\n{}", traced.changes(&directory)))
}

fn judge_run(traced: &Traced, directory: &Path, session: &Session, says: Option<&str>) -> Result<(), String> {
    if !traced.calls.iter().any(|call| call.result.contains("(INJECTED)")) {
        return Err("the call was not reached: nothing is shown".to_owned());
    }
    Monitor::watch(&directory.display().to_string(), &traced.calls)?;
    if traced.ended.as_deref() != Some("at rest") || !session.is_through() {
        let ended = traced.ended.as_deref().unwrap_or("without a word");
        return Err(format!("it ended {ended}: {}; {}", session.report_text(), traced.stderr));
    }
    judge_reports(session, directory, says)?;
    judge::judge_raw(directory, session).map(|_| ())
}

/// Checks that no live identity was withdrawn, and that a fault line names the error and the path.
fn judge_reports(session: &Session, directory: &Path, says: Option<&str>) -> Result<(), String> {
    if session.reports.iter().any(|(_, report)| *report == Report::Withdrawn) {
        return Err(format!("S5: the live identity was withdrawn: {}", session.report_text()));
    }
    // While the directory is missing, the fault line is about its parent.
    let place = directory.parent().unwrap_or(directory).display().to_string();
    match says {
        Some(text) if !session.faults().any(|line| line.contains(text) && line.contains(&place)) => {
            Err(format!("nothing says {text:?} and where: {}", session.report_text()))
        }
        Some(_) | None => Ok(()),
    }
}
