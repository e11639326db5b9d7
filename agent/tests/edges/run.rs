//! Runs a cell: with the end of the fault, and with SIGTERM while it is present.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::agent::Agent;
use crate::bench::Bench;
use crate::cell::{Case, Cell, State, Under, World};
use crate::gate::Mode;
use crate::page;
use crate::redact::redact;

/// Longer than any step: the longest deadline of docs/limits.md is 28 s for a call, and a retry follows it.
const LONG: Duration = Duration::from_secs(60);
/// The limit for the end after SIGTERM: `TERMINATION` of `agent/src/cli/run.rs` is 700 ms, the flush of the log 250 ms. The rest
/// is for a machine that runs many cells on two cores.
const TERM: Duration = Duration::from_secs(4);
/// What a busy machine adds to a recovery.
const SLACK: Duration = Duration::from_secs(8);
/// The most bytes of a log: a fault causes no flood of lines.
const LOG: usize = 64 << 10;

/// The measured half of a row.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) message: String,
    pub(crate) behaviour: String,
    pub(crate) status: String,
    pub(crate) recovery: String,
    pub(crate) exit: String,
}

/// Times of one cell, for the summary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) recovery: Duration,
    pub(crate) term: Duration,
}

/// Runs a cell: its row, or what is wrong.
pub(crate) async fn run(cell: &Cell) -> Result<(Row, Times), String> {
    let case = cell.case();
    let (mut row, mut times) = (Row::default(), Times::default());
    match case.under {
        Under::Exits(_) => exits(cell, &mut row).await?,
        Under::Works => terminated(cell, &mut row, &mut times).await?,
        Under::Waits if case.bound.is_zero() => {
            terminated(cell, &mut row, &mut times).await?;
            row.recovery = case.remedy.into();
        }
        Under::Waits => {
            let mut other = Row::default();
            let mut recovery = Times::default();
            let (term, back) = tokio::join!(
                terminated(cell, &mut row, &mut times),
                recovers(cell, &mut other, &mut recovery)
            );
            term.and(back)?;
            times.recovery = recovery.recovery;
            row.recovery = other.recovery;
            if row.message != other.message {
                return Err(format!("two runs differ: {:?} and {:?}", row.message, other.message));
            }
        }
    }
    Ok((row, times))
}

/// Makes the fault, and waits until the agent has met it.
async fn meet(cell: &Cell, row: &mut Row) -> Result<World, String> {
    let case = cell.case();
    let bench = Bench::new(case.state, case.by_name).await;
    let mut world = World { bench, agent: None, held: Vec::new() };
    let early = matches!(case.state, State::Start | State::Restart);
    if early {
        (case.make)(&mut world);
        world.gate.settled().await;
    }
    start(case, &mut world);
    if !early {
        ready(case, &mut world).await?;
        if case.state == State::Waiting {
            world.gate.set(Mode::Open);
        }
        (case.make)(&mut world);
        world.gate.settled().await;
        // Only later lines count.
        world.agent.as_mut().expect("it was started").log.clear();
        if case.state == State::Live {
            world.running().signal(Signal::USR1);
        }
    }
    if let Under::Exits(_) = case.under {
        return Ok(world);
    }
    if let Some(reason) = case.blind {
        row.message = until_valid(case, &world, reason).await?;
    } else {
        hear(case, &mut world).await?;
        row.message = message(&world, case.sign)?;
    }
    row.behaviour = match case.under {
        Under::Works => "continues".into(),
        Under::Waits | Under::Exits(_) => "continues, tries again".into(),
    };
    row.status = settled_status(cell, &world).await?;
    Ok(world)
}

/// The status during the fault. A busy agent may still be on its way to it: it has [`LONG`] to become that of the page.
///
/// A row that the page does not have is of a new cell: it has three seconds to become VALID.
async fn settled_status(cell: &Cell, world: &World) -> Result<String, String> {
    let case = cell.case();
    let begun = Instant::now();
    let of_page = page::status(cell);
    loop {
        let (word, _) = status(case, world).await?;
        let is_over = match &of_page {
            Some(wanted) => word == *wanted || begun.elapsed() > LONG,
            None => {
                word.starts_with("VALID")
                    || case.under != Under::Works
                    || begun.elapsed() > Duration::from_secs(3)
            }
        };
        if is_over {
            return Ok(word);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits for the lines of the log.
async fn hear(case: &Case, world: &mut World) -> Result<(), String> {
    let well = case.well.unwrap_or_else(|| case.state.well());
    let mut wanted: Vec<&str> = [case.sign].into_iter().filter(|sign| !sign.is_empty()).collect();
    if case.under == Under::Works {
        wanted.push(well);
    }
    let agent = world.agent.as_mut().expect("it was started");
    let begun = Instant::now();
    while let Some(text) = wanted.first().copied() {
        if !agent.log.contains(text) {
            let left = LONG.saturating_sub(begun.elapsed());
            if agent.line_within(text, left).await.is_none() {
                return Err(format!("no line with {text:?}:\n{}", agent.log));
            }
        }
        wanted.remove(0);
    }
    Ok(())
}

/// Waits until `certrotate status` says that the certificate is valid and the log has the fault: why lines are lost.
async fn until_valid(case: &Case, world: &World, reason: &str) -> Result<String, String> {
    let begun = Instant::now();
    loop {
        let (word, value) = status(case, world).await?;
        let agent = &value["agent"];
        let stuck = agent["stuck_log_lines"].as_u64().is_some_and(|lines| lines > 0);
        let fault = if stuck { "the log is stuck" } else { agent["log_fault"].as_str().unwrap_or_default() };
        let is_valid = matches!(value["verdict"].as_str(), Some("valid" | "degraded"));
        if is_valid && fault == reason {
            return Ok(if fault.is_empty() { String::new() } else { format!("in status: {fault}") });
        }
        if begun.elapsed() > LONG {
            return Err(format!("{word}: {value}"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn start(case: &Case, world: &mut World) {
    let mut command = world.command(case.launch, case.by_name);
    for (name, value) in case.environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    world.agent = Some(Agent::start(command));
}

/// Waits until a healthy agent is in the state.
async fn ready(case: &Case, world: &mut World) -> Result<(), String> {
    if case.state == State::Pending {
        let mut changes = world.plane.changes();
        let created = changes.wait_for(|_| world.plane.stats().csrs_created > 0);
        tokio::time::timeout(LONG, created)
            .await
            .map_err(|_| "no request".to_owned())?
            .map_err(|_| "no plane")?;
        return Ok(());
    }
    let text = if case.state == State::Waiting { "cannot be reached" } else { "serving" };
    let agent = world.agent.as_mut().expect("it was started");
    match agent.line_within(text, LONG).await {
        Some(_) => Ok(()),
        None => Err(format!("not in its state:\n{}", agent.log)),
    }
}

/// Asserts the rules of every cell: a short log without a panic, the token or a key.
fn sound(world: &World) -> Result<(), String> {
    let log = &world.running().log;
    let secret = world.plane.bootstrap_token().split_once('.').expect("it has two parts").1;
    for (text, what) in
        [("panicked", "a panic"), ("is a bug", "a bug"), (secret, "the token"), ("PRIVATE KEY", "a key")]
    {
        if log.contains(text) {
            return Err(format!("{what} is in the log:\n{log}"));
        }
    }
    if log.len() > LOG {
        return Err(format!("{} bytes of log:\n{log:.2000}", log.len()));
    }
    Ok(())
}

async fn terminated(cell: &Cell, row: &mut Row, times: &mut Times) -> Result<(), String> {
    let case = cell.case();
    let mut world = meet(cell, row).await?;
    let agent = world.agent.as_mut().expect("it was started");
    let Some((status, took)) = agent.terminate(TERM).await else {
        return Err(format!("it did not end within {TERM:?} of SIGTERM:\n{}", agent.log));
    };
    times.term = took;
    row.exit = exit_text(status);
    row.recovery = "–".into();
    if status.code() != Some(0) {
        return Err(format!("{status} after SIGTERM:\n{}", agent.log));
    }
    if case.blind.is_none() {
        row.message = message(&world, case.sign)?;
    }
    sound(&world)
}

async fn recovers(cell: &Cell, row: &mut Row, times: &mut Times) -> Result<(), String> {
    let case = cell.case();
    let mut world = meet(cell, row).await?;
    world.held.clear();
    let begun = Instant::now();
    (case.mend)(&mut world);
    let well = case.well.unwrap_or_else(|| case.state.well());
    let agent = world.agent.as_mut().expect("it was started");
    if agent.line_within(well, case.bound + SLACK).await.is_none() {
        return Err(format!("no line with {well:?} {:?} after the fault:\n{}", begun.elapsed(), agent.log));
    }
    times.recovery = begun.elapsed();
    row.recovery = format!("{} s{}", case.bound.as_secs(), case.remedy);
    sound(&world)
}

/// The agent exits because of the fault, and a start after the fault succeeds.
async fn exits(cell: &Cell, row: &mut Row) -> Result<(), String> {
    let case = cell.case();
    let mut world = meet(cell, row).await?;
    let agent = world.agent.as_mut().expect("it was started");
    let Some(status) = agent.end(LONG).await else {
        return Err(format!("it did not exit:\n{}", agent.log));
    };
    if !status.code().is_some_and(|code| case.under == Under::Exits(code)) {
        return Err(format!("{status}:\n{}", agent.log));
    }
    sound(&world)?;
    row.message = message(&world, case.sign)?;
    if row.message.is_empty() && !case.sign.is_empty() {
        return Err(format!("no line with {:?}:\n{}", case.sign, world.running().log));
    }
    row.behaviour = "exits".into();
    (row.status, row.exit) = ("–".into(), exit_text(status));
    world.held.clear();
    (case.mend)(&mut world);
    start(&Case { launch: crate::bench::Launch::USUAL, environment: &[], ..case.clone() }, &mut world);
    let agent = world.agent.as_mut().expect("it was started");
    if agent.line_within("certificate 1 is live", LONG).await.is_none() {
        return Err(format!("a start after the fault fails:\n{}", agent.log));
    }
    row.recovery = "next start".into();
    Ok(())
}

fn exit_text(status: std::process::ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => code.to_string(),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    }
}

/// The line of the fault, without what differs from run to run; empty if there is none.
///
/// # Errors
///
/// Two different lines have the sign: which of them comes first may differ from run to run.
fn message(world: &World, sign: &str) -> Result<String, String> {
    let lines = world.running().log.lines().filter(|line| !sign.is_empty() && line.contains(sign));
    let lines: BTreeSet<String> = lines.map(|line| usual(world, line)).collect();
    if lines.len() > 1 {
        return Err(format!("{sign:?} is in more than one kind of line: {lines:#?}"));
    }
    Ok(lines.into_iter().next().unwrap_or_default())
}

/// The line without what differs from run to run.
fn usual(world: &World, line: &str) -> String {
    let (dir, gate) = (world.dir.path().display().to_string(), world.gate.address);
    let (host, port) = (gate.to_string(), format!(":{}", gate.port()));
    let plane = world.plane.address().to_string();
    let names = [
        (dir.as_str(), "DIR"),
        (host.as_str(), "ADDRESS"),
        (plane.as_str(), "ADDRESS"),
        (port.as_str(), ":PORT"),
    ];
    let line = redact(line, &names);
    let mut before = "";
    let words = line.split(' ').map(|word| {
        let names_number = matches!(std::mem::replace(&mut before, word), "process" | "(user");
        let bare = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
        if bare.len() == 20 && bare.starts_with("20") && bare.ends_with('Z') {
            word.replace(bare, "TIME")
        } else if names_number && bare.starts_with(|letter: char| letter.is_ascii_digit()) {
            word.replace(bare, "NUMBER")
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The word and the exit status of `certrotate status` while the fault is present, and the object.
async fn status(case: &Case, world: &World) -> Result<(String, Value), String> {
    let (program, cert_dir) = (env!("CARGO_BIN_EXE_certrotate"), case.launch.cert_dir);
    let args = [program, "status", "--json", "--cert-dir", cert_dir, "--bootstrap-kubeconfig", "boot"];
    let mut command = world.inside(world.running(), &args);
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = tokio::time::timeout(LONG, output).await.map_err(|_| "status hangs")?;
    let output = output.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let code = output.status.code().ok_or_else(|| format!("status ended with {}", output.status))?;
    let value = serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default();
    let word = value["verdict"].as_str().unwrap_or("none");
    let word = if value.is_null() { "no answer".into() } else { word.to_uppercase() };
    Ok((format!("{word} ({code})"), value))
}
