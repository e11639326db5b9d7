//! `certrotate-model explore`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use certrotate_model::explore::{self, Bound, Report};
use certrotate_model::scenario::{Setup, wrong};
use certrotate_model::world::Driver;
use serde_json::{Map, Value, json};

use crate::engine::{Common, Found, Outcome, driver, setup};
use crate::output::{Output, Usage, number};
use crate::progress::{Meter, Progress};

/// The setups that are explored where none is given: certificates of a day, of an hour, with a
/// requested lifetime, and with the first one live.
const SETUPS: [&str; 4] = ["0000", "0100", "1000", "8000"];

/// Search every reachable world, breadth first, up to a bound
///
/// From every requested setup, whatever can happen does, in every world; worlds that go on
/// alike are visited once. The invariants are checked after every step, and from every world
/// everything heals and the node must converge; a fair cycle that makes no progress is searched for.
/// The violation found is one with as few transitions as possible.
///
/// Bound: at most --faults faults of any kind at any time, a power cut in every image that it may
/// leave, until --rotations identities went live. Within it nothing is left out. --states, --seconds
/// and --memory stop it before; then the result says so and is partial.
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Example: everything with up to two faults, from an empty directory to the first renewal
  certrotate-model explore --setup 0000 --faults 2 --rotations 2"
)]
pub(crate) struct Args {
    /// The most faults
    #[arg(long, value_name = "N", default_value_t = 2)]
    faults: u8,
    /// How many identities go live at the most
    #[arg(long, value_name = "N", default_value_t = 2)]
    rotations: u8,
    /// Stop after so many states
    #[arg(long, value_name = "N")]
    states: Option<u64>,
    /// The setup to begin with, two bytes in hexadecimal, again for more [default: 0000, 0100, 1000, 8000]
    #[arg(long, value_name = "HEX")]
    setup: Vec<String>,
    /// Do not heal the world in every state
    #[arg(long)]
    no_settling: bool,
    /// Setups that are explored at once, a thread each
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=256))]
    threads: u64,
    /// Let the driver be faulty on purpose, as skips-directory-syncs is; `?` lists them
    #[arg(long, value_name = "NAME", default_value = "correct", value_parser = driver)]
    driver: Driver,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What all threads share.
struct Shared<'a> {
    setups: &'a [Setup],
    args: &'a Args,
    next: AtomicUsize,
    stop: AtomicBool,
    reports: Mutex<Vec<(Setup, f64, Report)>>,
}

/// Searches.
pub(crate) fn run(args: &Args, meter: &mut Meter, out: Output) -> Result<Outcome, Usage> {
    let given: Vec<&str> = match &*args.setup {
        [] => SETUPS.to_vec(),
        given => given.iter().map(String::as_str).collect(),
    };
    let setups = given.iter().map(|hex| setup(hex)).collect::<Result<Vec<_>, _>>()?;
    out.line(format_args!(
        "setups {}; at most {} faults and {} identities; driver {}",
        given.join(", "),
        args.faults,
        args.rotations,
        args.driver
    ));
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let shared = Shared { setups: &setups, args, next, stop, reports: Mutex::default() };
    std::thread::scope(|scope| {
        for _ in 1..args.threads.min(setups.len() as u64) {
            scope.spawn(|| worker(&shared, |_| true));
        }
        worker(&shared, |done| meter.go_on(Progress { done, all: args.states, unit: "states" }));
    });
    let mut reports = shared.reports.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    reports.sort_by_key(|(setup, ..)| setup.encode());
    Ok(outcome(&reports, args, setups.len()))
}

/// Explores one setup after the other.
fn worker(shared: &Shared<'_>, mut go_on: impl FnMut(u64) -> bool) {
    let Args { faults, rotations, states, no_settling, driver, .. } = *shared.args;
    while let Some(setup) = shared.setups.get(shared.next.fetch_add(1, Ordering::Relaxed)) {
        let bound = Bound { setup: *setup, faults, rotations, settles: !no_settling };
        let begun = std::time::Instant::now();
        let report = explore::explore(
            bound,
            wrong(driver),
            |_| {},
            |progress| {
                if !go_on(progress.states) || states.is_some_and(|states| progress.states >= states) {
                    shared.stop.store(true, Ordering::Relaxed);
                }
                !shared.stop.load(Ordering::Relaxed)
            },
        );
        if report.found.is_some() {
            shared.stop.store(true, Ordering::Relaxed);
        }
        let mut reports = shared.reports.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        reports.push((*setup, begun.elapsed().as_secs_f64(), report));
    }
}

fn outcome(reports: &[(Setup, f64, Report)], args: &Args, setups: usize) -> Outcome {
    let hex = |setup: &Setup| setup.encode().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut lines = Vec::new();
    let (mut states, mut transitions, mut steps) = (0, 0, 0);
    for (setup, seconds, Report { progress, complete, .. }) in reports {
        let rate = |count: u64| number((count as f64 / seconds) as u64);
        let checked = progress.transitions + progress.settling;
        lines.push(format!(
            "setup {}  {} states, {} transitions, depth {}, in {seconds:.1} s: {} states/s, {} checked steps/s{}",
            hex(setup),
            number(progress.states),
            number(progress.transitions),
            progress.depth,
            rate(progress.states),
            rate(checked),
            if *complete { "; exhausted" } else { "" },
        ));
        states += progress.states;
        transitions += progress.transitions;
        steps += checked;
    }
    lines.push(format!("in all       {} states, {} checked steps", number(states), number(steps)));
    let value = json!({
        "faults": args.faults,
        "rotations": args.rotations,
        "driver": args.driver.to_string(),
        "states": states,
        "transitions": transitions,
        "checked_steps": steps,
        "setups": reports.iter().map(|(setup, seconds, report)| json!({
            "setup": hex(setup),
            "states": report.progress.states,
            "transitions": report.progress.transitions,
            "depth": report.progress.depth,
            "seconds": seconds,
            "exhausted": report.complete,
        })).collect::<Vec<_>>(),
    });
    let fields = match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let shortest = reports.iter().filter_map(|(.., report)| report.found.as_ref());
    let found = shortest.min_by_key(|(scenario, _)| scenario.transitions.len());
    let found = found.map(|(scenario, violation)| Found {
        violation: *violation,
        scenario: scenario.clone(),
        driver: args.driver,
        by: format!("a state {} transitions deep", scenario.transitions.len()),
    });
    let complete = reports.len() == setups && reports.iter().all(|(.., report)| report.complete);
    Outcome { complete, lines, fields, found, failed: false }
}
