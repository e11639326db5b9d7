//! `certrotate-simulation`: runs seeds, or replays one.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use certrotate_simulation::{Counts, Outcome, faults, report, run};
use clap::{Parser, Subcommand};

/// The real time after which a seed counts as endless.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// The number of seeds in which every kind of fault takes effect.
const ENOUGH: u64 = 2000;

/// Run the whole agent in a simulated world.
#[derive(Debug, Parser)]
#[command(name = "certrotate-simulation", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run many seeds; exit with 1 at the first violation
    Run {
        /// The first seed
        #[arg(long, default_value_t = 1)]
        first: u64,
        /// The number of seeds
        #[arg(long, default_value_t = 1000)]
        seeds: u64,
        /// Threads [default: one for each processor]
        #[arg(long)]
        jobs: Option<usize>,
        /// Go on after a violation
        #[arg(long)]
        all: bool,
    },
    /// Replay one seed and print its trace
    Replay {
        /// The seed
        seed: u64,
        /// Print the agent's log at this level, too
        #[arg(long)]
        log: Option<tracing_subscriber::filter::LevelFilter>,
    },
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run { first, seeds, jobs, all } => run_all(first, seeds, jobs, all),
        Command::Replay { seed, log } => {
            if let Some(level) = log {
                tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).init();
            }
            faults(seed).iter().for_each(|fault| println!("  {fault}"));
            let outcome = run(seed);
            outcome.trace.iter().for_each(|line| println!("{line}"));
            print!("{}", report(&Outcome { trace: Vec::new(), ..outcome.clone() }));
            println!("digest {:016x}", outcome.digest);
            ExitCode::from(u8::from(outcome.violation.is_some()))
        }
    }
}

fn run_all(first: u64, seeds: u64, jobs: Option<usize>, all: bool) -> ExitCode {
    let jobs = jobs.or_else(|| std::thread::available_parallelism().ok().map(Into::into)).unwrap_or(1);
    let (next, began) = (AtomicU64::new(first), Instant::now());
    let bad = Mutex::new(Vec::new());
    let counts = Mutex::new(Counts::default());
    let started: Vec<Mutex<Option<(u64, Instant)>>> = (0..jobs).map(|_| Mutex::new(None)).collect();
    let worker = &|slot: &Mutex<Option<(u64, Instant)>>| loop {
        let stop =
            !all && bad.lock().is_ok_and(|bad: std::sync::MutexGuard<'_, Vec<Outcome>>| !bad.is_empty());
        let seed = next.fetch_add(1, Ordering::Relaxed);
        let more = !stop && seed < first + seeds;
        if let Ok(mut slot) = slot.lock() {
            *slot = more.then(|| (seed, Instant::now()));
        }
        if !more {
            return;
        }
        let outcome = run(seed);
        if let Ok(mut counts) = counts.lock() {
            counts.add(&outcome.counts);
        }
        if outcome.violation.is_some()
            && let Ok(mut bad) = bad.lock()
        {
            println!("{}", report(&outcome));
            bad.push(outcome);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = started.iter().map(|slot| scope.spawn(move || worker(slot))).collect();
        while !workers.iter().all(|worker| worker.is_finished()) {
            std::thread::sleep(std::time::Duration::from_millis(100));
            for slot in &started {
                let running = slot.lock().ok().and_then(|slot| *slot);
                if let Some((seed, _)) = running.filter(|(_, since)| since.elapsed() > PATIENCE) {
                    println!("seed {seed} does not end: the agent works on while no time passes");
                    println!("again: certrotate-simulation replay {seed}");
                    std::process::exit(1);
                }
            }
        }
    });
    let (seconds, bad) = (began.elapsed().as_secs_f64(), bad.into_inner().unwrap_or_default());
    let counts = counts.into_inner().unwrap_or_default();
    println!(
        "{} seeds in {seconds:.1} s, {:.0} a second, {} violations",
        counts.seeds,
        counts.seeds as f64 / seconds,
        bad.len()
    );
    let is_complete = show(&counts);
    ExitCode::from(u8::from(!bad.is_empty() || !is_complete))
}

/// Prints the counts. Returns false if so many seeds must have done more.
fn show(counts: &Counts) -> bool {
    println!(
        "{} processes, {:.0} simulated hours, {} connections, {} requests, {} certificates, {} rotations, {} disk commands, {} file reads",
        counts.processes,
        counts.simulated_ms as f64 / 3_600_000.0,
        counts.connections,
        counts.requests,
        counts.certificates,
        counts.rotations,
        counts.disk_commands,
        counts.file_work,
    );
    let faults: Vec<String> = counts.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    println!("faults: {}", faults.join(", "));
    if counts.seeds < ENOUGH {
        return true;
    }
    let missing = counts.missing();
    if !missing.is_empty() {
        println!("these faults never took effect: {}", missing.join(", "));
    }
    // Each seed ends with a recovery and a renewal.
    let has_rotated = counts.rotations >= 2 * counts.seeds;
    if !has_rotated {
        println!("too few rotations: a seed without a violation has two");
    }
    missing.is_empty() && has_rotated
}
