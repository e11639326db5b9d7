//! `certrotate-model replay`.

use std::fs;
use std::path::Path;

use certrotate_core::trace::FORMAT;

use crate::{model, model_in};

const POWER_CUT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/scenarios/s3_power_cut_removes_the_current_link_in_its_first_rename.scenario"
);

#[test]
fn committed_scenario_is_replayed_step_by_step() {
    let ran = model(&["replay", POWER_CUT]);
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    insta::assert_snapshot!(ran.out);
}

#[test]
fn stop_shows_state_and_images() {
    let ran = model(&["replay", POWER_CUT, "--until", "22", "--state", "--images"]);
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    let (_, from_there) = ran.out.split_once("\n\n").expect("the state is a paragraph of its own");
    insta::assert_snapshot!(from_there);
}

#[test]
fn text_bytes_and_digits_replay_the_same() {
    let folder = tempfile::tempdir().expect("there is room");
    fs::write(folder.path().join("bytes"), [0x80, 1, 0, 3, 0x1f, 2]).expect("there is room");
    fs::write(folder.path().join("text"), "# by hand\n8001\n0003\n1f02\n").expect("there is room");
    let told = |flags: &[&str]| model_in(folder.path(), &[&["replay"], flags].concat()).out;
    assert_eq!(told(&["bytes"]), told(&["--hex", "8001 0003 1f02"]));
    assert_eq!(told(&["bytes"]), told(&["text"]));
    assert_ne!(told(&["text", "--as", "bytes"]), told(&["text"]));
    assert_eq!(told(&["text", "--diff", "bytes"]).lines().count(), 2);
}

#[test]
fn first_difference_is_shown_and_exits_with_1() {
    let ran = model(&["replay", "--hex", "80010007", "--diff", "hex:800100010800", "--json"]);
    assert_eq!(ran.status, Some(1), "{}", ran.err);
    assert_eq!(ran.json()["outcome"], "differs");
    insta::assert_snapshot!(ran.err);
}

#[test]
fn differing_trace_stops_and_shows_both_steps() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("run.jsonl");
    let ran = model_in(folder.path(), &["simulate", "--seed", "2", "--runs", "1", "--trace", "run.jsonl"]);
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    let text = fs::read_to_string(&path).expect("it was written");
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let said = |lines: &[String], flags: &[&str]| {
        fs::write(&path, lines.join("\n")).expect("there is room");
        model_in(Path::new(folder.path()), &[&["replay", "run.jsonl"], flags].concat())
    };
    let mut other = lines.clone();
    other[3] = other[3].replace("\"Applied\"", "{\"Ignored\":\"Busy\"}");
    assert_ne!(other[3], lines[3], "the third step was applied");
    let ran = said(&other, &["--json"]);
    assert_eq!((ran.status, &ran.json()["outcome"]), (Some(1), &"differs".into()), "{}", ran.err);
    assert!(ran.err.contains("step 3 comes out otherwise than it was recorded"), "{}", ran.err);
    assert!(ran.err.contains("recorded  scanned: no current link, 0 names: Ignored(Busy), "), "{}", ran.err);

    let headless = said(&lines[1..], &[]);
    assert_eq!(headless.status, Some(2));
    assert!(headless.err.contains("line 1: a record without a header"), "{}", headless.err);
    let mut format = lines.clone();
    format[0] = format[0].replace(&format!("\"format\":{FORMAT}"), "\"format\":99");
    let expected = format!("line 1: format 99 is not {FORMAT}");
    assert!(said(&format, &[]).err.contains(&expected), "{}", said(&format, &[]).err);
    let garbage = said(&["{\"no\": 1}".to_owned()], &[]);
    assert!(garbage.err.contains("line 1: neither a header nor a record"), "{}", garbage.err);
    let disk = said(&lines, &["--images"]);
    assert!(disk.status == Some(2) && disk.err.contains("a trace has no disk"), "{}", disk.err);
}
