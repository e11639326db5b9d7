//! `certrotate-model crash`.

use certrotate_model::crash::{self, Level, Report};
use certrotate_model::disk::image::Profile;
use certrotate_model::explore::Bound;
use certrotate_model::scenario::wrong;
use certrotate_model::world::Driver;
use serde_json::{Map, Value, json};

use crate::engine::{Common, Found, Outcome, driver, profile, setup};
use crate::output::{Output, Usage, number};
use crate::progress::{Meter, Progress};

/// Cut the power after every disk operation, and start from every image that may be left
///
/// The explorer gives every sequence of disk operations within its bound; after each prefix of each,
/// every image that a power cut may leave under the profile is enumerated, none drawn. From each the
/// node starts again, must keep every invariant, and must converge; and the power goes again at
/// every moment of that.
///
/// Bound: --faults and --rotations of the explorer; --cuts power cuts, each later one in the recovery
/// from the one before.
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
    profile: Profile,
    /// The most power cuts, one in the recovery from the other
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=3))]
    cuts: u8,
    /// The most faults beside them
    #[arg(long, value_name = "N", default_value_t = 1)]
    faults: u8,
    /// How many identities go live at the most
    #[arg(long, value_name = "N", default_value_t = 2)]
    rotations: u8,
    /// The setup to begin with, two bytes in hexadecimal
    #[arg(long, value_name = "HEX", default_value = "0000")]
    setup: String,
    /// Let the driver be faulty on purpose, as skips-directory-syncs is; `?` lists them
    #[arg(long, value_name = "NAME", default_value = "correct", value_parser = driver)]
    driver: Driver,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Cuts.
pub(crate) fn run(args: &Args, meter: &mut Meter, out: Output) -> Result<Outcome, Usage> {
    let Args { faults, rotations, cuts, .. } = *args;
    let bound = Bound { setup: setup(&args.setup)?, faults, rotations, settles: false };
    out.line(format_args!("setup {}, profile {}, driver {}", args.setup, args.profile, args.driver));
    let report = crash::enumerate(bound, wrong(args.driver), cuts - 1, args.profile, |progress| {
        meter.go_on(Progress { done: progress.recoveries(), all: None, unit: "recoveries" })
    });
    Ok(outcome(&report, args, meter.elapsed().as_secs_f64()))
}

fn outcome(Report { progress, complete, found }: &Report, args: &Args, seconds: f64) -> Outcome {
    let rate = |count: u64| number((count as f64 / seconds) as u64);
    let mut lines: Vec<String> = progress.to_string().lines().map(str::to_owned).collect();
    lines.push(format!(
        "{} images/s enumerated and judged, {} recoveries/s run and judged, in {seconds:.1} s",
        rate(progress.images()),
        rate(progress.ran()),
    ));
    let level = |it: &Level| {
        json!({
            "moments": it.points, "images": it.images, "recoveries": it.recoveries, "again": it.again, "known": it.known,
        })
    };
    let value = json!({
        "setup": args.setup,
        "profile": args.profile.to_string(),
        "driver": args.driver.to_string(),
        "sequences": progress.sequences,
        "prefixes": progress.prefixes,
        "images": progress.images(),
        "recoveries": progress.recoveries(),
        "recoveries_run": progress.ran(),
        "steps": progress.steps,
        "depths": progress.levels.iter().map(level).collect::<Vec<_>>(),
    });
    let fields = match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let found = found.as_ref().map(|(scenario, violation)| Found {
        violation: *violation,
        scenario: scenario.clone(),
        driver: args.driver,
        by: "a power cut".into(),
    });
    Outcome { complete: *complete, lines, fields, found, failed: false }
}
