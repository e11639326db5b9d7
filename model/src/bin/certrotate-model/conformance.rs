//! `certrotate-model conformance`.

mod pipe;
mod protocol;

use std::path::PathBuf;
use std::time::Duration;

use certrotate_model::conformance::{Kit, Scenario};
use serde_json::json;

use crate::conformance::pipe::Program;
use crate::output::{self, Exit, Output, Usage};

/// Play scenarios with a driver in another process, and name the promise that it breaks
///
/// Starts PROGRAM once for each run of the driver, and speaks JSON Lines with it over its standard
/// input and output. docs/conformance.md has the protocol. The program acts on the kit's disk,
/// issuer, keys and clocks; the kit lets answers be late, lost, doubled or wrong, sets the clocks, and
/// kills the process between its operations.
///
/// Bound: the scenarios of the kit, each until its third certificate, and a deadline for each line.
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Examples: all scenarios; one of them with its trace, and the trace step by step
  certrotate-model conformance -- ./my-driver --quiet
  certrotate-model conformance --scenario suspend --trace run.jsonl -- python3 driver.py
  certrotate-model replay run.jsonl"
)]
pub(crate) struct Args {
    /// Play only the scenarios of this name; `?` lists them
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Write the steps of the last scenario here: JSON Lines, for `replay`
    #[arg(long, value_name = "FILE", default_value = "conformance.jsonl")]
    trace: PathBuf,
    /// The longest wait for a line of the program, in seconds
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    deadline: u64,
    /// Print a last line of JSON to standard output, and text to standard error
    #[arg(long)]
    pub(crate) json: bool,
    /// The driver: a program and its arguments
    #[arg(last = true, value_name = "PROGRAM")]
    program: Vec<String>,
}

/// Plays.
pub(crate) fn run(args: &Args, out: Output) -> Result<Exit, Usage> {
    let scenarios = chosen(args.scenario.as_deref())?;
    let Some((program, arguments)) = args.program.split_first() else {
        return Err(Usage("name the driver to be tested: certrotate-model conformance -- PROGRAM".into()));
    };
    let mut driver = Program::new(program, arguments, Duration::from_secs(args.deadline));
    let mut kit = Kit::default();
    let mut last = None;
    let (mut played, mut steps) = (0, 0);
    for scenario in &scenarios {
        let report = kit.play(scenario, &mut driver);
        if let Some(error) = driver.not_started() {
            return Err(Usage(format!("{program:?} cannot be started: {error}; give the path of a program")));
        }
        played += 1;
        steps += report.runs.iter().map(|(_, records)| records.len()).sum::<usize>();
        let is_broken = report.broken.is_some();
        last = Some(report);
        if is_broken {
            break;
        }
    }
    let broken = last.as_ref().and_then(|report| report.broken.as_ref());
    if let (Some(report), Some(broken)) = (&last, broken) {
        output::write_trace(&args.trace, &report.runs).map_err(|error| {
            Usage(format!("{} cannot be written: {error}; choose another --trace", args.trace.display()))
        })?;
        out.line(format_args!("scenario {}: BROKEN {broken}", report.scenario));
        out.line(format_args!("its steps: certrotate-model replay {}", args.trace.display()));
    } else {
        out.line(format_args!("{played} scenarios, {steps} steps: every promise was kept"));
    }
    out.json(|| {
        json!({
            "command": "conformance",
            "scenarios": played,
            "steps": steps,
            "scenario": last.as_ref().map(|report| report.scenario),
            "broken": broken.map(|broken| broken.promise.name()),
        })
    });
    Ok(if broken.is_some() { Exit::Violated } else { Exit::Held })
}

/// Returns the scenarios of this name, or all of them.
fn chosen(name: Option<&str>) -> Result<Vec<Scenario>, Usage> {
    let mut scenarios = Scenario::all();
    let Some(name) = name else { return Ok(scenarios) };
    let mut lines: Vec<String> =
        scenarios.iter().map(|it| format!("  {}: {}", it.name, it.sentence)).collect();
    lines.dedup();
    scenarios.retain(|it| it.name == name);
    if scenarios.is_empty() {
        return Err(Usage(format!("no scenario is named {name:?}; there are\n{}", lines.join("\n"))));
    }
    Ok(scenarios)
}
