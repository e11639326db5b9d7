//! Mistakes of other crates, which the tests of those crates find.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::Instant;

use certrotate_model_seeded::seeded::ELSEWHERE;
use serde_json::{Value, json};

use crate::output::Usage;

/// A mistake of another crate, and whether its test finds it.
#[derive(Debug)]
pub(crate) struct Tested {
    bug: &'static str,
    home: &'static str,
    breaks: &'static [&'static str],
    /// How many tests looked for it.
    tests: u64,
    found: bool,
    seconds: f64,
}

impl Tested {
    pub(crate) fn json(&self) -> Value {
        let Self { bug, home, breaks, tests, found, seconds } = self;
        let find = json!({
            "engine": format!("tests of {home}"),
            "invariant": breaks.first(),
            "seconds": seconds,
            "inputs": tests,
        });
        json!({
            "bug": bug,
            "crate": home,
            "breaks": breaks,
            "found": found,
            "finds": if *found { vec![find] } else { Vec::new() },
        })
    }
}

impl fmt::Display for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bug, home, breaks, found, seconds, .. } = self;
        let found = if *found { "found" } else { "NOT found" };
        write!(f, "{bug} {found} by the tests of {home} in {seconds:.3} s: {}", breaks.join(" "))
    }
}

/// Whether a mistake is one of those.
pub(crate) fn has(name: &str) -> bool {
    ELSEWHERE.iter().any(|(bug, ..)| *bug == name)
}

/// The flags of cargo for the tests of a crate with its mistakes built in.
fn tests_of(home: &str) -> Vec<String> {
    let package = if home == "agent" { "certrotate".to_owned() } else { format!("certrotate-{home}") };
    let flags = ["test", "--quiet", "--locked", "--package", &package, "--features", "seeded"];
    flags.into_iter().map(str::to_owned).collect()
}

/// Runs the tests that look for the mistakes that are wanted.
pub(crate) fn find(is_wanted: impl Fn(&str) -> bool) -> Result<Vec<Tested>, Usage> {
    let wanted: Vec<_> = ELSEWHERE.iter().filter(|(bug, ..)| is_wanted(bug)).collect();
    let mut homes: Vec<&str> = wanted.iter().map(|(_, home, _)| *home).collect();
    homes.dedup();
    for home in homes {
        let built = Command::new("cargo").args(tests_of(home)).arg("--no-run").stdout(Stdio::null()).status();
        if !built.is_ok_and(|status| status.success()) {
            return Err(Usage(format!(
                "the tests of {home} cannot be built by cargo here; run this in a checkout of the sources, or with --engines-only"
            )));
        }
    }
    wanted.into_iter().map(|(bug, home, breaks)| test(bug, home, breaks)).collect()
}

fn test(bug: &'static str, home: &'static str, breaks: &'static [&'static str]) -> Result<Tested, Usage> {
    let begun = Instant::now();
    // Their names begin with the mistake's.
    let filter = format!("{}_", bug.to_ascii_lowercase());
    let ran = Command::new("cargo").args(tests_of(home)).arg(filter).stderr(Stdio::null()).output();
    let seconds = begun.elapsed().as_secs_f64();
    let ran = ran.map_err(|error| Usage(format!("cargo cannot be run ({error}); try --engines-only")))?;
    let tests = passed(&String::from_utf8_lossy(&ran.stdout));
    Ok(Tested { bug, home, breaks, tests, found: ran.status.success() && tests > 0, seconds })
}

/// How many tests passed: a filter that fits none must not pass for a find.
fn passed(output: &str) -> u64 {
    let counts = output
        .lines()
        .filter_map(|line| line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse::<u64>().ok());
    counts.sum()
}
