//! The program as its user sees it: help, exit statuses, last lines, files.

mod conformance;
mod replay;
mod seeded;
mod simulate;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// What a command printed, and its status.
struct Ran {
    status: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    /// The last line on standard output, which must be an object.
    fn json(&self) -> Value {
        let last = self.out.lines().last().expect("there is a last line");
        let value: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"));
        assert!(value.is_object(), "{last}");
        value
    }
}

fn model(flags: &[&str]) -> Ran {
    model_in(Path::new(env!("CARGO_TARGET_TMPDIR")), flags)
}

fn model_in(folder: &Path, flags: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_certrotate-model"));
    let Output { status, stdout, stderr } =
        command.args(flags).current_dir(folder).output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("it prints text");
    Ran { status: status.code(), out: text(stdout), err: text(stderr) }
}

#[test]
fn every_help_text_has_purpose_bound_and_example() {
    for command in ["explore", "crash", "simulate", "seeded", "replay", "conformance"] {
        let ran = model(&[command, "--help"]);
        assert_eq!(ran.status, Some(0));
        assert!(ran.out.contains("\nBound: ") && ran.out.contains("Example"), "{}", ran.out);
        insta::assert_snapshot!(format!("help_{command}"), ran.out);
    }
    insta::assert_snapshot!("help", model(&["--help"]).out);
}

#[test]
fn invalid_usage_exits_with_2_and_says_what_to_do() {
    let cases: [&[&str]; 16] = [
        &[],
        &["simulate", "--no-such-flag"],
        &["simulate", "--runs", "0"],
        &["simulate", "--driver", "sleepy"],
        &["simulate", "--trace", "run.jsonl"],
        &["seeded", "--bug", "B99"],
        &["replay"],
        &["replay", "--hex", "8"],
        &["replay", "--hex", "80", "--seed", "1"],
        &["replay", "there-is-no-such-file"],
        &["replay", "--hex", "8001", "--until", "100000"],
        &["replay", "--hex", "8001", "--diff", "seed:x"],
        &["crash", "--profile", "fat"],
        &["conformance"],
        &["conformance", "--scenario", "?", "--", "true"],
        &["conformance", "--", "there-is-no-such-program"],
    ];
    let mut said = String::new();
    for flags in cases {
        let ran = model(flags);
        assert_eq!((ran.status, ran.out.as_str()), (Some(2), ""), "{flags:?}: {}", ran.err);
        let error = ran.err.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        said.push_str(&format!("$ certrotate-model {}\n{error}\n\n", flags.join(" ")));
    }
    insta::assert_snapshot!("usage", said);
}
