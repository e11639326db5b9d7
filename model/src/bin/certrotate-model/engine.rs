//! What all engines have in common: their bounds, and their final report.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use certrotate_model::disk::image::Profile;
use certrotate_model::invariants::Violation;
use certrotate_model::reduce::reduce;
use certrotate_model::scenario::text::from_hex;
use certrotate_model::scenario::{Played, Scenario, Setup, wrong};
use certrotate_model::world::Driver;
use serde_json::{Map, Value, json};

use crate::output::{Exit, Output, Usage};
use crate::progress::{Meter, Progress, Stopped};

/// The violation reported when a panic ends a run.
pub(crate) const PANIC: Violation =
    Violation { id: "S15", sentence: "every phase takes every input: nothing panics" };

/// Flags of every engine.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// Stop after so many seconds
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<u64>,
    /// Stop with what there is when the process has so many MiB resident
    #[arg(long, value_name = "MiB", default_value_t = 8192)]
    memory: u64,
    /// Where to keep the scenario of a violation
    #[arg(long, value_name = "DIR", default_value = "target/found")]
    out: PathBuf,
    /// Print one JSON object as the last line on standard output; words go to standard error
    #[arg(long)]
    pub(crate) json: bool,
}

/// The result of an engine run.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Whether all requested work was done; an engine that its [`Meter`] stopped need not say so.
    pub(crate) complete: bool,
    /// For people.
    pub(crate) lines: Vec<String>,
    /// For programs.
    pub(crate) fields: Map<String, Value>,
    /// The violation found.
    pub(crate) found: Option<Found>,
    /// Whether it failed without a scenario to show for it.
    pub(crate) failed: bool,
}

/// Something that does not hold, and how to get there.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) violation: Violation,
    pub(crate) scenario: Scenario,
    /// In whose world.
    pub(crate) driver: Driver,
    /// What it was found by: a seed, a state.
    pub(crate) by: String,
}

/// Runs an engine and reports its outcome.
pub(crate) fn run(
    command: &str,
    common: &Common,
    stop: &Arc<AtomicBool>,
    engine: impl FnOnce(&mut Meter, Output) -> Result<Outcome, Usage>,
) -> Exit {
    let out = Output::new(common.json);
    let mut meter = Meter::new(common.seconds, common.memory, stop);
    let outcome = match engine(&mut meter, out) {
        Ok(outcome) => outcome,
        Err(usage) => {
            meter.clear();
            return out.usage(&usage);
        }
    };
    meter.clear();
    let seconds = meter.elapsed().as_secs_f64();
    let partial = matches!(meter.stopped, Some(Stopped::Memory | Stopped::Interrupted));
    let held = outcome.found.is_none() && !outcome.failed;
    let complete = outcome.complete && held && !partial;
    let ended = match (held, meter.stopped) {
        (false, _) => "violated",
        (true, Some(stopped)) => stopped.word(),
        (true, None) => "done",
    };
    for line in &outcome.lines {
        out.line(line);
    }
    match meter.stopped {
        Some(Stopped::Memory) => out.line(format_args!(
            "stopped: {} MiB resident, and --memory allows {}; what is above is partial",
            meter.resident, common.memory
        )),
        Some(Stopped::Interrupted) => out.line("stopped by a signal; what is above is partial"),
        Some(Stopped::Seconds) | None => {}
    }
    let mut fields = Map::new();
    fields.insert("command".into(), command.into());
    fields.insert("outcome".into(), if held { "held" } else { "violated" }.into());
    fields.insert("complete".into(), complete.into());
    fields.insert("ended".into(), ended.into());
    fields.insert("elapsed_seconds".into(), json!((seconds * 1000.0).round() / 1000.0));
    fields.extend(outcome.fields);
    if let Some(found) = &outcome.found {
        fields.insert("violation".into(), report(found, command, &common.out, &mut meter, out));
    }
    out.line(match (held, complete) {
        (false, _) => "VIOLATED",
        (true, true) => "held",
        (true, false) => "held so far",
    });
    out.json(|| Value::Object(fields));
    if held { Exit::Held } else { Exit::Violated }
}

/// Plays a scenario; a panic in it is a violation like any other.
pub(crate) fn caught(play: impl FnOnce() -> Played) -> Result<Played, Violation> {
    catch_unwind(AssertUnwindSafe(play)).map_err(|_| PANIC)
}

/// Says that a run ended with a panic.
pub(crate) fn panicked(command: &str, out: Output) -> Exit {
    out.line(format_args!("\nVIOLATED {PANIC}"));
    let violation = json!({ "id": PANIC.id, "sentence": PANIC.sentence });
    out.json(
        || json!({ "command": command, "outcome": "violated", "complete": false, "violation": violation }),
    );
    Exit::Violated
}

/// Makes the scenario short, keeps it, and says everything about it.
fn report(found: &Found, command: &str, folder: &Path, meter: &mut Meter, out: Output) -> Value {
    let is_correct = found.driver == Driver::Correct;
    let flags = if is_correct { String::new() } else { format!("--driver {}", found.driver) };
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut tries = 0;
    let short = reduce(&found.scenario, |candidate| {
        tries += 1;
        meter.stopped = None;
        meter.go_on(Progress { done: tries, all: None, unit: "scenarios tried to make it short" });
        if meter.is_interrupted() && tries > 1 {
            return None;
        }
        match caught(|| candidate.play_in(wrong(found.driver), true)) {
            Ok(played) => Some((played.world.violation?, played.transitions)),
            Err(violation) => Some((violation, candidate.transitions.len())),
        }
    });
    meter.clear();
    let text =
        catch_unwind(AssertUnwindSafe(|| short.failure_in(&found.violation, &flags, wrong(found.driver))));
    std::panic::set_hook(hook);
    let text = text.unwrap_or_else(|_| format!("{}\n{short}{}", found.violation, short.command(&flags)));
    out.line(format_args!(
        "\nfound by {}, {} of its {} transitions are enough\n\n{text}",
        found.by,
        short.transitions.len(),
        found.scenario.transitions.len()
    ));
    let by: String = found.by.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '-' }).collect();
    let path = folder.join(format!("{}-{command}-{by}.scenario", found.violation.id));
    let why =
        format!("{}\nfound by {command}, {}, with the driver {}", found.violation, found.by, found.driver);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, short.to_text(&why)));
    match &written {
        Ok(()) => out.line(format_args!("kept as {}", path.display())),
        Err(error) => out.line(format_args!(
            "{} could not be written ({error}); choose a place with --out, or keep the bytes above",
            path.display()
        )),
    }
    json!({
        "id": found.violation.id,
        "sentence": found.violation.sentence,
        "by": found.by,
        "hex": short.hex(),
        "transitions": short.transitions.len(),
        "file": written.ok().map(|()| path.display().to_string()),
    })
}

/// The driver of that name.
pub(crate) fn driver(name: &str) -> Result<Driver, String> {
    let names = || Driver::ALL.map(|it| it.to_string()).join(", ");
    Driver::ALL.into_iter().find(|it| it.to_string() == name).ok_or_else(|| format!("there are {}", names()))
}

/// The profile of that name.
pub(crate) fn profile(name: &str) -> Result<Profile, String> {
    let names = || Profile::ALL.map(|it| it.to_string()).join(", ");
    Profile::ALL.into_iter().find(|it| it.to_string() == name).ok_or_else(|| format!("there are {}", names()))
}

/// The setup that two bytes in hexadecimal mean.
pub(crate) fn setup(hex: &str) -> Result<Setup, Usage> {
    let refused = || Usage(format!("--setup {hex} is not two bytes in hexadecimal; 8001 is"));
    match from_hex(hex).ok_or_else(refused)?[..] {
        [choice, seed] => Ok(Setup::decode(choice, seed)),
        _ => Err(refused()),
    }
}
