//! Bugs of other crates, which the tests under `seeded/` find.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::Instant;

use certrotate_seeded_matrix::Bug;
use serde_json::{Value, json};

use crate::output::Usage;

/// A bug of another crate, and whether its test finds it.
#[derive(Debug)]
pub(crate) struct Tested {
    bug: Bug,
    home: &'static str,
    /// How many tests searched for it.
    tests: u64,
    found: bool,
    seconds: f64,
}

impl Tested {
    pub(crate) fn json(&self) -> Value {
        let Self { bug, home, tests, found, seconds } = self;
        let breaks = bug.breaks();
        let find = json!({
            "engine": format!("tests of {home}"),
            "invariant": breaks.first(),
            "seconds": seconds,
            "inputs": tests,
        });
        json!({
            "bug": bug.name(),
            "crate": home,
            "breaks": breaks,
            "found": found,
            "finds": if *found { vec![find] } else { Vec::new() },
        })
    }
}

impl fmt::Display for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bug, home, found, seconds, .. } = self;
        let found = if *found { "found" } else { "NOT found" };
        let (name, breaks) = (bug.name(), bug.breaks().join(" "));
        write!(f, "{name} {found} by the tests of {home} in {seconds:.3} s: {breaks}")
    }
}

/// The flags of cargo for the tests of a crate with its bugs built in.
fn tests_of(home: &str) -> Vec<String> {
    let package = format!("certrotate-{home}-seeded");
    // Without `--test`, a name makes cargo build the unit tests of the copied sources too.
    let flags = ["test", "--quiet", "--locked", "--package", &package, "--test", "seeded"];
    flags.into_iter().map(str::to_owned).collect()
}

/// Runs the tests that search for the wanted bugs.
pub(crate) fn find(is_wanted: impl Fn(&Bug) -> bool) -> Result<Vec<Tested>, Usage> {
    let home = |bug: Bug| Some((bug, bug.home().tests()?));
    let wanted: Vec<_> = Bug::of_tests().filter(is_wanted).filter_map(home).collect();
    let mut homes: Vec<&str> = wanted.iter().map(|(_, home)| *home).collect();
    homes.dedup();
    for home in homes {
        let built = Command::new("cargo").args(tests_of(home)).arg("--no-run").stdout(Stdio::null()).status();
        if !built.is_ok_and(|status| status.success()) {
            return Err(Usage(format!(
                "the tests of {home} cannot be built by cargo here; run this in a checkout of the sources, or with --engines-only"
            )));
        }
    }
    wanted.into_iter().map(|(bug, home)| test(bug, home)).collect()
}

fn test(bug: Bug, home: &'static str) -> Result<Tested, Usage> {
    let begun = Instant::now();
    // Their names begin with the bug's.
    let filter = format!("{}_", bug.name().to_ascii_lowercase());
    let ran = Command::new("cargo").args(tests_of(home)).arg(filter).stderr(Stdio::null()).output();
    let seconds = begun.elapsed().as_secs_f64();
    let ran = ran.map_err(|error| Usage(format!("cargo cannot be run ({error}); try --engines-only")))?;
    let tests = passed(&String::from_utf8_lossy(&ran.stdout));
    Ok(Tested { bug, home, tests, found: ran.status.success() && tests > 0, seconds })
}

/// How many tests passed: a filter that fits none must not pass for a find.
fn passed(output: &str) -> u64 {
    let counts = output
        .lines()
        .filter_map(|line| line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse::<u64>().ok());
    counts.sum()
}
