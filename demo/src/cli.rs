//! The command line of `certrotate-demo`.

use std::io::Write as _;
use std::path::PathBuf;

use certrotate::cli::{RunArgs, block_on, raise, termination};
use certrotate::edges::Edges;
use certrotate::exit::Exit;
use certrotate::node::Node;
use clap::{ArgAction, Parser, Subcommand};
use serde::Serialize;
use tracing::level_filters::LevelFilter;

use crate::chaos;
use crate::injection::{FaultInjection, FaultyDisk};
use crate::show;

/// The renewals of a demo without faults.
const ROTATIONS: u32 = 5;

/// Watch a node get its first certificate and rotate it, against an embedded control plane.
#[derive(Debug, Parser)]
#[command(
    name = "certrotate-demo",
    version,
    about,
    max_term_width = 100,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    args: DemoArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// For --chaos: run an agent that reads injected faults from standard input.
    #[command(hide = true)]
    Agent(RunArgs),
}

#[derive(Debug, clap::Args)]
struct DemoArgs {
    /// Renewals to wait for after the first certificate [default: 5; with --chaos 12, one for each kind of fault]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rotations: Option<u32>,
    /// Run the agent under fault injection: kills, outages, bad answers, a full disk and clock jumps, planned by the seed
    #[arg(long)]
    chaos: bool,
    /// With --chaos: the seed of the plan; the same seed plans the same faults [default: a random one, which is printed]
    #[arg(long, value_name = "S", requires = "chaos")]
    seed: Option<u64>,
    /// Keep all files in this directory (it must be empty or missing) [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print a summary as one JSON object, the last line on standard output
    #[arg(long)]
    json: bool,
    /// Log more: -v info, -vv debug, -vvv trace
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
}

/// Parses the command line and executes it.
///
/// Bad flags end the process here, with clap's message and status 2.
pub(crate) fn main() -> Exit {
    let Cli { command, args } = Cli::parse();
    match command {
        Some(Command::Agent(args)) => block_on(args.detail(), agent(args)),
        None => {
            // A mount namespace can be made only while the process has one thread.
            let own_mounts = args.chaos && chaos::own_mounts().is_ok();
            block_on(raise(LevelFilter::ERROR, args.verbose), demo(args, own_mounts))
        }
    }
}

/// As `certrotate run`, with the faults that standard input injects.
async fn agent(args: RunArgs) -> Result<Exit, String> {
    let injection = FaultInjection::from_stdin()?;
    let assemble = move |options: &_, observer| {
        Node::with_parts(options, observer, Edges::system(injection.clone()), |disk| {
            FaultyDisk::new(disk, injection.clone())
        })
    };
    certrotate::cli::run(args, assemble).await
}

async fn demo(args: DemoArgs, own_mounts: bool) -> Result<Exit, String> {
    let interrupt = async {
        if termination().await.is_err() {
            // Without signal handlers the demo runs to its end, or is killed.
            std::future::pending::<()>().await;
        }
    };
    let good = if args.chaos {
        let seed = match args.seed {
            Some(seed) => seed,
            None => u64::from(random()?),
        };
        let rotations = args.rotations.unwrap_or(chaos::plan::DECK as u32);
        let options = chaos::Options { seed, rotations, keep: args.keep, own_mounts };
        let summary = chaos::run(&options, interrupt).await?;
        print_json(args.json, &summary)?;
        summary.is_good()
    } else {
        let options = show::Options { rotations: args.rotations.unwrap_or(ROTATIONS), keep: args.keep };
        let summary = show::run(&options, interrupt).await?;
        print_json(args.json, &summary)?;
        summary.is_good()
    };
    Ok(if good { Exit::Done } else { Exit::Internal })
}

fn print_json(wanted: bool, summary: &impl Serialize) -> Result<(), String> {
    if wanted {
        let json =
            serde_json::to_string(summary).map_err(|error| format!("the summary is no JSON: {error}"))?;
        // A reader that closed the pipe has read enough.
        match writeln!(std::io::stdout(), "{json}") {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                return Err(format!("standard output cannot be written: {error}"));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Returns a random seed that is short enough to be typed again.
fn random() -> Result<u32, String> {
    use aws_lc_rs::rand::SecureRandom as _;
    let mut bytes = [0; 4];
    let filled = aws_lc_rs::rand::SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| "the system gives no randomness; give --seed".to_owned())?;
    Ok(u32::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests;
