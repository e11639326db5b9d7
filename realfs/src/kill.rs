//! Kills a node before each of its system calls, and starts it again.

use std::fmt;
use std::path::Path;

use certrotate_core::disk::DiskCommand;

use crate::disk::Manner;
use crate::judge;
use crate::node::Ended;
use crate::protocol::Monitor;
use crate::reader::Reader;
use crate::scenario::{Scenario, run_in};
use crate::strace::{Inject, Runner, SysCall};
use crate::world::Session;

/// The number of kills and reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Killed processes.
    pub kills: u32,
    /// Reads of the current link by the outside reader.
    pub reads: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} kills, {} reads from outside", self.kills, self.reads)
    }
}

/// Returns whether a kill shows the fault of a manner: unsynced data is lost by a power cut only.
#[must_use]
pub const fn shows(manner: Manner) -> bool {
    matches!(manner, Manner::UnlinkFirst | Manner::TruncateInPlace)
}

/// Kills the node of a scenario before each of its calls that touch its directory, starts it again,
/// and judges S3 to S6, S8 and S12.
///
/// # Errors
///
/// The first violation, with the kill that shows it.
pub fn everywhere(runner: &Runner, home: &Path, manner: Manner, scenario: Scenario) -> Result<Tally, String> {
    let points = points(runner, home, manner, scenario)?;
    let mut tally = Tally::default();
    for call in &points {
        let reads = once(runner, home, (manner, scenario), call)
            .map_err(|why| format!("{}, killed before {call}: {why}", scenario.name()))?;
        tally.kills += 1;
        tally.reads += reads;
    }
    Ok(tally)
}

/// Returns the calls of an undisturbed run that touch the node's directory.
///
/// # Errors
///
/// The run ends without the expected result.
pub fn points(
    runner: &Runner,
    home: &Path,
    manner: Manner,
    scenario: Scenario,
) -> Result<Vec<SysCall>, String> {
    let (directory, mut session) = scenario.begin(home).map_err(|error| error.to_string())?;
    let traced = runner.run(&directory, manner, &mut session, &Inject::Nothing);
    let traced = traced.map_err(|error| error.to_string())?;
    if traced.ended.as_deref() != Some("at rest") {
        return Err(format!("undisturbed, it ended {:?}: {}", traced.ended, traced.stderr));
    }
    let node = home.join("node").display().to_string();
    Ok(traced.calls.into_iter().filter(|call| call.touches(&node)).collect())
}

fn once(
    runner: &Runner,
    home: &Path,
    (manner, scenario): (Manner, Scenario),
    call: &SysCall,
) -> Result<u64, String> {
    let (directory, mut session) = scenario.begin(home).map_err(|error| error.to_string())?;
    let reader = Reader::start(&directory);
    session.looks = Some(reader.looks());
    let outcome = killed(runner, &directory, manner, &mut session, call)
        .and_then(|()| take_from_there(&directory, manner, &mut session));
    let reads = reader.end()?;
    outcome.map(|()| reads)
}

fn killed(
    runner: &Runner,
    directory: &Path,
    manner: Manner,
    session: &mut Session,
    call: &SysCall,
) -> Result<(), String> {
    let inject = Inject::Kill(call.name.clone(), call.nth);
    let traced = runner.run(directory, manner, session, &inject).map_err(|error| error.to_string())?;
    let last = traced.calls.last().map(|last| (last.name.as_str(), last.nth));
    if !traced.killed || last != Some((call.name.as_str(), call.nth)) {
        return Err(format!("it was not killed there but ended {:?}: {}", traced.ended, traced.stderr));
    }
    if manner == Manner::Shipped {
        Monitor::watch(&directory.display().to_string(), &traced.calls)?;
    }
    judge::judge_raw(directory, session)?;
    if has_only_needed_files(session) { judge::judge_names(directory, false) } else { Ok(()) }
}

/// Returns whether the count of names is meaningful: a scenario that begins with stale files has
/// more names until the first rest.
fn has_only_needed_files(session: &Session) -> bool {
    session.rests > 0 || session.plane.requests() < 3
}

/// Starts a new node on the directory as the kill left it. The node must complete the script with
/// the same requests, and a second start must change nothing.
///
/// # Errors
///
/// The first violation.
pub fn take_from_there(directory: &Path, manner: Manner, session: &mut Session) -> Result<(), String> {
    let start = session.now;
    let (ended, disk) = run_in(directory, manner, session, start);
    if ended != Ended::AtRest || !session.is_through() {
        return Err(format!("S6: started again it ended {ended} after {}", session.report_text()));
    }
    drop(disk);
    at_rest(directory, session)?;
    let start = session.now;
    let (ended, disk) = run_in(directory, manner, session, start);
    if ended != Ended::AtRest {
        return Err(format!("S6: a second start ended {ended}"));
    }
    if let Some((command, _)) = disk.commands().iter().find(|(command, _)| DiskCommand::mutates(*command)) {
        return Err(format!("S6: a second start changes something: {command:?}"));
    }
    at_rest(directory, session)
}

/// Judges the directory and the server at the end of the script.
///
/// # Errors
///
/// The first violation.
pub fn at_rest(directory: &Path, session: &Session) -> Result<(), String> {
    judge::judge_raw(directory, session)?;
    judge::judge_names(directory, true)?;
    let (made, planned) = (session.plane.requests(), session.plane.planned());
    if made != planned || session.most_open > 1 {
        return Err(format!("S8: {made} requests rather than {planned}, {} open at once", session.most_open));
    }
    Ok(())
}
