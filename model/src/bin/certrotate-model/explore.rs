//! `certrotate-model explore`.

use crate::engine::{Common, Outcome};
use crate::output::{Output, Usage};
use crate::progress::Meter;

/// Search every reachable world, breadth first, up to a bound
///
/// From every setup that is asked for, every event of the alphabet is tried in every world; worlds
/// that go on alike are visited once. The invariants are asked after every step, and from every
/// world everything heals and the node must settle. The first violation found is one with as few
/// events as possible.
///
/// Bound: --depth events of which at most --faults are faults; within it nothing is left out.
/// --states, --seconds and --memory stop it before; then the result says so and is partial.
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Example: everything within eight events with up to two faults among them
  certrotate-model explore --depth 8 --faults 2"
)]
pub(crate) struct Args {
    /// The most events
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) depth: u32,
    /// The most faults among them
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) faults: u32,
    /// Stop after so many states
    #[arg(long, value_name = "N")]
    pub(crate) states: Option<u64>,
    /// The setup to begin with, two bytes in hexadecimal, again for more [default: 0001 and 8001]
    #[arg(long, value_name = "HEX")]
    pub(crate) setup: Vec<String>,
    /// Threads
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(crate) threads: u64,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Searches.
pub(crate) fn run(args: &Args, meter: &mut Meter, out: Output) -> Result<Outcome, Usage> {
    let _ = (args, meter, out);
    Err(Usage("explore has no engine in this build; use simulate".into()))
}
