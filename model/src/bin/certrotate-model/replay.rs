//! `certrotate-model replay`.

mod diff;
mod source;

use std::path::PathBuf;

use certrotate_core::rotator::Rotator;
use certrotate_core::trace::TraceRecord;
use certrotate_model::disk::image::Profile;
use certrotate_model::replay::{Differs, Found, Replay, Run, line, start, walk};
use certrotate_model::scenario::{Setup, wrong};
use certrotate_model::transition::Transition;
use certrotate_model::world::Driver;
use certrotate_model::{World, brief, show};
use serde_json::{Value, json};

use crate::engine::{driver, profile};
use crate::output::{Exit, Output, Usage};
use crate::replay::source::{Form, Source};

/// Step through a scenario, a fuzz input, a seed or a trace
///
/// Prints for each step the time since the beginning (and how far the wall clock is off), the
/// phase that the input met, the input, what became of it if it was ignored, and the actions.
/// A scenario is played in the whole simulated world and heals in the end; a trace is given to
/// the machine alone, up to where it does otherwise than was recorded.
///
/// Bound: the transitions that are given. Exit status 1 also where a trace differs from the machine,
/// or the two runs of --diff from each other.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, group(clap::ArgGroup::new("source").required(true).args(["file", "hex", "seed"])), after_help = "\
Examples: a failure's bytes; a seed up to a step, and the world then; two runs
  certrotate-model replay --hex 80010003
  certrotate-model replay --seed 17 --until 40 --state --images
  certrotate-model replay before.scenario --diff after.scenario")]
pub(crate) struct Args {
    /// A scenario as text, a trace as JSON Lines, or raw bytes: how it begins tells which
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// A scenario's bytes in hexadecimal
    #[arg(long, value_name = "BYTES")]
    hex: Option<String>,
    /// The scenario that the simulator draws from this seed
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// How many transitions it draws
    #[arg(long, value_name = "N", default_value_t = 200, requires = "seed",
        value_parser = clap::value_parser!(u64).range(0..=certrotate_model::scenario::MOST_TRANSITIONS as u64))]
    transitions: u64,
    /// What FILE is, where its beginning misleads
    #[arg(long = "as", value_name = "FORM", value_enum)]
    form: Option<Form>,
    /// Stop after this step
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    until: Option<u64>,
    /// Print machine, disk and server as they are then
    #[arg(long)]
    state: bool,
    /// List what a power cut may leave of the disk then
    #[arg(long)]
    images: bool,
    /// The file system of --images: alice, ext4-ordered, xfs, btrfs, process-crash-only
    #[arg(long, value_name = "NAME", default_value = "alice", value_parser = profile)]
    profile: Profile,
    /// Compare with another run: a file, hex:BYTES or seed:S
    #[arg(long, value_name = "OTHER")]
    diff: Option<String>,
    /// Let the driver be faulty on purpose, as simulate does
    #[arg(long, value_name = "NAME", default_value = "correct", value_parser = driver)]
    driver: Driver,
    /// Print one JSON object as the last line on standard output; words go to standard error
    #[arg(long)]
    pub(crate) json: bool,
}

/// A run, ready to be looked at.
pub(crate) struct Told {
    /// How it begins, where a scenario says so.
    setup: Option<Setup>,
    runs: Vec<Run>,
    transitions: Vec<(u64, Option<Transition>)>,
    /// The world at the stop; a trace has none.
    world: Option<World>,
    violation: Option<Found>,
}

impl Told {
    fn of(source: Source, driver: Driver, until: Option<u64>) -> Self {
        match source {
            Source::Trace(runs) => {
                Self { setup: None, runs, transitions: Vec::new(), world: None, violation: None }
            }
            Source::Scenario(scenario) => {
                let Replay { runs, transitions, world, violation, .. } =
                    Replay::of_scenario(&scenario, wrong(driver), true, until);
                Self { setup: Some(scenario.setup), runs, transitions, world: Some(world), violation }
            }
        }
    }

    fn steps(&self) -> u64 {
        self.runs.iter().map(|(_, records)| records.len() as u64).sum()
    }

    /// The state at the stop, in words: of the world, or of the machine alone.
    fn state(&self, last: Option<&(Rotator, TraceRecord)>) -> String {
        match (&self.world, last) {
            (Some(world), _) => show::world(world, start(&self.runs)),
            (None, Some((machine, record))) => show::machine(machine, record.now),
            (None, None) => String::new(),
        }
    }
}

/// Replays.
pub(crate) fn run(args: &Args, out: &Output) -> Result<Exit, Usage> {
    let source = match (&args.file, &args.hex, args.seed) {
        (Some(path), ..) => source::file(path, args.form)?,
        (_, Some(digits), _) => source::hex(digits)?,
        (.., seed) => source::seed(seed.unwrap_or_default(), args.transitions as usize),
    };
    let told = Told::of(source, args.driver, args.until);
    if let Some(until) = args.until.filter(|until| *until > told.steps()) {
        return Err(Usage(format!("there is no step {until}, the last is {}; lower --until", told.steps())));
    }
    if args.images && told.world.is_none() {
        return Err(Usage("a trace has no disk to cut; give --images with a scenario".into()));
    }
    if let Some(other) = &args.diff {
        let other = Told::of(source::named(other, args.transitions as usize)?, args.driver, args.until);
        return diff::run(&told, &other, *out);
    }
    let mut last = None;
    let walked = tell(&told, args.until, *out, &mut last);
    let steps = last.as_ref().map_or(0, |(step, ..)| *step);
    let last = last.map(|(_, machine, record)| (machine, record));
    if args.state {
        out.line(format_args!("\n{}", told.state(last.as_ref()).trim_end()));
    }
    if let (true, Some(world)) = (args.images, &told.world) {
        out.line(format_args!("\n{}", show::images(&world.disk, args.profile).trim_end()));
    }
    let outcome = verdict(&told, args.until, walked, *out)?;
    out.json(|| {
        json!({
            "command": "replay",
            "outcome": outcome,
            "complete": args.until.is_none(),
            "seed": args.seed,
            "steps": steps,
            "runs": told.runs.len(),
            "violation": told.violation.map(|it| json!({
                "id": it.violation.id, "sentence": it.violation.sentence, "step": it.step,
            })),
            "digest": last.as_ref().map(|(machine, _)| format!("{:016x}", machine.digest())),
        })
    });
    Ok(if outcome == "held" { Exit::Held } else { Exit::Violated })
}

/// Prints every step, with what happened before it.
fn tell(
    told: &Told,
    until: Option<u64>,
    out: Output,
    last: &mut Option<(u64, Rotator, TraceRecord)>,
) -> Result<(), Differs> {
    let begins = start(&told.runs);
    let mut transitions = told.transitions.iter().enumerate().peekable();
    if let Some(setup) = told.setup {
        out.line(format_args!("-- {setup}"));
    }
    walk(&told.runs, |step| {
        while let Some((index, (_, transition))) = transitions.next_if(|(_, (before, _))| *before < step.step)
        {
            happens(index, *transition, out);
        }
        if let Some(header) = step.header {
            out.line(format_args!("-- process {} starts", header.run.0));
        }
        out.line(line(step.step, begins, step.before, step.record));
        *last = Some((step.step, step.after.clone(), step.record.clone()));
        until != Some(step.step)
    })?;
    if until.is_none() {
        transitions.for_each(|(index, (_, transition))| happens(index, *transition, out));
    }
    Ok(())
}

fn happens(index: usize, transition: Option<Transition>, out: Output) {
    match transition {
        Some(transition) => out.line(format_args!("-- transition {}: {transition:?}", index + 1)),
        None => out.line("-- the world heals"),
    }
}

/// Prints the result, and returns it as one word.
fn verdict(
    told: &Told,
    until: Option<u64>,
    walked: Result<(), Differs>,
    out: Output,
) -> Result<&'static str, Usage> {
    match walked {
        Err(Differs::Config(run, error)) => {
            Err(Usage(format!("the header of run {run} has a configuration that is not valid: {error}")))
        }
        Err(Differs::Step(step, records)) => {
            let (then, now) = *records;
            out.line(format_args!("\nstep {step} comes out otherwise than it was recorded"));
            out.line(format_args!("  recorded  {}", step_text(&then)));
            out.line(format_args!("  now       {}", step_text(&now)));
            Ok("differs")
        }
        Ok(()) => match &told.violation {
            Some(found) => {
                out.line(format_args!("\nVIOLATED {}\n  {}", found.violation, found.when()));
                Ok("violated")
            }
            None => {
                match until {
                    None => out.line("\nheld"),
                    Some(step) => out.line(format_args!("\nheld up to step {step}")),
                }
                Ok("held")
            }
        },
    }
}

fn step_text(record: &TraceRecord) -> String {
    let actions: Vec<String> = record.actions.iter().map(brief::action).collect();
    format!(
        "{}: {:?}, [{}], next tick {}, digest {:016x}",
        brief::input(&record.input),
        record.disposition,
        actions.join("; "),
        wake(record),
        record.digest
    )
}

fn wake(record: &TraceRecord) -> String {
    let wall = record.wake.wall.map(|wall| format!("{wall}"));
    let mono = record.wake.mono.map(|mono| format!("in {}", mono.since(record.now.mono)));
    wall.into_iter().chain(mono).collect::<Vec<_>>().join(" or ")
}

/// For [`diff`]: a violation as a value.
fn violation(found: Option<Found>) -> Value {
    found.map_or(Value::Null, |it| json!({ "id": it.violation.id, "step": it.step }))
}
