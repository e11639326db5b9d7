//! `certrotate-model seeded`.

use crate::engine::{Common, Outcome};
use crate::output::{Output, Usage};
use crate::progress::Meter;

/// Break the machine or the driver on purpose, and see that an invariant notices
///
/// Each seeded bug is one that somebody could make. The engines look for it as they would look for
/// a real one; a bug that none of them finds is a hole in the invariants, and a violation here.
///
/// Bound: --runs seeds for each bug, or --seconds for all.
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Example: what there is, and one of them
  certrotate-model seeded --list
  certrotate-model seeded skips-directory-syncs --seed 1"
)]
pub(crate) struct Args {
    /// Which bugs [default: all]
    #[arg(value_name = "BUG")]
    pub(crate) bugs: Vec<String>,
    /// List them, each with the invariant that should notice
    #[arg(long)]
    pub(crate) list: bool,
    /// The first seed of each search
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The most seeds for each bug
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) runs: u64,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Looks for them.
pub(crate) fn run(args: &Args, meter: &mut Meter, out: Output) -> Result<Outcome, Usage> {
    let _ = (args, meter, out);
    Err(Usage("seeded has no engine in this build; use simulate".into()))
}
