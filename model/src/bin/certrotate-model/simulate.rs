//! `certrotate-model simulate`.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use certrotate_core::config::ConfigSpec;
use certrotate_model::World;
use certrotate_model::invariants::Violation;
use certrotate_model::marks::{Marks, SITUATIONS};
use certrotate_model::random::Random;
use certrotate_model::scenario::{MOST_TRANSITIONS, marked, wrong};
use certrotate_model::simulate::{self, Plan};
use certrotate_model::world::Driver;
use serde_json::{Map, Value, json};

use crate::engine::{Common, Found, Outcome, caught, driver};
use crate::output::{self, Output, Usage, number};
use crate::progress::{Meter, Progress};

/// The violation reported when a seed plays differently the second time.
const TWICE: Violation = Violation { id: "S15", sentence: "a seed plays the same twice" };

/// Play random scenarios with all faults on; then the world heals and the node must converge
///
/// Each seed draws a setup, which half of the faults it leaves out, how often the others come,
/// and --transitions transitions. All invariants are checked after every step. In the end everything heals,
/// and the node must converge, renew in time and start again unchanged. A violation is
/// shortened, kept as a scenario file, and shown.
///
/// Bound: --runs seeds, or --seconds. It is a search at random: that nothing was found proves
/// nothing, but the report says which faults and situations were met, and how often.
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Example: a minute on two cores, then one run of it again with its trace
  certrotate-model simulate --seed 1 --seconds 60 --threads 2
  certrotate-model simulate --seed 17 --runs 1 --trace run.jsonl"
)]
pub(crate) struct Args {
    /// The first seed; the others follow [default: from the clock, and printed]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// How many seeds [default: 10000, or without end if there are --seconds]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    runs: Option<u64>,
    /// Transitions of a run before everything heals
    #[arg(long, value_name = "N", default_value_t = 200,
        value_parser = clap::value_parser!(u64).range(0..=MOST_TRANSITIONS as u64))]
    transitions: u64,
    /// Threads, each with seeds of its own
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=256))]
    threads: u64,
    /// Play each seed twice and compare
    #[arg(long)]
    double: bool,
    /// With --runs 1: write its trace, JSON Lines: a header a process, a record a step
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Let the driver be faulty on purpose, as skips-directory-syncs is; `?` lists them
    #[arg(long, value_name = "NAME", default_value = "correct", value_parser = driver)]
    driver: Driver,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What all threads share.
struct Shared {
    plan: Plan,
    runs: Option<u64>,
    double: bool,
    driver: Driver,
    next: AtomicU64,
    done: AtomicU64,
    stop: AtomicBool,
    sum: Mutex<Sum>,
}

#[derive(Default)]
struct Sum {
    runs: u64,
    steps: u64,
    marks: Marks,
    /// The lowest seed that failed, so that the answer does not depend on the threads.
    found: Option<(u64, Violation)>,
}

/// Plays the seeds.
pub(crate) fn run(args: &Args, meter: &mut Meter, out: Output) -> Result<Outcome, Usage> {
    let seed = args.seed.unwrap_or_else(seed_from_clock);
    let runs = args.runs.or(args.common.seconds.is_none().then_some(10_000));
    let plan = Plan { seed, transitions: args.transitions as usize };
    if let Some(path) = &args.trace {
        if runs != Some(1) {
            return Err(Usage(
                "--trace writes one run; add --runs 1, and --seed for the one you mean".into(),
            ));
        }
        write_trace(path, plan, args.driver).map_err(|error| {
            Usage(format!("{} cannot be written: {error}; choose another --trace", path.display()))
        })?;
    }
    // Before anything else, for a run that is killed.
    out.line(format_args!(
        "seeds from {seed}, {} transitions each, driver {}",
        plan.transitions, args.driver
    ));
    let (next, done, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let shared = Shared {
        plan,
        runs,
        double: args.double,
        driver: args.driver,
        next,
        done,
        stop,
        sum: Mutex::default(),
    };
    let threads = args.threads.min(runs.unwrap_or(u64::MAX));
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| worker(&shared, |_| true));
        }
        worker(&shared, |done| meter.go_on(Progress { done, all: runs, unit: "runs" }));
    });
    let seconds = meter.elapsed().as_secs_f64();
    let sum = shared.sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(outcome(&sum, args, plan, runs, seconds))
}

fn seed_from_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Short enough to be read aloud.
    Random::new(since.as_nanos() as u64).below(1 << 32)
}

/// Takes one seed after the other; between them, `go_on` gets the number that all have done.
fn worker(shared: &Shared, mut go_on: impl FnMut(u64) -> bool) {
    let mut mine = Sum::default();
    while !shared.stop.load(Ordering::Relaxed) {
        if !go_on(shared.done.load(Ordering::Relaxed)) {
            shared.stop.store(true, Ordering::Relaxed);
            break;
        }
        let nth = shared.next.fetch_add(1, Ordering::Relaxed);
        if shared.runs.is_some_and(|runs| nth >= runs) {
            break;
        }
        let seed = shared.plan.seed.wrapping_add(nth);
        if let Some(violation) = play(shared, seed, &mut mine) {
            mine.found = Some((nth, violation));
            shared.stop.store(true, Ordering::Relaxed);
        }
        shared.done.fetch_add(1, Ordering::Relaxed);
    }
    let mut sum = shared.sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    sum.runs += mine.runs;
    sum.steps += mine.steps;
    sum.marks.add(&mine.marks);
    sum.found = sum.found.into_iter().chain(mine.found).min_by_key(|(nth, _)| *nth);
}

fn play(shared: &Shared, seed: u64, sum: &mut Sum) -> Option<Violation> {
    let scenario = simulate::scenario(seed, shared.plan.transitions);
    let play = || {
        caught(|| {
            let change = |spec: &mut ConfigSpec, world: &mut World| {
                marked(spec, world);
                wrong(shared.driver)(spec, world);
            };
            scenario.play_in(change, true)
        })
    };
    sum.runs += 1;
    let played = match play() {
        Ok(played) => played,
        Err(violation) => return Some(violation),
    };
    sum.steps += played.world.steps;
    if let Some(marks) = &played.world.marks {
        sum.marks.add(marks);
    }
    if shared.double {
        let same = play().is_ok_and(|again| {
            (again.digest, again.world.steps, again.world.violation)
                == (played.digest, played.world.steps, played.world.violation)
        });
        if !same {
            return Some(TWICE);
        }
    }
    played.world.violation
}

fn outcome(sum: &Sum, args: &Args, plan: Plan, runs: Option<u64>, elapsed: f64) -> Outcome {
    let Plan { seed, transitions } = plan;
    let threads = args.threads.min(runs.unwrap_or(u64::MAX));
    let seconds = elapsed * threads as f64;
    let marks = &sum.marks;
    let rate = |count: u64| number((count as f64 / seconds) as u64);
    let share = 100.0 * marks.fair as f64 / marks.runs.max(1) as f64;
    let met = marks.situations.iter().filter(|count| **count > 0).count();
    let mut lines = vec![
        format!("runs       {} in {elapsed:.1} s, threads: {threads}", number(sum.runs)),
        format!("steps      {}, {}/s per core", number(sum.steps), rate(sum.steps)),
        format!(
            "rotations  {}, {}/s per core; {} identities went live",
            number(marks.rotations),
            rate(marks.rotations),
            number(marks.live)
        ),
        format!("fairness   {share:.1} % of runs met its premise before they healed"),
        format!("faults met {}", marks.faults.len()),
    ];
    lines.extend(marks.faults.iter().map(|(name, count)| format!("  {:>12}  {name}", number(*count))));
    lines.push(format!("situations met {met} of {}", SITUATIONS.len()));
    let situations = || marks.situations.iter().zip(SITUATIONS.map(|(name, _)| name));
    lines.extend(situations().map(|(count, name)| format!("  {:>12}  {name}", number(*count))));
    let value = json!({
        "seed": seed,
        "transitions": transitions,
        "driver": args.driver.to_string(),
        "threads": threads,
        "runs": sum.runs,
        "steps": sum.steps,
        "steps_per_second_per_core": (sum.steps as f64 / seconds).round(),
        "rotations": marks.rotations,
        "rotations_per_second_per_core": (marks.rotations as f64 / seconds).round(),
        "live": marks.live,
        "fair_runs": marks.fair,
        "faults": marks.faults,
        "situations": situations().map(|(count, name)| (name.to_owned(), json!(count))).collect::<Map<_, _>>(),
    });
    let fields = match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let found = sum.found.map(|(nth, violation)| {
        let seed = seed.wrapping_add(nth);
        Found {
            violation,
            scenario: simulate::scenario(seed, transitions),
            driver: args.driver,
            by: format!("seed {seed}"),
        }
    });
    Outcome { complete: runs.is_none_or(|runs| sum.runs >= runs), lines, fields, found, failed: false }
}

fn write_trace(path: &Path, plan: Plan, driver: Driver) -> std::io::Result<()> {
    let scenario = simulate::scenario(plan.seed, plan.transitions);
    let recorded = scenario.play_in(
        |_, world| {
            (world.traces, world.driver) = (Some(Vec::new()), driver);
        },
        true,
    );
    output::write_trace(path, recorded.world.traces.iter().flatten())
}
