//! The program that `scripts/disk` runs.

use std::fmt;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use certrotate_core::time::WallTime;
use certrotate_realfs::disk::{Disk, Manner};
use certrotate_realfs::errors::Choice;
use certrotate_realfs::node::Node;
use certrotate_realfs::power::{self, Nested, Site};
use certrotate_realfs::scenario::{RUN, Scenario};
use certrotate_realfs::strace::Runner;
use certrotate_realfs::volume::{Cut, Kind, Volume};
use certrotate_realfs::wire::Far;
use certrotate_realfs::{errors, kill, snapshot};
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(about = "Shows on real file systems that no crash leaves a partial certificate file")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run a node. Its world is the process at the other end of standard input and output.
    Node {
        /// Its certificate directory.
        #[arg(long)]
        directory: PathBuf,
        /// How it treats the disk.
        #[arg(long, value_parser = manner)]
        manner: Manner,
        /// When it starts, in milliseconds since 1970.
        #[arg(long)]
        start: i64,
    },
    /// Kill a node before each of its system calls. Needs strace.
    Kill {
        /// Also test the naive stores whose fault a kill cannot show.
        #[arg(long)]
        all: bool,
    },
    /// Let each of a node's system calls fail. Needs strace.
    Errors {
        /// Inject every kind of error, also lasting ones.
        #[arg(long)]
        all: bool,
    },
    /// Compare the sequences of system calls with the reviewed ones, and count the syncs. Needs
    /// strace.
    Snapshots {
        /// The folder of the reviewed sequences.
        #[arg(long, default_value = "realfs/snapshots")]
        folder: PathBuf,
        /// Write the files anew.
        #[arg(long)]
        bless: bool,
    },
    /// Cut the power before each step. Needs root, loop devices and python3.
    Power {
        /// The file systems, all required. The default is every file system that this kernel has.
        #[arg(value_parser = kind)]
        kinds: Vec<Kind>,
        /// Also test the naive stores whose fault a power cut cannot show.
        #[arg(long)]
        all: bool,
        /// Cut the power a second time during the recovery of the next start.
        #[arg(long)]
        nested: bool,
    },
}

fn manner(text: &str) -> Result<Manner, String> {
    Manner::of(text).ok_or_else(|| format!("there is no manner {text:?}"))
}

fn kind(text: &str) -> Result<Kind, String> {
    Kind::of(text).ok_or_else(|| format!("there is no file system {text:?}"))
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().what {
        What::Node { directory, manner, start } => {
            node(&directory, manner, WallTime::from_unix_ms(start));
            Ok(())
        }
        What::Kill { all } => in_scratch(|scratch| kill(scratch, all)),
        What::Errors { all } => {
            in_scratch(|scratch| errors(scratch, if all { Choice::All } else { Choice::Some }))
        }
        What::Snapshots { folder, bless } => in_scratch(|scratch| {
            let runner = Runner::here(scratch).map_err(|error| error.to_string())?;
            snapshot::check(&runner, scratch, &folder, bless)?;
            println!(
                "snapshots: the sequences are as reviewed; 5 syncs in a rotation, 3 of them since the certificate came, 1 at a start"
            );
            Ok(())
        }),
        What::Power { kinds, all, nested } => in_scratch(|scratch| power(scratch, &kinds, all, nested)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("realfs: {why}");
            ExitCode::FAILURE
        }
    }
}

fn node(directory: &Path, manner: Manner, start: WallTime) {
    let mut far = Far::new(BufReader::new(io::stdin()), io::stdout());
    let mut disk = Disk::new(directory, manner);
    let ended = Node::new(&mut disk, &mut far, (start, RUN)).run();
    far.ended(&ended.to_string());
}

fn in_scratch(what: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), String> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    // strace shows paths without links.
    let path = scratch.path().canonicalize().map_err(|error| error.to_string())?;
    what(&path)
}

fn kill(scratch: &Path, all: bool) -> Result<(), String> {
    let runner = Runner::here(scratch).map_err(|error| error.to_string())?;
    for scenario in Scenario::ALL {
        let tally = kill::everywhere(&runner, scratch, Manner::Shipped, scenario)?;
        println!("kill: {}: {tally}", scenario.name());
    }
    for manner in Manner::NAIVE.into_iter().filter(|manner| all || kill::shows(*manner)) {
        let outcome = kill::everywhere(&runner, scratch, manner, Scenario::Rotations);
        println!("{}", expected("kill", manner, &outcome, kill::shows(manner))?);
    }
    Ok(())
}

fn errors(scratch: &Path, choice: Choice) -> Result<(), String> {
    let runner = Runner::here(scratch).map_err(|error| error.to_string())?;
    for scenario in Scenario::ALL {
        let tally = errors::everywhere(&runner, scratch, scenario, choice)?;
        println!("errors: {}: {tally}", scenario.name());
    }
    Ok(())
}

fn power(scratch: &Path, kinds: &[Kind], all: bool, nested: bool) -> Result<(), String> {
    let asked = !kinds.is_empty();
    let kinds = if asked { kinds } else { &Kind::ALL };
    let mut ran = 0;
    for kind in kinds.iter().copied() {
        if let Err(why) = power::is_possible(kind) {
            if asked {
                return Err(format!("{kind}: {why}"));
            }
            println!("power: {kind}: SKIPPED: {why}");
            continue;
        }
        let volume = Volume::new(kind, scratch).map_err(|error| error.to_string())?;
        ran += 1;
        for cut in Cut::ALL {
            let naive =
                Manner::NAIVE.into_iter().filter(|manner| !nested && (all || power::shows(*manner, cut)));
            for manner in [Manner::Shipped].into_iter().chain(naive) {
                let site = Site { volume: &volume, cut, manner };
                let tally = site.everywhere(if nested { Nested::Yes } else { Nested::No })?;
                let name = format!("power: {kind}, {}", cut.name());
                let outcome = if tally.wrong.is_some() { Err(tally.to_string()) } else { Ok(tally) };
                println!("{}", expected(&name, manner, &outcome, power::shows(manner, cut))?);
            }
        }
    }
    if ran == 0 { Err("no power was cut: nothing is shown".to_owned()) } else { Ok(()) }
}

/// Returns the output line about a faulty store.
///
/// # Errors
///
/// The store passed where it must fail, or failed where it must pass.
fn expected<T: fmt::Display>(
    what: &str,
    manner: Manner,
    outcome: &Result<T, String>,
    shows: bool,
) -> Result<String, String> {
    let name = manner.name();
    match outcome {
        Err(why) if shows => Ok(format!("{what}: {name} fails, as it must: {why}")),
        Ok(tally) if manner == Manner::Shipped => Ok(format!("{what}: {tally}")),
        Ok(tally) if !shows => Ok(format!("{what}: {name} passes, as this cannot show it: {tally}")),
        Err(why) => Err(format!("{what}: {name} was to pass, and failed: {why}")),
        Ok(tally) => Err(format!("{what}: {name} was to fail, and passed: {tally}: the check sees nothing")),
    }
}
