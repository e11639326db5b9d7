//! The model's engines on the command line: what they found out, within which bound, and how to see it again.
//!
//! The library decides; this program gives it bounds, shows how far it is, and reports the result. It alone reads a
//! clock, writes files and listens to signals.

mod conformance;
mod crash;
mod engine;
mod explore;
mod output;
mod progress;
mod replay;
mod seeded;
mod simulate;
#[cfg(feature = "stateright")]
mod web;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::output::{Exit, Output};

/// Engines that search for a broken invariant of certificate rotation, and a replayer for what they find.
#[derive(Debug, Parser)]
#[command(name = "certrotate-model", version, max_term_width = 100, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Exit status: 0 everything held within the bound, 1 something did not, 2 usage.
Ctrl-C ends a command with what it has so far; a second one ends it at once.";

#[derive(Debug, Subcommand)]
enum Command {
    Explore(explore::Args),
    Crash(crash::Args),
    Simulate(simulate::Args),
    Seeded(seeded::Args),
    Replay(replay::Args),
    Conformance(conformance::Args),
    #[cfg(feature = "stateright")]
    Web(web::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let stop = progress::listen();
    let exit = match &cli.command {
        Command::Explore(args) => {
            engine::run("explore", &args.common, &stop, |it, out| explore::run(args, it, out))
        }
        Command::Crash(args) => {
            engine::run("crash", &args.common, &stop, |it, out| crash::run(args, it, out))
        }
        Command::Simulate(args) => {
            engine::run("simulate", &args.common, &stop, |it, out| simulate::run(args, it, out))
        }
        Command::Seeded(args) => {
            engine::run("seeded", &args.common, &stop, |it, out| seeded::run(args, it, out))
        }
        Command::Replay(args) => {
            let out = Output::new(args.json);
            // A panic has said on standard error where it is.
            let replayed = catch_unwind(AssertUnwindSafe(|| replay::run(args, &out)));
            replayed.map_or_else(
                |_| engine::panicked("replay", out),
                |it| it.unwrap_or_else(|usage| out.usage(&usage)),
            )
        }
        Command::Conformance(args) => {
            let out = Output::new(args.json);
            conformance::run(args, out).unwrap_or_else(|usage| out.usage(&usage))
        }
        #[cfg(feature = "stateright")]
        Command::Web(args) => web::run(args).unwrap_or_else(|usage| Output::new(false).usage(&usage)),
    };
    exit.code()
}

impl Exit {
    fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
