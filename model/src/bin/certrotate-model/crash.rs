//! `certrotate-model crash`.

use certrotate_model::disk::image::Profile;

use crate::engine::{Common, Outcome, profile};
use crate::output::{Output, Usage};
use crate::progress::Meter;

/// Cut the power after every disk operation, and start from every image that may be left
///
/// A rotation is played; after each of its disk operations every image that a power cut may leave
/// under the profile is enumerated, none drawn. From each the node starts again, must keep every
/// invariant, and must settle.
///
/// Bound: --cuts power cuts in one story, each later one in the recovery from the one before.
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Example: two power cuts, the second in the recovery from the first, on the weakest file system
  certrotate-model crash --profile alice --cuts 2"
)]
pub(crate) struct Args {
    /// File system: alice (all POSIX allows), ext4-ordered, xfs, btrfs, process-crash-only
    #[arg(long, value_name = "NAME", default_value = "alice", value_parser = profile)]
    pub(crate) profile: Profile,
    /// The most power cuts in one story
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) cuts: u32,
    /// The setup to begin with, two bytes in hexadecimal, again for more [default: 0001 and 8001]
    #[arg(long, value_name = "HEX")]
    pub(crate) setup: Vec<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Cuts.
pub(crate) fn run(args: &Args, meter: &mut Meter, out: Output) -> Result<Outcome, Usage> {
    let _ = (args, meter, out);
    Err(Usage("crash has no engine in this build; use simulate".into()))
}
