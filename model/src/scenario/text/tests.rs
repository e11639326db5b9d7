use std::path::Path;

use super::*;
use crate::simulate;

#[test]
fn scenario_text_is_read_back_equal() {
    for seed in 0..200 {
        let scenario = simulate::scenario(seed, 60);
        let text = scenario.to_text("because of\ntwo lines");
        assert_eq!(Scenario::from_text(&text).as_ref(), Ok(&scenario), "{text}");
        assert_eq!(scenario.to_text("because of\ntwo lines"), text);
    }
}

#[test]
fn every_transition_and_setup_line_is_read_back_equal() {
    for choice in 0..=u8::MAX {
        let setup = Setup::decode(choice, 7);
        let transitions = if choice == 0 { Transition::all() } else { Vec::new() };
        for transitions in transitions.chunks(MOST_TRANSITIONS).chain([[].as_slice()]) {
            let scenario = Scenario { setup, transitions: transitions.to_vec() };
            assert_eq!(Scenario::from_text(&scenario.to_text("")), Ok(scenario));
        }
    }
}

#[test]
fn scenario_text_needs_no_words_and_allows_comments_anywhere() {
    let text = "# why\n\n8001\n  # more\n0003\n1F07 #PowerCut(7)\n";
    assert_eq!(Scenario::from_text(text), Ok(Scenario::decode(&[0x80, 1, 0, 3, 0x1f, 7])));
}

#[test]
fn every_error_names_line_and_remedy() {
    let many = "0000\n".repeat(MOST_TRANSITIONS + 2);
    let texts =
        ["", "# only words", "8001\n00", "8001\n0003  # PowerCut(7)", "8001  # settled", "é001", &many];
    let errors: Vec<String> = texts
        .iter()
        .map(|text| Scenario::from_text(text).expect_err("it is no scenario").to_string())
        .collect();
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn odd_hexadecimal_digits_are_refused() {
    assert_eq!(from_hex("80 01\n0A"), Some(vec![0x80, 1, 10]));
    assert_eq!((from_hex("8"), from_hex("8g"), from_hex("+1")), (None, None, None));
}

#[test]
fn committed_scenarios_are_short_canonical_and_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let scenario =
            Scenario::from_text(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let why: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# ")).collect();
        assert_eq!(scenario.to_text(&why.join("\n")), text, "{} is not canonical", path.display());
        assert!(!why.is_empty(), "{} does not say why it is kept", path.display());
        assert!(text.lines().count() <= MOST_GOLDEN_LINES, "{} is too long to be read", path.display());
        if let Some(violation) = scenario.play().world.violation {
            panic!("{}: {}", path.display(), scenario.failure(&violation));
        }
        seen += 1;
    }
    assert!(seen > 0, "{} has scenarios", folder.display());
}
