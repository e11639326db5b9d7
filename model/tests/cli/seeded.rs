//! `certrotate-model seeded`.

use serde_json::json;

use super::model;

#[test]
fn found_bug_has_engine_invariant_time_and_inputs() {
    let ran = model(&["seeded", "--bug", "B29", "--bug", "B01", "--json", "--threads", "2"]);
    assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    let object = ran.json();
    assert_eq!((&object["outcome"], &object["survivors"]), (&json!("held"), &json!([])));
    let bugs = object["bugs"].as_array().expect("a list");
    let names: Vec<_> = bugs.iter().map(|it| it["bug"].as_str()).collect();
    assert_eq!(names, [Some("B01"), Some("B29")]);
    for bug in bugs {
        let find = &bug["finds"][0];
        assert!(bug["breaks"].as_array().is_some_and(|breaks| breaks.contains(&find["invariant"])), "{bug}");
        assert!(find["seconds"].is_f64() && find["tries"].is_u64() && find["inputs"].is_u64(), "{bug}");
    }
}
